import * as vscode from "vscode";
import type { FileChanges, FileWatch, MachineSummary } from "../api/index.ts";
import { type Editor, factsOf, type GuestFileChange, guestUri } from "../editor/index.ts";
import type { Renamed } from "./renamed.ts";

/** Watchers that one guest is asked to keep; more are not watched, and a refresh shows what they missed. */
const watchLimit = 32;

interface Watch {
  readonly authority: string;
  readonly path: string;
  readonly recursive: boolean;
  readonly excludes: readonly string[];
  users: number;
  open: FileWatch | undefined;
  opening: boolean;
}

/**
 * What changes in guests, as VS Code wants it told. Each folder is watched once however many ask; watchers are set up
 * again when a machine, its agent or the service comes back.
 */
export class Watches implements vscode.Disposable {
  readonly #editor: Editor;
  readonly #renamed: Renamed;
  readonly #watches = new Map<string, Watch>();
  readonly #changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly #subscriptions: vscode.Disposable[];
  readonly onDidChangeFile = this.#changed.event;

  constructor(editor: Editor, renamed: Renamed) {
    this.#editor = editor;
    this.#renamed = renamed;
    this.#subscriptions = [
      editor.machines.onDidChange(({ id, after }) => {
        if (id === undefined || after?.state === "running") this.#openAll();
      }),
      editor.guestChanges.onDidHappen((changes) => this.#tell(changes)),
    ];
  }

  add(uri: vscode.Uri, { recursive, excludes }: { recursive: boolean; excludes: readonly string[] }): vscode.Disposable {
    const path = uri.path === "" ? "/" : uri.path;
    const key = JSON.stringify([uri.authority, path, recursive, excludes]);
    const watch = this.#watches.get(key) ?? {
      authority: uri.authority,
      path,
      recursive,
      excludes,
      users: 0,
      open: undefined,
      opening: false,
    };
    this.#watches.set(key, watch);
    watch.users += 1;
    if (!watch.open) void this.#open(watch);
    return new vscode.Disposable(() => {
      watch.users -= 1;
      if (watch.users > 0 || this.#watches.get(key) !== watch) return;
      this.#watches.delete(key);
      watch.open?.close();
    });
  }

  /** Files that could not be had are there now. */
  found(uris: readonly vscode.Uri[]): void {
    this.#changed.fire(
      uris.flatMap((uri) => [vscode.FileChangeType.Created, vscode.FileChangeType.Changed].map((type) => ({ type, uri }))),
    );
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    for (const { open } of this.#watches.values()) open?.close();
    this.#watches.clear();
    this.#changed.dispose();
  }

  #openAll(): void {
    for (const watch of this.#watches.values()) if (!watch.open) void this.#open(watch);
  }

  async #open(watch: Watch): Promise<void> {
    const machine = this.#renamed.find(watch.authority);
    if (watch.opening || machine?.state !== "running" || this.#openOf(watch.authority) >= watchLimit) return;
    watch.opening = true;
    try {
      const folder = await this.#folderOf(machine, watch.path);
      const client = await this.#editor.service.client();
      const open = await client.openWatch({
        machine: machine.id,
        path: folder,
        recursive: watch.recursive && folder === watch.path,
        excludes: [...watch.excludes],
      });
      if (!open) return;
      if (watch.users === 0) {
        open.close();
        return;
      }
      watch.open = open;
      open.onChanges((changes) => this.#take(watch, changes));
      open.onEnd(() => {
        watch.open = undefined;
      });
    } catch (error) {
      this.#editor.log.debug(`not watched: ${watch.path} of ${watch.authority}: ${factsOf(error).message}`);
    } finally {
      watch.opening = false;
    }
  }

  /** A file is watched by its folder: whoever saves it may put another in its place. */
  async #folderOf({ id }: MachineSummary, path: string): Promise<string> {
    const { type } = await this.#editor.service.call("file.stat", { machine: id, path });
    return type === "folder" ? path : path.slice(0, path.lastIndexOf("/")) || "/";
  }

  #openOf(authority: string): number {
    let count = 0;
    for (const watch of this.#watches.values()) if (watch.open && watch.authority === authority) count += 1;
    return count;
  }

  #take(watch: Watch, changes: FileChanges): void {
    const { authority, path } = watch;
    if (changes === "overflow") {
      this.#changed.fire([{ type: vscode.FileChangeType.Changed, uri: guestUri(authority, path) }]);
      return;
    }
    this.#changed.fire(changes.map((one) => ({ type: typeOf(one.kind), uri: guestUri(authority, one.path) })));
  }

  /** What this window did itself, under every name that the machine has in open URIs. */
  #tell(changes: readonly GuestFileChange[]): void {
    const { machines } = this.#editor;
    this.#changed.fire(
      changes.flatMap(({ machine, path, kind }) => {
        const names = new Set([machines.find(machine)?.name ?? machine]);
        for (const { authority } of this.#watches.values()) if (this.#renamed.find(authority)?.id === machine) names.add(authority);
        return [...names].map((name) => ({ type: typeOf(kind), uri: guestUri(name, path) }));
      }),
    );
  }
}

function typeOf(kind: GuestFileChange["kind"]): vscode.FileChangeType {
  return { created: vscode.FileChangeType.Created, changed: vscode.FileChangeType.Changed, removed: vscode.FileChangeType.Deleted }[kind];
}
