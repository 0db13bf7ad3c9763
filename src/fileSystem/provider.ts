import * as vscode from "vscode";
import type { FileStat, MachineSummary } from "../api/index.ts";
import { type Editor, factsOf, plain, stateWord } from "../editor/index.ts";
import { asFileSystemError } from "./errors.ts";
import type { Renamed } from "./renamed.ts";
import type { Starter } from "./starter.ts";
import type { Watches } from "./watches.ts";

const { l10n, FileSystemError, FileType } = vscode;

/** VS Code takes and gives files in one piece: what is larger goes by Upload and Download, which stream. */
const readLimitBytes = 1024 * 1024 * 1024;
/** As the API has it (api/fileMethods.ts, whose module would load every schema). */
const readBytes = 4 * 1024 * 1024;
const writeLimitBytes = 128 * 1024 * 1024;
/** How long a file waits for a guest that still boots. */
const bootPatienceMs = 60_000;

interface Place {
  readonly machine: MachineSummary;
  readonly path: string;
}

/** `vm://NAME/path`, by the service's `file.*`. A guest that does not run is unavailable, and offered to be started. */
export class GuestFileSystem implements vscode.FileSystemProvider {
  readonly #editor: Editor;
  readonly #renamed: Renamed;
  readonly #starter: Starter;
  readonly #watches: Watches;
  readonly onDidChangeFile: vscode.Event<vscode.FileChangeEvent[]>;

  constructor(editor: Editor, parts: { renamed: Renamed; starter: Starter; watches: Watches }) {
    this.#editor = editor;
    this.#renamed = parts.renamed;
    this.#starter = parts.starter;
    this.#watches = parts.watches;
    this.onDidChangeFile = parts.watches.onDidChangeFile;
  }

  watch(uri: vscode.Uri, options: { recursive: boolean; excludes: readonly string[] }): vscode.Disposable {
    return this.#watches.add(uri, options);
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const stat = await this.#at(uri, ({ machine, path }) => this.#editor.service.call("file.stat", { machine: machine.id, path }));
    return {
      type: fileType(stat),
      ctime: stat.changedMs,
      mtime: stat.modifiedMs,
      size: stat.sizeBytes,
      ...(stat.writable || stat.type === "none" ? {} : { permissions: vscode.FilePermission.Readonly }),
    };
  }

  async readDirectory(uri: vscode.Uri): Promise<[string, vscode.FileType][]> {
    const { entries, more } = await this.#at(uri, ({ machine, path }) =>
      this.#editor.service.call("file.list", { machine: machine.id, path }),
    );
    if (more) this.#editor.log.warn(`${uri.toString(true)}: only the first ${entries.length} entries are shown`);
    return entries.map((entry) => [entry.name, fileType(entry)]);
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return this.#at(uri, async ({ machine, path }) => {
      const parts: Buffer[] = [];
      // By what comes, not by the size that the guest claims.
      for (let offsetBytes = 0; ; ) {
        const { dataBase64 } = await this.#editor.service.call("file.read", {
          machine: machine.id,
          path,
          offsetBytes,
          lengthBytes: readBytes,
        });
        const part = Buffer.from(dataBase64, "base64");
        parts.push(part);
        offsetBytes += part.length;
        if (part.length < readBytes) return Buffer.concat(parts);
        if (offsetBytes >= readLimitBytes)
          throw FileSystemError.Unavailable(
            l10n.t("It has more than 1 GiB. Download it instead: viv cp {0}:{1} .", machine.name, plain(path)),
          );
      }
    });
  }

  async writeFile(uri: vscode.Uri, content: Uint8Array, { create, overwrite }: { create: boolean; overwrite: boolean }): Promise<void> {
    await this.#at(uri, async ({ machine, path }) => {
      if (content.byteLength > writeLimitBytes)
        throw FileSystemError.Unavailable(
          l10n.t("It has more than 128 MiB. Upload it instead: viv cp FILE {0}:{1}", machine.name, plain(path)),
        );
      const how = create ? (overwrite ? "either" : "create") : "overwrite";
      const dataBase64 = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString("base64");
      await this.#editor.service.call("file.write", { machine: machine.id, path, dataBase64, how });
      this.#tell(machine, path, create && !overwrite ? "created" : "changed");
    });
  }

  async createDirectory(uri: vscode.Uri): Promise<void> {
    await this.#at(uri, async ({ machine, path }) => {
      await this.#editor.service.call("file.createFolder", { machine: machine.id, path });
      this.#tell(machine, path, "created");
    });
  }

  async delete(uri: vscode.Uri, { recursive }: { recursive: boolean }): Promise<void> {
    await this.#at(uri, async ({ machine, path }) => {
      await this.#editor.service.call("file.remove", { machine: machine.id, path, recursive });
      this.#tell(machine, path, "removed");
    });
  }

  async rename(source: vscode.Uri, target: vscode.Uri, { overwrite }: { overwrite: boolean }): Promise<void> {
    const [from, to] = [await this.#place(source), await this.#place(target)];
    if (from.machine.id !== to.machine.id) {
      await this.#copyAcross(source, target, overwrite);
      await this.delete(source, { recursive: true });
      return;
    }
    await this.#at(source, async ({ machine, path }) => {
      await this.#editor.service.call("file.rename", { machine: machine.id, path, target: to.path, overwrite }).catch((error: unknown) => {
        throw factsOf(error).code === "exists" ? FileSystemError.FileExists(target) : error;
      });
      this.#tell(machine, path, "removed");
      this.#tell(machine, to.path, "created");
    });
  }

  async copy(source: vscode.Uri, target: vscode.Uri, { overwrite }: { overwrite: boolean }): Promise<void> {
    const [from, to] = [await this.#place(source), await this.#place(target)];
    if (from.machine.id !== to.machine.id) return this.#copyAcross(source, target, overwrite);
    return this.#at(source, async ({ machine, path }) => {
      await this.#editor.service.call("file.copy", { machine: machine.id, path, target: to.path, overwrite }).catch((error: unknown) => {
        throw factsOf(error).code === "exists" ? FileSystemError.FileExists(target) : error;
      });
      this.#tell(machine, to.path, "created");
    });
  }

  /** From one guest to another: by this window. Links become what they lead to, so that nothing is followed in a circle. */
  async #copyAcross(source: vscode.Uri, target: vscode.Uri, overwrite: boolean): Promise<void> {
    const { type } = await this.stat(source);
    if ((type & FileType.Directory) === 0 || (type & FileType.SymbolicLink) !== 0) {
      await this.writeFile(target, await this.readFile(source), { create: true, overwrite });
      return;
    }
    await this.createDirectory(target);
    for (const [name, kind] of await this.readDirectory(source)) {
      const link = (kind & FileType.SymbolicLink) !== 0;
      if (link && (kind & FileType.File) === 0) continue;
      await this.#copyAcross(vscode.Uri.joinPath(source, name), vscode.Uri.joinPath(target, name), overwrite);
    }
  }

  /** Does the work where the URI leads. A guest that is about to come is waited for. */
  async #at<T>(uri: vscode.Uri, work: (place: Place) => Promise<T>): Promise<T> {
    const place = await this.#place(uri);
    try {
      return await work(place).catch(async (error: unknown) => {
        if (factsOf(error).code !== "agent-unavailable") throw error;
        await this.#editor.service.call("machine.wait", { machine: place.machine.id, for: "agent", timeoutMs: bootPatienceMs });
        return work(place);
      });
    } catch (error) {
      if (factsOf(error).code === "wrong-state") this.#starter.offer(place.machine, uri);
      throw asFileSystemError(error, uri);
    }
  }

  async #place(uri: vscode.Uri): Promise<Place> {
    const { machines } = this.#editor;
    await machines.load().catch((error: unknown) => {
      throw asFileSystemError(error, uri);
    });
    const machine = this.#renamed.find(uri.authority);
    if (!machine) throw FileSystemError.Unavailable(l10n.t("There is no machine “{0}”.", plain(uri.authority)));
    if (machine.state === "starting") await this.#booted(machine);
    else if (machine.state !== "running") {
      this.#starter.offer(machine, uri);
      throw FileSystemError.Unavailable(l10n.t("{0} is {1}: its files are there while it runs.", plain(machine.name), stateWord(machine)));
    }
    return { machine, path: uri.path === "" ? "/" : uri.path };
  }

  async #booted({ id }: MachineSummary): Promise<void> {
    await this.#editor.service.call("machine.wait", { machine: id, for: "agent", timeoutMs: bootPatienceMs }).catch((error: unknown) => {
      this.#editor.log.debug(`waiting for ${id}: ${factsOf(error).message}`);
    });
  }

  /** The watchers of a guest say the same a moment later; where it has none, this is all there is. */
  #tell({ id }: MachineSummary, path: string, kind: "created" | "changed" | "removed"): void {
    this.#editor.guestChanges.tell({ machine: id, path, kind });
  }
}

function fileType({ type, link }: Pick<FileStat, "type" | "link">): vscode.FileType {
  const kind = type === "file" ? FileType.File : type === "folder" ? FileType.Directory : FileType.Unknown;
  return link ? kind | FileType.SymbolicLink : kind;
}
