import type { Machine } from "../machine.ts";
import { exec } from "../reach.ts";
import { guestFileError } from "./errno.ts";
import { parseList, parseStat } from "./records.ts";
import {
  copyScript,
  listScript,
  makeFolderScript,
  readBlockBytes,
  readScript,
  removeScript,
  renameScript,
  statScript,
  writeScript,
} from "./scripts.ts";
import type { GuestFiles, GuestWay } from "./types.ts";

/** By POSIX shell, over whatever runs commands in the guest: an older viv-agent, qemu-guest-agent, or SSH. */
export function shellFiles(machine: Machine, way: GuestWay, signal: AbortSignal): GuestFiles {
  async function run(path: string, script: string, input?: Uint8Array): Promise<Buffer> {
    const result = await exec(machine, {
      command: ["/bin/sh", "-c", script],
      environment: [],
      way,
      signal,
      ...(input === undefined ? {} : { stdin: Buffer.from(input.buffer, input.byteOffset, input.byteLength) }),
    });
    if (result.exitCode === 0) return result.stdout;
    throw guestFileError(result.stderr.toString("latin1"), path, result.exitCode);
  }

  return {
    way,
    stat: async (path) => parseStat(await run(path, statScript(path))),
    list: async (path, limit) => parseList(await run(path, listScript(path, limit)), limit),
    async read(path, offsetBytes, lengthBytes) {
      const bytes = await run(path, readScript(path, offsetBytes, lengthBytes));
      const from = offsetBytes % readBlockBytes;
      return bytes.subarray(from, from + lengthBytes);
    },
    async write(path, data, how) {
      await run(path, writeScript(path, how, data.byteLength), data);
    },
    async makeFolder(path) {
      await run(path, makeFolderScript(path));
    },
    async rename(path, target, overwrite) {
      await run(path, renameScript(path, target, overwrite));
    },
    async copy(path, target, overwrite) {
      await run(path, copyScript(path, target, overwrite));
    },
    async remove(path, recursive) {
      await run(path, removeScript(path, recursive));
    },
    // Asking again and again would be all it could do.
    watch: async () => undefined,
  };
}
