import { BundleError } from "./errors.ts";

/**
 * Debian builds QEMU with `--disable-relocatable`: for a module or ROM which the bundle leaves out it
 * looks in the host's own folders, even with `QEMU_MODULE_DIR` and `-L`. A host with another QEMU installed
 * then has foreign modules loaded, and QEMU aborts (`Only modules from the same build can be loaded`).
 * So these paths are overwritten, at equal length, by paths below /dev/null, which cannot exist anywhere:
 * access() answers ENOTDIR, which QEMU takes as "not there".
 */
export function hostPathsOf(triplet: string): [string, string][] {
  return [
    [`/usr/lib/${triplet}/qemu`, "module"],
    ["/var/run/qemu/%s", "module"],
    ["/usr/share/qemu", "data"],
    ["/usr/share/seabios", "data"],
    ["/usr/lib/ipxe/qemu", "data"],
  ].map(([path = "", kind = ""]) => [path, kind]);
}

/** A string of the same length as `path` below /dev/null; a `%s` at the end is kept. */
export function nowhere(path: string): string {
  const tail = path.endsWith("%s") ? "/%s" : "";
  const room = path.length - "/dev/null/".length - tail.length;
  if (room < 1) throw new RangeError(`${path} is too short to be replaced`);
  return `/dev/null/${"no-host-files-here".padEnd(room, "-").slice(0, room)}${tail}`;
}

/**
 * Replaces whole C strings of a program.
 *
 * @returns a changed copy
 * @throws when a module path does not occur exactly once: QEMU's build has changed, and the bundle would not be closed
 */
export function forgetHostPaths(program: Buffer, name: string, triplet: string): Buffer {
  const copy = Buffer.from(program);
  for (const [path, kind] of hostPathsOf(triplet)) {
    const wanted = Buffer.from(`\0${path}\0`, "latin1");
    let count = 0;
    for (let at = copy.indexOf(wanted); at !== -1; at = copy.indexOf(wanted, at + 1)) {
      copy.write(nowhere(path), at + 1, "latin1");
      count += 1;
    }
    if (count !== 1 && kind === "module") {
      throw new BundleError("relocation", `${name} holds ${path} ${count} times, expected once`, "QEMU's build has changed: see scripts/bundle/relocate.ts.");
    }
  }
  return copy;
}
