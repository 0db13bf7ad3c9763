import { l10n } from "../ui/l10n.ts";

/**
 * The form as data: one row a setting of `vm.json`, in the order of the page. A new setting is one row here; a test
 * holds the rows equal to the schema (paths, choices, limits, defaults). `*` in a path stands for an index.
 */

export const sections = [
  { id: "general", title: l10n.t("General") },
  { id: "processor", title: l10n.t("Processor") },
  { id: "memory", title: l10n.t("Memory") },
  { id: "disks", title: l10n.t("Disks") },
  { id: "network", title: l10n.t("Network") },
  { id: "display", title: l10n.t("Display") },
  { id: "boot", title: l10n.t("Boot and firmware") },
  { id: "devices", title: l10n.t("Devices") },
  { id: "sharing", title: l10n.t("Guest and host") },
  { id: "firstBoot", title: l10n.t("First boot") },
] as const;
export type SectionId = (typeof sections)[number]["id"];

export interface Choice {
  readonly value: string;
  readonly label: string;
}

export type Control =
  /** Shown, never changed here. */
  | { readonly kind: "fact" }
  /** `rule`: what a refused text is told. */
  | { readonly kind: "text"; readonly lines?: number; readonly rule?: string; readonly suggestions?: readonly string[] }
  | { readonly kind: "file" }
  | { readonly kind: "folder" }
  | { readonly kind: "size" }
  /** Bytes a second as a size, of a key that holds a number. */
  | { readonly kind: "rate"; readonly minimum: number; readonly maximum: number }
  | { readonly kind: "number"; readonly minimum: number; readonly maximum: number }
  | { readonly kind: "choice"; readonly choices: readonly Choice[] }
  | { readonly kind: "toggle" }
  /** Some of the choices, in the order that counts. */
  | { readonly kind: "order"; readonly choices: readonly Choice[] };

export interface Field {
  readonly path: string;
  readonly section: SectionId;
  readonly label: string;
  readonly help?: string;
  readonly control: Control;
  /** The schema's default; absent and not `optional`: the key must be there. */
  readonly fallback?: unknown;
  /** Emptied, the key is taken out. */
  readonly optional?: true;
  /** A running machine has the change as soon as the file is saved. */
  readonly applies?: "now";
  /** Row of the host report without which this does nothing here. */
  readonly feature?: string;
  /** Shown while the key beside it has this value. */
  readonly when?: { readonly key: string; readonly is: string };
  /** Takes the whole width of its section. */
  readonly wide?: true;
}

const fact: Control = { kind: "fact" };
const file: Control = { kind: "file" };
/** What QEMU takes (the model's own limit). */
const rate: Control = { kind: "rate", minimum: 0, maximum: 1e15 };
const toggle: Control = { kind: "toggle" };
const text = (more: Omit<Extract<Control, { kind: "text" }>, "kind"> = {}): Control => ({ kind: "text", ...more });
const number = (minimum: number, maximum: number): Control => ({ kind: "number", minimum, maximum });
const choice = (...choices: readonly (readonly [value: string, label: string])[]): Control => ({
  kind: "choice",
  choices: choices.map(([value, label]) => ({ value, label })),
});

const nat = { key: "mode", is: "nat" } as const;
const segment = { key: "mode", is: "segment" } as const;
const directKernel = { key: "type", is: "direct-kernel" } as const;

/** Biome would break each row into ten lines; as rows they are read as the table they are. */
// biome-ignore format: a table
export const fields: readonly Field[] = [
  { path: "name", section: "general", label: l10n.t("Name"), control: fact },
  { path: "group", section: "general", label: l10n.t("Group"), help: l10n.t("Machines of one group stand together in the list."), control: text({ rule: l10n.t("At most 60 characters.") }), optional: true, applies: "now" },
  { path: "note", section: "general", label: l10n.t("Note"), control: text({ lines: 3, rule: l10n.t("At most 2000 characters.") }), optional: true, applies: "now", wide: true },
  { path: "architecture", section: "general", label: l10n.t("Architecture"), control: fact },
  { path: "image", section: "general", label: l10n.t("Made from"), control: fact, optional: true },
  { path: "id", section: "general", label: l10n.t("Identifier"), control: fact },

  { path: "cpus", section: "processor", label: l10n.t("Processors"), help: l10n.t("Virtual processors the guest sees."), control: number(1, 256) },
  { path: "cpuModel", section: "processor", label: l10n.t("Processor model"), help: l10n.t("A model name of QEMU, or auto: what the accelerator does best."), control: text({ rule: l10n.t("The name of a QEMU processor model, or auto."), suggestions: ["auto", "host", "max"] }), fallback: "auto" },
  { path: "accelerator", section: "processor", label: l10n.t("Accelerator"), help: l10n.t("What runs the guest's code. Automatic takes the fastest that works here."), control: choice(["auto", l10n.t("Automatic")], ["kvm", "KVM (Linux)"], ["hvf", "HVF (macOS)"], ["whpx", "WHPX (Windows)"], ["tcg", l10n.t("TCG (emulated, not a security boundary)")]), fallback: "auto", wide: true },

  { path: "memory", section: "memory", label: l10n.t("Memory"), help: l10n.t("A size such as 512M or 4G."), control: { kind: "size" } },

  { path: "disks.*.id", section: "disks", label: l10n.t("Disk"), control: fact },
  { path: "disks.*.file", section: "disks", label: l10n.t("File"), control: fact },
  { path: "disks.*.format", section: "disks", label: l10n.t("Format"), control: fact, fallback: "qcow2" },
  { path: "disks.*.bus", section: "disks", label: l10n.t("Bus"), help: l10n.t("How the guest sees the disk. VirtIO is the fastest; SATA suits guests without its driver."), control: choice(["virtio", "VirtIO"], ["scsi", "SCSI"], ["sata", "SATA"], ["nvme", "NVMe"]), fallback: "virtio" },
  { path: "disks.*.readOnly", section: "disks", label: l10n.t("Read-only"), help: l10n.t("The guest cannot write to this disk."), control: toggle, fallback: false },
  { path: "disks.*.limits.readBytesPerSecond", section: "disks", label: l10n.t("Read bandwidth"), help: l10n.t("A second, such as 20M."), control: rate, optional: true, applies: "now" },
  { path: "disks.*.limits.writeBytesPerSecond", section: "disks", label: l10n.t("Write bandwidth"), help: l10n.t("A second, such as 20M."), control: rate, optional: true, applies: "now" },
  { path: "disks.*.limits.readsPerSecond", section: "disks", label: l10n.t("Reads a second"), control: number(0, 1e15), optional: true, applies: "now" },
  { path: "disks.*.limits.writesPerSecond", section: "disks", label: l10n.t("Writes a second"), control: number(0, 1e15), optional: true, applies: "now" },
  { path: "cdrom.file", section: "disks", label: l10n.t("Disc image"), help: l10n.t("An ISO file. Empty: a drive without a disc."), control: file, optional: true, wide: true },

  { path: "networks.*.mode", section: "network", label: l10n.t("Connected to"), help: l10n.t("NAT reaches out through this host; the guest is reached by forwards."), control: choice(["nat", "NAT"], ["segment", l10n.t("Network of machines")], ["none", l10n.t("Nothing")]) },
  { path: "networks.*.network", section: "network", label: l10n.t("Network"), help: l10n.t("A network of machines on this host: viv net ls."), control: text({ rule: l10n.t("A lower-case letter, then up to 30 lower-case letters, digits and dashes.") }), when: segment },
  { path: "networks.*.model", section: "network", label: l10n.t("Model"), help: l10n.t("VirtIO is the fastest; e1000e suits guests without its driver."), control: choice(["virtio", "VirtIO"], ["e1000e", "Intel e1000e"]), fallback: "virtio" },
  { path: "networks.*.mac", section: "network", label: l10n.t("MAC address"), control: text({ rule: l10n.t("A unicast MAC address in lower case, such as 52:54:00:12:34:56.") }) },
  { path: "networks.*.linkUp", section: "network", label: l10n.t("Cable connected"), help: l10n.t("Off: the guest sees an unplugged cable."), control: toggle, fallback: true },
  { path: "networks.*.forwards.*.protocol", section: "network", label: l10n.t("Protocol"), control: choice(["tcp", "TCP"], ["udp", "UDP"]), fallback: "tcp" },
  { path: "networks.*.forwards.*.hostAddress", section: "network", label: l10n.t("Host address"), control: text({ rule: l10n.t("An IP address of this host, such as 127.0.0.1.") }), fallback: "127.0.0.1" },
  { path: "networks.*.forwards.*.hostPort", section: "network", label: l10n.t("Host port"), control: number(1, 65535), optional: true },
  { path: "networks.*.forwards.*.guestPort", section: "network", label: l10n.t("Guest port"), control: number(1, 65535) },
  { path: "networks.*.netboot.directory", section: "network", label: l10n.t("Netboot folder"), help: l10n.t("Served to the guest by TFTP."), control: { kind: "folder" }, when: nat },
  { path: "networks.*.netboot.file", section: "network", label: l10n.t("Netboot file"), help: l10n.t("Boot file inside that folder."), control: text({ rule: l10n.t("A relative path of letters, digits and . _ - /") }), when: nat },

  { path: "display.type", section: "display", label: l10n.t("Graphics"), help: l10n.t("VirtIO resizes with the console. None has no screen at all."), control: choice(["virtio", "VirtIO"], ["std", l10n.t("Standard VGA")], ["none", l10n.t("None (headless)")]), fallback: "virtio", wide: true },
  { path: "display.width", section: "display", label: l10n.t("Width"), help: l10n.t("Pixels, when the guest starts."), control: number(320, 7680), fallback: 1024 },
  { path: "display.height", section: "display", label: l10n.t("Height"), help: l10n.t("Pixels, when the guest starts."), control: number(200, 4320), fallback: 768 },

  { path: "firmware.type", section: "boot", label: l10n.t("Firmware"), help: l10n.t("A guest that is installed seldom starts with another one."), control: choice(["bios", "BIOS"], ["uefi", "UEFI"], ["uefi-secure", l10n.t("UEFI with Secure Boot")], ["direct-kernel", l10n.t("Linux kernel, directly")]) },
  { path: "machineType", section: "boot", label: l10n.t("Machine type"), help: l10n.t("QEMU's versioned hardware; another version is another mainboard to the guest."), control: text({ rule: l10n.t("A machine type of QEMU, such as pc-q35-10.0.") }) },
  { path: "firmware.kernel", section: "boot", label: l10n.t("Kernel"), control: file, when: directKernel, wide: true },
  { path: "firmware.initrd", section: "boot", label: l10n.t("Initial RAM disk"), control: file, optional: true, when: directKernel, wide: true },
  { path: "firmware.append", section: "boot", label: l10n.t("Kernel command line"), control: text({ rule: l10n.t("At most 2048 characters.") }), fallback: "", when: directKernel, wide: true },
  { path: "bootOrder", section: "boot", label: l10n.t("Boot order"), help: l10n.t("What the firmware tries, from the top. Alt with an arrow key moves a row."), control: { kind: "order", choices: [{ value: "disk", label: l10n.t("Disk") }, { value: "cdrom", label: l10n.t("CD drive") }, { value: "network", label: l10n.t("Network") }] }, fallback: ["disk", "cdrom", "network"], wide: true },

  { path: "devices.rng", section: "devices", label: l10n.t("Random numbers"), help: l10n.t("Entropy from this host (virtio-rng)."), control: toggle, fallback: true },
  { path: "devices.balloon", section: "devices", label: l10n.t("Memory balloon"), help: l10n.t("The guest can give memory back (virtio-balloon)."), control: toggle, fallback: true, feature: "balloon-frees-ram" },
  { path: "devices.tablet", section: "devices", label: l10n.t("Absolute pointer"), help: l10n.t("The mouse moves in and out of the console freely."), control: toggle, fallback: true },
  { path: "devices.tpm", section: "devices", label: l10n.t("TPM 2.0"), help: l10n.t("Emulated by swtpm."), control: toggle, fallback: false, feature: "tpm" },
  { path: "devices.watchdog", section: "devices", label: l10n.t("Watchdog"), help: l10n.t("Pauses the machine when the guest hangs (i6300esb)."), control: toggle, fallback: false },
  { path: "devices.clipboard", section: "devices", label: l10n.t("Shared clipboard"), help: l10n.t("Text, by the console; the guest needs spice-vdagent. No snapshots with memory meanwhile."), control: toggle, fallback: false },
  { path: "devices.vsock", section: "devices", label: l10n.t("Sockets to the guest"), help: l10n.t("vhost-vsock."), control: toggle, fallback: false, feature: "vsock" },

  { path: "guestUser", section: "sharing", label: l10n.t("Guest user"), help: l10n.t("Who SSH signs in as."), control: text({ rule: l10n.t("A user name of the guest: lower-case letters, digits, _ and -.") }), fallback: "root" },
  { path: "onHostShutdown", section: "sharing", label: l10n.t("When this host shuts down"), control: choice(["suspend", l10n.t("Suspend the machine")], ["stop", l10n.t("Stop the machine")], ["kill", l10n.t("Turn it off at once")]), fallback: "suspend", applies: "now" },
  { path: "shares.*.tag", section: "sharing", label: l10n.t("Shared folder"), control: fact },
  { path: "shares.*.path", section: "sharing", label: l10n.t("Folder"), control: { kind: "folder" }, wide: true },
  { path: "shares.*.mountPoint", section: "sharing", label: l10n.t("In the guest"), help: l10n.t("Empty: /mnt/ and the share's name."), control: text({ rule: l10n.t("An absolute path of the guest, without . and ..") }), optional: true },
  { path: "shares.*.kind", section: "sharing", label: l10n.t("Kind"), help: l10n.t("Automatic takes virtiofs where host and guest have it, else 9p."), control: choice(["auto", l10n.t("Automatic")], ["virtiofs", "virtiofs"], ["9p", "9p"]), fallback: "auto" },
  { path: "shares.*.readOnly", section: "sharing", label: l10n.t("Read-only"), help: l10n.t("The guest cannot change anything in it."), control: toggle, fallback: false },

  { path: "firstBoot.by", section: "firstBoot", label: l10n.t("Set up by"), help: l10n.t("Takes effect only before the first start. Users, packages and scripts: in vm.json."), control: choice(["auto", l10n.t("What fits the guest")], ["cloud-init", l10n.t("cloud-init in the guest")], ["agent", l10n.t("Vivarium's agent in the guest")], ["credentials", l10n.t("systemd's credentials")]), fallback: "auto", applies: "now" },
  { path: "firstBoot.hostname", section: "firstBoot", label: l10n.t("Host name"), help: l10n.t("Empty: the machine's name."), control: text({ rule: l10n.t("A host name such as web or web.example.org.") }), optional: true, applies: "now" },
  { path: "firstBoot.timeZone", section: "firstBoot", label: l10n.t("Time zone"), control: text({ rule: l10n.t("A time zone such as Europe/Berlin or UTC.") }), optional: true, applies: "now" },
  { path: "firstBoot.keyboard", section: "firstBoot", label: l10n.t("Keyboard"), control: text({ rule: l10n.t("A layout such as de or us.") }), optional: true, applies: "now" },
  { path: "firstBoot.locale", section: "firstBoot", label: l10n.t("Locale"), control: text({ rule: l10n.t("A locale such as de_DE.UTF-8.") }), optional: true, applies: "now" },
  { path: "firstBoot.userData", section: "firstBoot", label: l10n.t("User-data"), help: l10n.t("A cloud-config file of your own, merged into what cloud-init gets."), control: { kind: "file" }, optional: true, applies: "now" },
  { path: "firstBoot.growRoot", section: "firstBoot", label: l10n.t("Grow the root file system"), help: l10n.t("It takes all of its disk."), control: toggle, fallback: true, applies: "now" },
];

/** Keys of the schema that have no place in a form: kept by us. */
export const notShown: readonly string[] = [
  ...["$schema", "schema", "disks.*.slot", "disks.*.port"],
  ...[
    "firstBoot.packages.*",
    "firstBoot.scripts.*",
    "firstBoot.users.*.groups.*",
    "firstBoot.users.*.name",
    "firstBoot.users.*.shell",
    "firstBoot.users.*.sshKeys.*",
    "firstBoot.users.*.sudo",
  ],
  ...[
    "probes.*.command",
    "probes.*.description",
    "probes.*.http.path",
    "probes.*.http.port",
    "probes.*.name",
    "probes.*.tcp",
    "probes.*.timeoutSeconds",
  ],
];

/** What of the schema the rows above must not miss: lists a person adds to and takes from. */
export const lists = {
  disks: { maximum: 16 },
  networks: { maximum: 4 },
  shares: { maximum: 4 },
  "networks.*.forwards": { maximum: 64 },
} as const;

const byPath = new Map(fields.map((field) => [field.path, field]));

/** The row of a place in a document: `networks.0.mac` → the row of `networks.*.mac`. */
export function fieldAt(path: string): Field | undefined {
  return byPath.get(pattern(path));
}

/** `networks.0.mac` → `networks.*.mac`. */
export function pattern(path: string): string {
  return path.replace(/(?<=^|\.)\d+(?=\.|$)/g, "*");
}
