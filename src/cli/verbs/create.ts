import type { CreateRequest } from "../../api/index.ts";
import { requireBytes, requireMachineName, vivError } from "../../model/index.ts";
import { firstBootOptions, firstBootRequest } from "../firstBoot.ts";
import { parseForward } from "../forward.ts";
import { stateText } from "../state.ts";
import { defineVerb, type OptionValues, type Work } from "../verb.ts";
import { webOf } from "../web.ts";
import { requireSettings } from "./set.ts";

const options = {
  image: { value: "IMAGE", summary: "Start from an image (viv image ls), or one of the catalog", completes: "image" },
  iso: { value: "FILE", summary: "Boot from an ISO, with an empty disk", completes: "file" },
  netboot: {
    value: "URL|DIR",
    summary: "Boot from the network: a boot file or an installer's folder by http, or a folder here",
    completes: "folder",
  },
  "netboot-file": { value: "PATH", summary: "The boot file inside a folder here (default: a well-known name)" },
  "netboot-sha256": { value: "HEX", summary: "What the file of a URL must have" },
  arch: { value: "ARCH", choices: ["x86_64", "aarch64"], summary: "The guest's architecture (default: this host's)" },
  cpus: { value: "N", summary: "Number of CPUs" },
  memory: { value: "SIZE", summary: "Memory, such as 512M or 2G" },
  disk: { value: "SIZE", summary: "Size of the disk, such as 10G" },
  network: { value: "nat|none|segment:NAME", many: true, suggestions: ["nat", "none", "segment:"], summary: "A network adapter for each" },
  forward: { value: "[HOSTPORT:]GUESTPORT[/udp]", many: true, summary: "Reach a port of the guest on 127.0.0.1" },
  ...firstBootOptions,
  set: { value: "KEY=VALUE", many: true, summary: "Any other setting, as a path of vm.json; applied last" },
  start: { summary: "Start it, too" },
} as const;

export const verb = defineVerb({
  name: "create",
  summary: "Create a machine",
  usage: "NAME [--image IMAGE | --iso FILE | --netboot URL|DIR] [OPTION]…",
  arguments: { name: { label: "NAME", summary: "A lower-case letter, then up to 40 of a-z, 0-9 and -" } },
  options,
  examples: [
    ["viv create hello --image starter --start", "a running Linux in seconds"],
    ["viv create deb --image debian:12 --disk 20G", "an image of the catalog is fetched first (viv image catalog)"],
    ["viv create web --image debian:12 --user ada --package nginx", "what its guest becomes at first boot"],
    ["viv create web --image starter --memory 1G --cpus 2 --forward 8080:80", "http://127.0.0.1:8080 is its port 80"],
    ["viv create debian --iso debian.iso --disk 20G --set firmware.type=uefi", "install a system from its ISO"],
    ["viv create pxe --netboot ./tftp", "boot from the network, by a folder's pxelinux.0"],
    ["viv create any --netboot https://boot.netboot.xyz/ipxe/netboot.xyz.efi", "the boot file is fetched and kept with the machine"],
    ["viv create trixie --netboot https://deb.debian.org/debian/dists/trixie/", "a distribution's installer"],
  ],
  async run(work) {
    const request = { ...createRequest(work.args.name, work.options, work.path), ...(await firstBootRequest(work, work.options)) };
    if (request.image !== undefined) await pullIfAbsent(work, request.image, request.architecture);
    const created = await work.call("machine.create", request, request.name);
    const machine = work.options.start ? await work.call("machine.start", { machine: created.name }, created.name) : created;
    work.print(
      machine,
      () => `${machine.name}: ${work.options.start ? stateText(machine) : `created (viv start ${machine.name} boots it)`}\n`,
    );
    return 0;
  },
});

/** An image of the catalog that is not here yet is pulled first; what is nowhere the service refuses, with what there is. */
async function pullIfAbsent(work: Work, name: string, architecture: CreateRequest["architecture"]): Promise<void> {
  const wanted = architecture ?? (process.arch === "arm64" ? "aarch64" : "x86_64");
  if ((await work.call("image.list", {})).some((image) => image.name === name && image.architecture === wanted)) return;
  const web = webOf(work.host.environment, work.path);
  const known = (await work.call("image.catalog", web)).find((image) => image.name === name);
  if (!known?.architectures.some((file) => file.architecture === wanted && file.url !== undefined)) return;
  await work.call("image.pull", { source: name, architecture: wanted, ...web }, name);
}

type CreateOptions = Omit<OptionValues<typeof options>, "start" | keyof typeof firstBootOptions>;

/** The words of the command line → the request; `path` resolves a path as the caller meant it. */
export function createRequest(name: string, given: CreateOptions, path: (text: string) => string): CreateRequest {
  requireMachineName(name);
  if (given.memory !== undefined) requireBytes(given.memory, "--memory");
  if (given.disk !== undefined) requireBytes(given.disk, "--disk");
  requireSettings(given.set);
  const networks = networkRequests(given);
  return {
    name,
    ...source(given, path),
    ...(given.arch === "x86_64" || given.arch === "aarch64" ? { architecture: given.arch } : {}),
    ...(given.cpus === undefined ? {} : { cpus: cpuCount(given.cpus) }),
    ...(given.memory === undefined ? {} : { memory: given.memory }),
    ...(given.disk === undefined ? {} : { disk: given.disk }),
    ...(networks === undefined ? {} : { networks }),
    ...(given.set.length === 0 ? {} : { set: [...given.set] }),
  };
}

function source(given: CreateOptions, path: (text: string) => string): Pick<CreateRequest, "image" | "iso" | "netboot"> {
  const { image, iso, netboot, "netboot-file": file, "netboot-sha256": sha256 } = given;
  if ([image, iso, netboot].filter((one) => one !== undefined).length > 1) {
    throw vivError(
      "usage",
      "--image, --iso and --netboot exclude each other.",
      "Give one source; --set cdrom.file=FILE adds an ISO to a machine from an image.",
    );
  }
  if (image !== undefined) return { image };
  if (iso !== undefined) return { iso: path(iso) };
  return netbootSource(netboot, file, sha256, path);
}

function netbootSource(
  netboot: string | undefined,
  file: string | undefined,
  sha256: string | undefined,
  path: (text: string) => string,
): Pick<CreateRequest, "netboot"> {
  const isUrl = netboot !== undefined && /^[a-z][a-z0-9+.-]*:\/\//i.test(netboot);
  if (file !== undefined && (netboot === undefined || isUrl))
    throw vivError(
      "usage",
      "--netboot-file names a file in the folder of --netboot.",
      "For example --netboot ./tftp --netboot-file pxelinux.0.",
    );
  if (sha256 !== undefined && !isUrl)
    throw vivError("usage", "--netboot-sha256 belongs to a URL.", "For example --netboot https://example.org/boot.efi.");
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256))
    throw vivError("usage", "--netboot-sha256 takes the 64 hex digits of a SHA-256.", "sha256sum prints them.");
  if (netboot === undefined) return {};
  if (isUrl) return { netboot: { url: netboot, ...(sha256 === undefined ? {} : { sha256 }) } };
  return { netboot: { directory: path(netboot), ...(file === undefined ? {} : { file }) } };
}

function cpuCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > 256)
    throw vivError("usage", `--cpus: ${JSON.stringify(text)} is not a number of CPUs.`, "Give a whole number from 1 to 256.");
  return count;
}

/** Forwards belong to the first NAT adapter; without --network there is one. */
function networkRequests(given: CreateOptions): CreateRequest["networks"] {
  const forwards = given.forward.map(parseForward);
  if (given.network.length === 0 && forwards.length === 0) return undefined;
  const modes: readonly string[] = given.network.length === 0 ? ["nat"] : given.network;
  const firstNat = modes.indexOf("nat");
  if (forwards.length > 0 && firstNat < 0) throw vivError("usage", "--forward needs a NAT adapter.", "Add --network nat.");
  return modes.map((mode, index) => (mode === "nat" ? { mode, forwards: index === firstNat ? forwards : [] } : otherMode(mode)));
}

function otherMode(text: string): NonNullable<CreateRequest["networks"]>[number] {
  if (text === "none") return { mode: "none" };
  const network = /^segment:(.+)$/.exec(text)?.[1];
  if (network !== undefined) return { mode: "segment", network };
  throw vivError("usage", `--network: ${JSON.stringify(text)} is not a way to connect.`, "nat, none, or segment:NAME (viv net ls).");
}
