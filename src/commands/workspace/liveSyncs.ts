import { basename } from "node:path";
import * as vscode from "vscode";
import type { MachineSummary } from "../../api/index.ts";
import { type Editor, plain } from "../../editor/index.ts";
import type { FollowState } from "../../sync/index.ts";
import { type FolderPlace, home } from "./place.ts";

const { l10n } = vscode;

/** A folder that a guest follows while this window is open. */
export interface LiveSync extends FolderPlace {
  readonly machine: MachineSummary;
  readonly state: FollowState | undefined;
  stop(): Promise<void>;
}

/** The live syncs of this window, with one status item for all. They end with the window. */
export class LiveSyncs implements vscode.Disposable {
  readonly #editor: Editor;
  readonly #item = vscode.window.createStatusBarItem("vivarium.sync", vscode.StatusBarAlignment.Left, 9);
  readonly #syncs = new Map<string, LiveSync>();

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#item.name = l10n.t("Vivarium folder sync");
    this.#item.command = "vivarium.stopSync";
  }

  get all(): readonly LiveSync[] {
    return [...this.#syncs.values()];
  }

  /** Starts one, or gives the one that runs. Resolves when both sides are the same for the first time. */
  async start(machine: MachineSummary, place: FolderPlace): Promise<LiveSync> {
    const key = JSON.stringify([machine.id, place.folder, place.path]);
    const running = this.#syncs.get(key);
    if (running) return running;
    const controller = new AbortController();
    let state: FollowState | undefined;
    let onFirst: () => void = () => undefined;
    const first = new Promise<void>((resolve) => {
      onFirst = resolve;
    });
    const { follow } = await import("../../sync/index.ts");
    const ended = follow(
      { ...place, machine: machine.name },
      {
        connect: () => this.#editor.service.client(),
        home: await home(),
        signal: controller.signal,
        onNote: (text) => this.#editor.log.warn(text),
        onState: (now) => {
          state = now;
          if (now.state === "in-sync") onFirst();
          this.#paint();
        },
      },
    ).finally(() => {
      this.#syncs.delete(key);
      this.#paint();
    });
    const sync: LiveSync = {
      ...place,
      machine,
      get state() {
        return state;
      },
      async stop() {
        controller.abort();
        await ended.catch(() => undefined);
      },
    };
    this.#syncs.set(key, sync);
    this.#paint();
    ended.catch((error: unknown) => this.#editor.presentError(error, { machine: machine.id, retry: () => this.start(machine, place) }));
    // A machine that is away is waited for in the status item, not by whoever asked.
    await Promise.race([first, ended.catch(() => undefined), new Promise((late) => setTimeout(late, patienceMs).unref())]);
    return sync;
  }

  dispose(): void {
    for (const sync of this.all) void sync.stop();
    this.#item.dispose();
  }

  #paint(): void {
    const { all } = this;
    const [only] = all;
    if (!only) {
      this.#item.hide();
      return;
    }
    const waiting = all.filter(({ state }) => state?.state === "waiting");
    const busy = all.some(({ state }) => state?.state !== "in-sync" && state?.state !== "waiting");
    const icon = waiting.length > 0 ? "$(warning)" : busy ? "$(sync~spin)" : "$(sync)";
    const text = all.length === 1 ? `${basename(only.folder)} → ${plain(only.machine.name)}` : l10n.t("{0} folders in sync", all.length);
    const tooltip = all.map(lineOf).join("\n");
    this.#item.text = `${icon} ${text}`;
    const lasting = l10n.t("It ends with this window; viv sync --watch in a terminal goes on without it.");
    this.#item.tooltip = `${tooltip}\n${lasting}\n${l10n.t("Click to stop.")}`;
    this.#item.accessibilityInformation = { label: tooltip };
    this.#item.show();
  }
}

const patienceMs = 15_000;

export function lineOf({ folder, path, machine, state }: LiveSync): string {
  const place = `${folder} → ${plain(machine.name)}:${path}`;
  if (state?.state === "waiting") return l10n.t("{0}: waiting: {1}", place, plain(state.error.message));
  return state?.state === "in-sync" ? l10n.t("{0}: in sync", place) : l10n.t("{0}: syncing", place);
}

const kept = new WeakMap<Editor, LiveSyncs>();

/** Those of this window; they are disposed with the extension. */
export function liveSyncs(editor: Editor): LiveSyncs {
  const existing = kept.get(editor);
  if (existing) return existing;
  const made = new LiveSyncs(editor);
  kept.set(editor, made);
  editor.context.subscriptions.push(made);
  return made;
}
