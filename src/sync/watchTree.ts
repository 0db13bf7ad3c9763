import { type FSWatcher, watch } from "node:fs";
import { join, sep } from "node:path";
import { parentOf } from "./entry.ts";

/** Folders in which something changed; `everything`: no longer known where. */
export interface Touched {
  readonly folders: ReadonlySet<string>;
  readonly everything: boolean;
}

export interface WatchOptions {
  /** Called for each change; it should only take note. */
  readonly onChange: () => void;
  /** Changes cannot be told any more (too many folders for the system): somebody has to look now and then. */
  readonly onBlind: (reason: string) => void;
}

/** So many changes at once may be more than the system's queue holds; what it dropped is not told by every system. */
const burst = 2000;

/**
 * Watches a tree of this host. Where the system watches whole trees (macOS, Windows) it is asked for that; on Linux each
 * folder that is taken is watched by itself, so that `node_modules` costs nothing when it is left out.
 */
export class TreeWatcher {
  readonly #root: string;
  readonly #options: WatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #folders = new Set<string>();
  #everything = false;
  #count = 0;
  #blind = false;

  constructor(root: string, options: WatchOptions) {
    this.#root = root;
    this.#options = options;
    if (!byFolder) this.#add("", true);
  }

  /** Watches these folders and no others; what came between their being read and now is told as a change. */
  cover(folders: ReadonlySet<string>): void {
    if (!byFolder || this.#blind) return;
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) {
      if (this.#blind) return;
      if (this.#watchers.has(folder) || !this.#add(folder, false)) continue;
      this.#touch(folder);
    }
  }

  /** What changed since the last time. */
  take(): Touched {
    const touched = { folders: new Set(this.#folders), everything: this.#everything || this.#count >= burst };
    this.#folders.clear();
    this.#everything = false;
    this.#count = 0;
    return touched;
  }

  dispose(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #add(folder: string, recursive: boolean): boolean {
    try {
      const watcher = watch(folder === "" ? this.#root : join(this.#root, folder), { recursive, persistent: true });
      this.#watchers.set(folder, watcher);
      watcher.on("change", (_kind, name) => this.#told(folder, recursive, name));
      watcher.on("error", (error: NodeJS.ErrnoException) => this.#lost(folder, watcher, error));
      return true;
    } catch (error) {
      this.#failed(error as NodeJS.ErrnoException);
      return false;
    }
  }

  #told(folder: string, recursive: boolean, name: string | Buffer | null): void {
    if (!recursive) this.#touch(folder);
    else if (name === null) this.#touchAll();
    else this.#touch(parentOf(String(name).split(sep).join("/")));
  }

  #lost(folder: string, watcher: FSWatcher, error: NodeJS.ErrnoException): void {
    watcher.close();
    if (this.#watchers.get(folder) === watcher) this.#watchers.delete(folder);
    // A folder that was removed (Windows says so by an error): its parent tells.
    this.#touch(parentOf(folder));
    this.#failed(error);
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (error.code === "ENOENT" || error.code === "ENOTDIR" || error.code === "EPERM" || error.code === "EACCES") return;
    this.#blind = true;
    this.dispose();
    this.#options.onBlind(
      error.code === "ENOSPC" || error.code === "EMFILE"
        ? "too many folders to watch (Linux: sysctl fs.inotify.max_user_watches)"
        : error.message,
    );
  }

  #touch(folder: string): void {
    this.#folders.add(folder);
    this.#count += 1;
    this.#options.onChange();
  }

  #touchAll(): void {
    this.#everything = true;
    this.#options.onChange();
  }
}

const byFolder = process.platform !== "darwin" && process.platform !== "win32";
