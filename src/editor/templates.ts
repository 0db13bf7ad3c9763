import * as vscode from "vscode";
import type { TemplateView } from "../api/index.ts";
import type { Service } from "./service.ts";

/** Which template is meant; what a row of the tree is. */
export interface TemplateRef {
  /** Its id, or its name from other code. */
  readonly template: string;
}

export function isTemplateRef(value: unknown): value is TemplateRef {
  return typeof value === "object" && value !== null && typeof (value as Partial<TemplateRef>).template === "string";
}

/** What this window knows of the templates: asked for when somebody looks, then kept true by vivd's events. */
export class Templates implements vscode.Disposable {
  readonly #service: Service;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable[];
  #listed: Promise<readonly TemplateView[]> | undefined;
  #all: readonly TemplateView[] = [];

  readonly onDidChange = this.#changed.event;

  constructor(service: Service) {
    this.#service = service;
    this.#subscriptions = [
      service.onEvent(({ event }) => {
        if (event === "template.changed") this.#again();
      }),
      service.onDidConnect(() => this.#again()),
    ];
  }

  /** Those that the last list had; before it none. */
  get all(): readonly TemplateView[] {
    return this.#all;
  }

  /** By id, else by name. */
  find(nameOrId: string): TemplateView | undefined {
    return this.#all.find(({ id }) => id === nameOrId) ?? this.#all.find(({ name }) => name === nameOrId);
  }

  load(): Promise<readonly TemplateView[]> {
    return this.#listed ?? this.#list();
  }

  /** Asks anew: an answer of the service may name one whose event is still on its way. */
  reload(): Promise<readonly TemplateView[]> {
    return this.#list();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  /** What nobody looked at yet is not asked for. */
  #again(): void {
    if (this.#listed)
      this.#list().then(
        () => this.#changed.fire(),
        () => undefined,
      );
  }

  #list(): Promise<readonly TemplateView[]> {
    const listed = this.#service.call("template.list", {});
    this.#listed = listed;
    return listed.then(
      (all) => {
        // A newer list may be here already.
        if (this.#listed === listed) this.#all = all;
        return all;
      },
      (error: unknown) => {
        if (this.#listed === listed) this.#listed = undefined;
        throw error;
      },
    );
  }
}
