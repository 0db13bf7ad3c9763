import type { Readable } from "node:stream";
import { guestPathBytes, guestPathText, vivError } from "../../model/index.ts";
import type { VivAgent, VivProcess } from "../../qemu/index.ts";
import { guestFileError } from "./errno.ts";
import { isName, parseList, parseStat, records } from "./records.ts";
import type { GuestChange, GuestFiles, GuestWatch } from "./types.ts";

/** What an entry of a list may take; a guest that sends more is cut off. */
const entryLimitBytes = 1200;
const wordsLimitBytes = 64 * 1024;
/** Changes that come together are told together. */
const gatherMs = 40;
const gatherLimit = 2000;

/** By viv-agent's applet `files` (guest/agent/files.c): one small process in the guest for each request. */
export function agentFiles(agent: VivAgent, signal: AbortSignal): GuestFiles {
  async function run(path: string, words: readonly (string | Uint8Array)[], limitBytes: number, input?: Uint8Array): Promise<Buffer> {
    signal.throwIfAborted();
    const process = agent.applet(["files", ...words]);
    const stop = () => process.close();
    signal.addEventListener("abort", stop, { once: true });
    try {
      process.stdin.end(input === undefined ? Buffer.alloc(0) : Buffer.from(input.buffer, input.byteOffset, input.byteLength));
      const [stdout, stderr, { exitCode }] = await Promise.all([
        upTo(process, process.stdout, limitBytes),
        upTo(process, process.stderr, wordsLimitBytes),
        process.exit,
      ]);
      if (exitCode === 0) return stdout;
      throw guestFileError(stderr.toString("latin1"), path, exitCode ?? 128);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  const how = (overwrite: boolean) => (overwrite ? "overwrite" : "keep");
  return {
    way: "viv-agent",
    stat: async (path) => parseStat(await run(path, ["stat", guestPathBytes(path)], wordsLimitBytes)),
    list: async (path, limit) =>
      parseList(await run(path, ["list", guestPathBytes(path), String(limit)], (limit + 1) * entryLimitBytes), limit),
    read: (path, offset, length) => run(path, ["read", guestPathBytes(path), String(offset), String(length)], length),
    write: async (path, data, mode) => {
      await run(path, ["write", guestPathBytes(path), mode, String(data.byteLength)], wordsLimitBytes, data);
    },
    makeFolder: async (path) => {
      await run(path, ["mkdir", guestPathBytes(path)], wordsLimitBytes);
    },
    rename: async (path, target, overwrite) => {
      await run(path, ["rename", guestPathBytes(path), guestPathBytes(target), how(overwrite)], wordsLimitBytes);
    },
    copy: async (path, target, overwrite) => {
      await run(path, ["copy", guestPathBytes(path), guestPathBytes(target), how(overwrite)], wordsLimitBytes);
    },
    remove: async (path, recursive) => {
      await run(path, ["remove", guestPathBytes(path), recursive ? "tree" : "one"], wordsLimitBytes);
    },
    watch: (path, recursive, told) => watch(agent, path, recursive, told),
  };
}

/** All of a stream. @throws VivError `agent-failed` when it is longer than it may be: the guest is hostile or broken. */
async function upTo(process: VivProcess, stream: Readable, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let held = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    held += chunk.length;
    if (held > limitBytes) {
      process.exit.catch(() => undefined);
      process.close();
      throw vivError("agent-failed", "The guest's answer has no end.", "Restart the guest's agent, or the guest.");
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Above a folder with a link's name: watched is what it leads to. */
async function watch(
  agent: VivAgent,
  path: string,
  recursive: boolean,
  told: (changes: readonly GuestChange[] | "overflow") => void,
): Promise<GuestWatch> {
  const place = Buffer.concat([guestPathBytes(path), Buffer.from("/.")]);
  const process = recursive ? agent.applet(["watch", place]) : agent.applet(["files", "watch", place]);
  process.stdin.end();
  const gathered = new Map<string, GuestChange>();
  let overflow = false;
  let timer: NodeJS.Timeout | undefined;
  const tell = () => {
    timer = undefined;
    const changes = [...gathered.values()];
    gathered.clear();
    told(overflow ? "overflow" : changes);
    overflow = false;
  };
  const take = (record: Buffer): void => {
    const space = record.indexOf(0x20);
    const kind = record.toString("latin1", 0, Math.max(0, space));
    const below = record.subarray(space + 1);
    // What stands beside a file while it is written (guest/agent/files.c) is nobody's to see.
    if (/(?:^|\/)\.viv-\d+-\d+$/.test(below.toString("latin1"))) return;
    if (kind === "overflow" || gathered.size >= gatherLimit) overflow = true;
    else if (
      (kind === "created" || kind === "changed" || kind === "removed") &&
      below.length < 4096 &&
      below
        .toString("latin1")
        .split("/")
        .every((part) => isName(Buffer.from(part, "latin1")))
    ) {
      const changed = `${path === "/" ? "" : path}/${guestPathText(below)}`;
      const before = gathered.get(changed);
      gathered.set(changed, { kind: before?.kind === "created" && kind === "changed" ? "created" : kind, path: changed });
    } else return;
    timer ??= setTimeout(tell, gatherMs);
  };
  let ready = false;
  const started = new Promise<void>((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0);
    process.stdout.on("data", (chunk: Buffer) => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      for (const record of records(held)) {
        if (!ready && record.toString("latin1").startsWith("ready")) {
          ready = true;
          resolve();
        } else if (ready) take(record);
      }
      held = Buffer.from(held.subarray(held.lastIndexOf(0) + 1));
      // A record without an end.
      if (held.length > 2 * 4096) process.close();
    });
    upTo(process, process.stderr, wordsLimitBytes).then(
      async (words) => {
        const { exitCode } = await process.exit.catch(() => ({ exitCode: undefined }));
        reject(guestFileError(words.toString("latin1"), path, exitCode ?? 128));
      },
      () => reject(guestFileError("", path, 128)),
    );
  });
  const ended = process.exit.then(
    () => undefined,
    () => undefined,
  );
  await started;
  return {
    ended: ended.then(() => {
      clearTimeout(timer);
      if (timer !== undefined) tell();
    }),
    close: () => process.close(),
  };
}
