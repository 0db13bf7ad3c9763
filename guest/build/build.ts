import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openAptRoot, sha256File } from "../../scripts/apt/index.ts";
import { buildAgent } from "../agent/build.ts";
import { DISK_PROGRAMS, FACTS, HOT_MODULES, moduleList } from "./content.ts";
import { cpio } from "./cpio.ts";
import { writeExt4 } from "./ext4.ts";
import { buildInitrd } from "./initrd.ts";
import { type Architecture, resolvePackages, SUITE } from "./packages.ts";
import { writeQcow2 } from "./qcow2.ts";
import { modulesTree, systemTree } from "./system.ts";
import { findTools, run } from "./tools.ts";
import { addFile } from "./tree.ts";
import { openKernel, unpack } from "./unpacked.ts";

/** One time stamp for every file, 2026-01-01: builds of equal inputs are equal. */
const MODIFIED_SECONDS = 1767225600;

const DISK_LABEL = "starter-root";
const DISK_BYTES = 1024 ** 3;
const MINIMUM_MEMORY_BYTES = 192 * 1024 ** 2;
const MAXIMUM_BYTES = 25_000_000;

export interface BuildOptions {
  readonly architecture: Architecture;
  /** Folder that gets `<architecture>/`. */
  readonly out: string;
  /** `guest/` of the checkout. */
  readonly source: string;
  readonly cache: string;
  readonly refreshLock: boolean;
  readonly log: (line: string) => void;
}

/** Builds the starter guest for one architecture and puts it in place in one step. */
export async function buildGuest(options: BuildOptions): Promise<string> {
  const { architecture, source, cache, log } = options;
  const tools = await findTools();
  const apt = await openAptRoot({ folder: join(cache, "apt"), suite: SUITE });
  const packages = await resolvePackages({
    apt,
    architecture,
    lockFile: join(source, "packages.lock.json"),
    refresh: options.refreshLock,
    log,
  });
  log(`${architecture}: unpacking ${packages.length} packages`);
  const unpacked = await unpack(packages, join(cache, "guest"), tools);
  const kernel = await openKernel(unpacked.kernelFolder, tools);

  log(`${architecture}: kernel ${kernel.version}, collecting modules`);
  const rootfs = join(source, "rootfs");
  const modules = modulesTree(kernel, await kernel.modules(moduleList(architecture), HOT_MODULES));
  const disk = await systemTree(architecture, unpacked, rootfs);
  for (const name of ["busybox", "viv-agent"]) addFile(disk, `/usr/bin/${name}`, "", 0o755);
  const busybox = await unpacked.read("/usr/bin/busybox");
  if (!busybox) throw new Error("no package has busybox");
  const agent = await readFile(await buildAgent({ architecture, musl: unpacked.folder("musl-dev"), cache }));
  const initrd = await buildInitrd(
    {
      init: await readFile(join(source, "initramfs", "init"), "utf8"),
      busybox,
      agent,
      modules,
      system: await systemTree(architecture, unpacked, rootfs, DISK_PROGRAMS),
    },
    MODIFIED_SECONDS,
    tools,
  );

  await mkdir(options.out, { recursive: true });
  const folder = await mkdtemp(join(options.out, `.${architecture}-`));
  try {
    log(`${architecture}: initramfs and disk`);
    const { gzipKernel, append } = FACTS[architecture];
    await writeFile(join(folder, "kernel"), gzipKernel ? await run(tools.gzip, ["-9", "-n", "-c"], { input: kernel.image }) : kernel.image);
    await writeFile(join(folder, "initrd"), initrd);
    // For other guests, which get it from the host.
    await writeFile(join(folder, "viv-agent"), agent, { mode: 0o755 });

    const raw = join(folder, "disk.raw");
    const uuid = uuidFrom(cpio(disk, MODIFIED_SECONDS));
    await writeExt4(raw, disk, { sizeBytes: DISK_BYTES, label: DISK_LABEL, uuid, modifiedSeconds: MODIFIED_SECONDS }, tools, folder);
    await writeQcow2(raw, join(folder, "disk.qcow2"));
    await rm(raw);

    const sha256: Record<string, string> = {};
    let bytes = 0;
    for (const name of ["kernel", "initrd", "disk.qcow2"]) {
      sha256[name] = await sha256File(join(folder, name));
      bytes += (await stat(join(folder, name))).size;
    }
    const image = {
      schema: 1,
      name: "starter",
      title: "Vivarium starter",
      description: "A small Linux: Debian's generic kernel, busybox, SSH and the QEMU guest agent. Ready in seconds.",
      architecture,
      version: createHash("sha256")
        .update(JSON.stringify([append, sha256]))
        .digest("hex")
        .slice(0, 12),
      kernelVersion: kernel.version,
      kernel: "kernel",
      initrd: "initrd",
      append,
      disk: "disk.qcow2",
      diskVirtualBytes: DISK_BYTES,
      minimumMemoryBytes: MINIMUM_MEMORY_BYTES,
      login: "root",
      agent: ["qga", "viv-agent"],
      sha256,
      bytes,
      packages: packages.map(({ name, version, sha256: hash }) => ({ name, version, sha256: hash })),
    };
    await writeFile(join(folder, "image.json"), `${JSON.stringify(image, null, "\t")}\n`);
    if (bytes > MAXIMUM_BYTES) throw new Error(`${architecture}: ${bytes} bytes, over the limit of ${MAXIMUM_BYTES}`);

    const place = join(options.out, architecture);
    await rm(place, { recursive: true, force: true });
    await rename(folder, place);
    log(`${architecture}: ${place}, ${(bytes / 1e6).toFixed(1)} MB, version ${image.version}`);
    return place;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A UUID (version 8: custom) made of the content's hash. */
function uuidFrom(content: Buffer): string {
  const hex = createHash("sha256").update(content).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
