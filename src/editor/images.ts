import * as vscode from "vscode";
import type { ImageView, VivEvent } from "../api/index.ts";
import type { Service } from "./service.ts";

/** Which image is meant; what a row of the tree is. */
export interface ImageRef {
  readonly image: ImageView;
}

export function isImageRef(value: unknown): value is ImageRef {
  const image = (value as Partial<ImageRef> | undefined)?.image;
  return typeof image === "object" && typeof image.name === "string";
}

/** Images with what is built on them: asked for when somebody looks, kept until an event says they changed. */
export class Images implements vscode.Disposable {
  readonly #service: Service;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable[];
  readonly #newer = new Set<string>();
  #asked: Promise<readonly ImageView[]> | undefined;

  readonly onDidChange = this.#changed.event;

  constructor(service: Service) {
    this.#service = service;
    this.#subscriptions = [
      service.onEvent((event: VivEvent) => {
        if (event.event === "image.changed" || event.event === "machine.removed") this.#forget();
      }),
      service.onDidChangeStatus(() => this.#forget()),
    ];
  }

  list(): Promise<readonly ImageView[]> {
    this.#asked ??= this.#service.call("image.list", { usage: true });
    const asked = this.#asked;
    asked.catch(() => {
      if (this.#asked === asked) this.#asked = undefined;
    });
    return asked;
  }

  /** Its publisher had a newer one when it was last asked. */
  hasNewer(image: ImageView): boolean {
    return this.#newer.has(keyOf(image));
  }

  setNewer(images: readonly Pick<ImageView, "name" | "architecture">[]): void {
    this.#newer.clear();
    for (const image of images) this.#newer.add(keyOf(image));
    this.#changed.fire();
  }

  pulled(image: ImageView): void {
    this.#newer.delete(keyOf(image));
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  #forget(): void {
    this.#asked = undefined;
    this.#changed.fire();
  }
}

function keyOf({ name, architecture }: Pick<ImageView, "name" | "architecture">): string {
  return `${name} ${architecture}`;
}
