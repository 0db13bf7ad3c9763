import { readFileSync } from "node:fs";
import { type FileHash, FileHashes, type FrozenFile } from "../../model/index.ts";
import type { MachinePaths } from "../folder.ts";
import { loadSnapshots } from "../layers.ts";
import { writeFileAtomically } from "../storage.ts";

/** What was found out of frozen files' content (`hashes.json`). Lost or unreadable, it is found out again. */
export function loadHashes(paths: MachinePaths): FileHashes {
  try {
    return FileHashes.parse(JSON.parse(readFileSync(paths.hashes, "utf8")));
  } catch {
    return { schema: 1, files: {} };
  }
}

/** What is known of the content of one freezing of a file. */
export function hashOf(hashes: FileHashes, name: string, frozen: FrozenFile | undefined): FileHash | undefined {
  const hash = hashes.files[name];
  return hash !== undefined && hash.mark === frozen?.mark ? hash : undefined;
}

let writing: Promise<void> = Promise.resolve();

/** Writes follow one another. What is of files that are frozen no longer goes. */
export function noteHash(paths: MachinePaths, name: string, hash: FileHash): Promise<void> {
  const written = writing.then(async () => {
    const { frozen } = await loadSnapshots(paths);
    const known = Object.entries({ ...loadHashes(paths).files, [name]: hash }).filter(([each, { mark }]) => frozen[each]?.mark === mark);
    await writeFileAtomically(paths.hashes, `${JSON.stringify({ schema: 1, files: Object.fromEntries(known) }, null, 2)}\n`);
  });
  writing = written.catch(() => undefined);
  return written;
}
