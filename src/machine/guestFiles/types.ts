/** What a name leads to; `none`: a link that leads nowhere. */
export type GuestFileType = "file" | "folder" | "other" | "none";

/** How the guest was reached. */
export type GuestWay = "viv-agent" | "agent" | "ssh";

export interface GuestStat {
  readonly type: GuestFileType;
  readonly link: boolean;
  /** Of a link, as the guest has it, shown as `guestPathText` does. */
  readonly target?: string;
  /** Permission bits; set-id and sticky included. */
  readonly mode: number;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly changedMs: number;
  readonly writable: boolean;
}

export interface GuestEntry {
  readonly name: string;
  readonly type: GuestFileType;
  readonly link: boolean;
}

export interface GuestChange {
  readonly kind: "created" | "changed" | "removed";
  readonly path: string;
}

export interface GuestWatch {
  /** Resolves when nothing more will be told: the folder is gone, the guest is, or `close` was called. */
  readonly ended: Promise<void>;
  close(): void;
}

export type WriteHow = "create" | "overwrite" | "either";

/**
 * The files of one running guest. Paths are absolute and normal (`guestPath`). What a guest says is checked: names, sizes
 * and amounts. @throws VivError `not-found`, `exists`, `no-permission`, `not-a-folder`, `is-a-folder`, `disk-full`,
 * `io-error`, `agent-unavailable`, `cancelled`, from all of them.
 */
export interface GuestFiles {
  readonly way: GuestWay;
  stat(path: string): Promise<GuestStat>;
  list(path: string, limit: number): Promise<{ entries: GuestEntry[]; more: boolean }>;
  /** At most `lengthBytes`; fewer at the end. */
  read(path: string, offsetBytes: number, lengthBytes: number): Promise<Buffer>;
  /** All or nothing: what was there stays until the new content is on the disk. Mode and owner stay. */
  write(path: string, data: Uint8Array, how: WriteHow): Promise<void>;
  makeFolder(path: string): Promise<void>;
  rename(path: string, target: string, overwrite: boolean): Promise<void>;
  copy(path: string, target: string, overwrite: boolean): Promise<void>;
  /** Never into another file system that is mounted below. */
  remove(path: string, recursive: boolean): Promise<void>;
  /** Undefined where this way cannot tell. Resolves when changes from now on are seen. */
  watch(path: string, recursive: boolean, told: (changes: readonly GuestChange[] | "overflow") => void): Promise<GuestWatch | undefined>;
}
