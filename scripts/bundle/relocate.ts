import { BundleError } from "./errors.ts";

/**
 * Debian builds QEMU with `--disable-relocatable`: for a module or ROM which the bundle leaves out it
 * looks in the host's own folders, even with `QEMU_MODULE_DIR` and `-L`. A host with another QEMU installed
 * then has foreign modules loaded, and QEMU aborts (`Only modules from the same build can be loaded`).
 * So the beginning of these paths is overwritten by one which exists nowhere: there is no process 0.
 */
const nowhere = "/proc/0/";

/** The host paths in QEMU's programs. Modules are looked for by every program, data by the emulators alone. */
export function hostPathsOf(triplet: string): { path: string; everywhere: boolean }[] {
  return [
    { path: `/usr/lib/${triplet}/qemu`, everywhere: true },
    { path: "/var/run/qemu/%s", everywhere: true },
    { path: "/usr/share/qemu", everywhere: false },
    { path: "/usr/share/seabios", everywhere: false },
    { path: "/usr/lib/ipxe/qemu", everywhere: false },
  ];
}

/**
 * Overwrites the host paths of a program.
 *
 * Only the first bytes change. The linker lets shorter strings share the tail of longer ones: the very
 * word `qemu`, a key of the QMP greeting, is the end of `/usr/share/qemu`.
 *
 * @returns a changed copy
 * @throws when a module path does not occur exactly once: QEMU's build has changed, and the bundle would not be closed
 */
export function forgetHostPaths(program: Buffer, name: string, triplet: string): Buffer {
  const copy = Buffer.from(program);
  for (const { path, everywhere } of hostPathsOf(triplet)) {
    const wanted = Buffer.from(`\0${path}\0`, "latin1");
    let count = 0;
    for (let at = copy.indexOf(wanted); at !== -1; at = copy.indexOf(wanted, at + 1)) {
      copy.write(nowhere, at + 1, "latin1");
      count += 1;
    }
    if (count !== 1 && everywhere) {
      throw new BundleError(
        "relocation",
        `${name} holds ${path} ${count} times, expected once`,
        "QEMU's build has changed: see scripts/bundle/relocate.ts.",
      );
    }
  }
  return copy;
}
