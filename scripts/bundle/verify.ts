/**
 * Proves that a Linux bundle needs nothing of its host: its programs run in an empty root, and outside
 * of it they map no file but their own. Alone: `node scripts/bundle/verify.ts [dist/bundle/<platform>]`.
 */
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { type BundleManifest, bundleManifest, locateProgram } from "../../src/backends/manifest.ts";
import { inEmptyRoot, prepareEmptyRoot, requireTools } from "./empty-root.ts";
import { BundleError, describeError } from "./errors.ts";
import { unpackBundle } from "./unpack.ts";

/** One thing that has to hold. `check` throws with the reason when it does not. */
export type Check = { name: string; check: () => Promise<void> };

/** Where the bundle is unpacked inside the empty root. */
const inside = "/b";

/** A bundle unpacked into an otherwise empty root. */
export type Unpacked = { manifest: BundleManifest; root: string; dispose: () => Promise<void> };

/** Reads a bundle folder's manifest. */
export async function readManifest(bundle: string): Promise<BundleManifest> {
  const text = await readFile(join(bundle, "manifest.json"), "utf8").catch((cause: unknown) => {
    throw new BundleError("no-bundle", `${bundle} has no manifest.json`, "Make it: node scripts/bundle.ts", { cause });
  });
  return bundleManifest.parse(JSON.parse(text));
}

/** Unpacks a bundle into a fresh empty root. Fails with the reason when such a root cannot be had here. */
export async function unpackIntoEmptyRoot(bundle: string): Promise<Unpacked> {
  const manifest = await readManifest(bundle);
  const here = `${process.platform}-${process.arch}`;
  if (manifest.platform !== here) {
    throw new BundleError("other-platform", `${bundle} is for ${manifest.platform}, this is ${here}`, "Verify it on its own platform.");
  }
  await requireTools();
  const root = await mkdtemp(join(tmpdir(), "vivarium-root-"));
  const dispose = (): Promise<void> => rm(root, { recursive: true, force: true });
  try {
    await chmod(root, 0o755);
    await prepareEmptyRoot(root);
    await unpackBundle(bundle, manifest, join(root, inside));
  } catch (error) {
    await dispose();
    throw error;
  }
  return { manifest, root, dispose };
}

/** Everything that is checked, in the order of its cost. */
export function checksOf(unpacked: Unpacked): Check[] {
  const { manifest } = unpacked;
  const emulators = Object.keys(manifest.programs).filter((name) => name.startsWith("qemu-system-"));
  return [
    ...Object.keys(manifest.programs)
      // Node itself uses the host's C library, as every Node does; it is run by the bundle's loader here.
      .filter((name) => name !== "node")
      .map((name) => ({ name: `${name} --version runs in an empty root`, check: () => versionRuns(unpacked, name) })),
    { name: "node runs on the host", check: () => nodeRuns(unpacked) },
    ...emulators.map((name) => ({ name: `${name} greets in an empty root`, check: () => emulatorGreets(unpacked, name) })),
    ...emulators.map((name) => ({ name: `${name} maps no library of the host`, check: () => mapsOnlyOwnFiles(unpacked, name) })),
    { name: "qemu-img creates and checks a qcow2 in an empty root", check: () => imageIsCreated(unpacked) },
    ...(["uefi", "uefi-secure"] as const).flatMap((kind) =>
      (["x86_64", "aarch64"] as const).map((architecture) => ({
        name: `${architecture} ${kind} firmware starts in an empty root`,
        check: () => firmwareStarts(unpacked, architecture, kind),
      })),
    ),
    { name: "the network boot ROM asks for an address", check: () => networkBoots(unpacked) },
  ];
}

type Ran = { stdout: string; stderr: string; exitCode: number | undefined };
type RunOptions = { input?: string; timeoutMs?: number; until?: RegExp };

/** Runs a program in the empty root; with `until`, only until its output matches. */
async function runInside({ manifest, root }: Unpacked, name: string, args: string[], options: RunOptions = {}): Promise<Ran> {
  const program = locateProgram(manifest, name, inside);
  if (program === undefined) throw new BundleError("no-program", `The bundle has no ${name}`, "See scripts/bundle/recipe.ts.");
  const child = inEmptyRoot(root, [program.command, ...program.args, ...args], program.env, {
    timeout: options.timeoutMs ?? 30_000,
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
  });
  const { until } = options;
  let seen = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    seen += chunk.toString("latin1");
    if (until?.test(seen)) child.kill("SIGKILL");
  });
  const result = await child;
  return { stdout: seen, stderr: String(result.stderr ?? ""), exitCode: result.exitCode };
}

function expectThat(holds: boolean, what: string, ran: Ran): void {
  if (holds) return;
  const words = `${ran.stderr}\n${ran.stdout}`.trim().slice(-1500);
  throw new BundleError(
    "not-closed",
    `${what} (exit ${ran.exitCode ?? "by signal"})\n${words}`,
    "A file is missing from the bundle: see scripts/bundle/recipe.ts.",
  );
}

async function versionRuns(unpacked: Unpacked, name: string): Promise<void> {
  const ran = await runInside(unpacked, name, ["--version"]);
  // swtpm_setup answers --version with exit code 1.
  const exited = ran.exitCode === 0 || (name === "swtpm_setup" && ran.exitCode === 1);
  expectThat(exited && /\d+\.\d+/.test(ran.stdout), `${name} --version`, ran);
}

async function nodeRuns({ manifest, root }: Unpacked): Promise<void> {
  const program = locateProgram(manifest, "node", join(root, inside));
  if (program === undefined) throw new BundleError("no-program", "The bundle has no node", "See scripts/bundle/node-runtime.ts.");
  const result = await execa(program.command, [...program.args, "-p", "process.version"], { reject: false });
  expectThat(/^v\d+\./.test(result.stdout), "node -p process.version", { ...result, exitCode: result.exitCode });
}

/** Machine and devices that load the modules, ROMs and VGA BIOSes of the bundle. */
function emulatorArgs(manifest: BundleManifest, name: string, base: string): string[] {
  const data = manifest.dataDirectories.flatMap((folder) => ["-L", `${base}/${folder}`]);
  const machine = name.endsWith("x86_64") ? ["-machine", "q35"] : ["-machine", "virt", "-cpu", "cortex-a57"];
  const vga = name.endsWith("x86_64") ? ["virtio-vga", "uefi-vars-x64"] : ["ramfb"];
  const devices = [...vga, "virtio-gpu-pci", "qemu-xhci", "usb-host", "virtio-net-pci,netdev=n", "e1000e,netdev=m"];
  const networks = ["-netdev", "user,id=n", "-netdev", "user,id=m"];
  return [
    ...data,
    "-nodefaults",
    "-no-user-config",
    ...machine,
    "-accel",
    "tcg",
    "-display",
    "none",
    "-vnc",
    "none",
    "-k",
    "de",
    ...networks,
    ...devices.flatMap((device) => ["-device", device]),
  ];
}

const quit = '{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n';

async function emulatorGreets(unpacked: Unpacked, name: string): Promise<void> {
  const args = [...emulatorArgs(unpacked.manifest, name, inside), "-S", "-qmp", "stdio"];
  const ran = await runInside(unpacked, name, args, { input: quit });
  const version = unpacked.manifest.qemuVersion.split(".");
  // The key "qemu" is checked as well: see the trap in relocate.ts.
  const greeting = `"qemu": {"micro": ${version[2]}, "minor": ${version[1]}, "major": ${version[0]}}`;
  expectThat(ran.stdout.includes(greeting) && ran.stdout.includes("host-qmp-quit"), `${name} greeting`, ran);
}

/** Runs outside the empty root, where the host's libraries could be taken by mistake. */
async function mapsOnlyOwnFiles({ manifest, root }: Unpacked, name: string): Promise<void> {
  const base = join(root, inside);
  const program = locateProgram(manifest, name, base);
  if (program === undefined) throw new BundleError("no-program", `The bundle has no ${name}`, "See scripts/bundle/recipe.ts.");
  const args = [...program.args, ...emulatorArgs(manifest, name, base), "-S", "-qmp", "stdio"];
  const child = execa(program.command, args, { env: program.env, reject: false, timeout: 30_000 });
  try {
    await new Promise<void>((done) => {
      child.stdout.once("data", () => done());
      child.once("exit", () => done());
    });
    const maps = await readFile(`/proc/${child.pid}/maps`, "utf8").catch(() => "");
    const files = [...new Set(foreignFiles(maps, base))];
    const ran: Ran = { stdout: files.join("\n"), stderr: "", exitCode: undefined };
    expectThat(maps.includes(`${base}/qemu/lib/`), `${name} runs on the host`, {
      ...ran,
      stderr: String((await Promise.race([child, undefined]))?.stderr ?? ""),
    });
    expectThat(files.length === 0, `${name} maps files of the host`, ran);
  } finally {
    child.kill("SIGKILL");
    await child;
  }
}

/** Files named in /proc/PID/maps which lie outside a folder. Devices and anonymous memory are no files. */
export function foreignFiles(maps: string, folder: string): string[] {
  return maps
    .split("\n")
    .map((line) => /^\S+ \S+ \S+ \S+ \S+\s+(\/.*)$/.exec(line)?.[1])
    .filter((path) => path !== undefined)
    .filter((path) => !path.startsWith(`${folder}/`) && !/^\/(dev|memfd:|SYSV|anon_hugepage)/.test(path));
}

async function imageIsCreated(unpacked: Unpacked): Promise<void> {
  const image = "/tmp/test.qcow2";
  const created = await runInside(unpacked, "qemu-img", ["create", "-f", "qcow2", image, "64M"]);
  expectThat(created.exitCode === 0, "qemu-img create", created);
  const checked = await runInside(unpacked, "qemu-img", ["check", image]);
  expectThat(checked.exitCode === 0, "qemu-img check", checked);
  const { size } = await stat(join(unpacked.root, image));
  expectThat(size > 0, "the image has content", checked);
}

async function firmwareStarts(unpacked: Unpacked, architecture: "x86_64" | "aarch64", kind: "uefi" | "uefi-secure"): Promise<void> {
  const flash = unpacked.manifest.firmware[architecture]?.[kind];
  if (flash === undefined) throw new BundleError("no-firmware", `No ${kind} firmware for ${architecture}`, "See scripts/bundle/recipe.ts.");
  await mkdir(join(unpacked.root, "tmp"), { recursive: true });
  const vars = `/tmp/${architecture}-${kind}-vars.fd`;
  await copyFile(join(unpacked.root, inside, flash.vars), join(unpacked.root, vars));
  const secure = kind === "uefi-secure" && architecture === "x86_64";
  const machine = architecture === "x86_64" ? ["-machine", secure ? "q35,smm=on" : "q35"] : ["-machine", "virt", "-cpu", "cortex-a57"];
  const args = [
    ...["-L", `${inside}/qemu/share/qemu`, "-nodefaults", ...machine, "-accel", "tcg", "-m", "256", "-display", "none"],
    ...(secure ? ["-global", "driver=cfi.pflash01,property=secure,value=on"] : []),
    ...["-drive", `if=pflash,format=raw,readonly=on,file=${inside}/${flash.code}`],
    ...["-drive", `if=pflash,format=raw,file=${vars}`, "-serial", "stdio"],
  ];
  // The first words after start only: on a busy host the firmware drops what the serial port takes too late.
  // With keys enrolled the unsigned shell is refused, which is what Secure Boot is for.
  const wanted = kind === "uefi" ? /BdsDxe: (loading|starting) Boot/ : /BdsDxe: (No bootable|failed to load)/;
  const ran = await runInside(unpacked, `qemu-system-${architecture}`, args, { timeoutMs: 120_000, until: wanted });
  expectThat(wanted.test(ran.stdout), `${architecture} ${kind} firmware`, ran);
}

/** SeaBIOS hands over to iPXE, which configures itself by slirp's DHCP; graphics=off makes it speak on the serial port. */
async function networkBoots(unpacked: Unpacked): Promise<void> {
  const args = [
    ...["-L", `${inside}/qemu/share/qemu`, "-nodefaults", "-machine", "q35,graphics=off", "-accel", "tcg", "-m", "128", "-display", "none"],
    ...["-netdev", "user,id=n,tftp=/tmp,bootfile=none.pxe", "-device", "virtio-net-pci,netdev=n,bootindex=1", "-serial", "stdio"],
  ];
  const wanted = /iPXE[\s\S]*net0|Configuring/;
  const ran = await runInside(unpacked, "qemu-system-x86_64", args, { timeoutMs: 60_000, until: wanted });
  expectThat(wanted.test(ran.stdout), "network boot", ran);
}

/** Runs every check, telling each. @throws the first failure, after all have run */
export async function verifyBundle(bundle: string, progress: (line: string) => void): Promise<void> {
  const unpacked = await unpackIntoEmptyRoot(resolve(bundle));
  const failures: unknown[] = [];
  try {
    for (const { name, check } of checksOf(unpacked)) {
      await check().then(
        () => progress(`ok      ${name}`),
        (error: unknown) => {
          failures.push(error);
          progress(`FAILED  ${name}\n${describeError(error)}`);
        },
      );
    }
  } finally {
    await unpacked.dispose();
  }
  if (failures.length > 0)
    throw new BundleError("verify-failed", `${failures.length} checks failed`, "Each is told above.", { cause: failures[0] });
}

if (import.meta.main) {
  verifyBundle(process.argv[2] ?? `dist/bundle/${process.platform}-${process.arch}`, console.log).catch((error: unknown) => {
    console.error(describeError(error));
    process.exitCode = 1;
  });
}
