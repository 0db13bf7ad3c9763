import assert from "node:assert/strict";
import { type Definition, Definition as DefinitionSchema } from "../../../src/model/index.ts";
import { commandLine, diskNames, type LaunchContext, linksDown } from "../../../src/qemu/index.ts";
import { contextOf } from "../../golden/commandLine.ts";

const architectures = { x86_64: "pc-q35-10.0", aarch64: "virt-10.0" } as const;
type Architecture = keyof typeof architectures;

function machine(architecture: Architecture, changes: Record<string, unknown> = {}): Definition {
  return DefinitionSchema.parse({
    schema: 1,
    id: "3f0c6a1e-8b7d-4c2a-9e5f-0a1b2c3d4e5f",
    name: "probe",
    architecture,
    machineType: architectures[architecture],
    cpus: 1,
    memory: "256M",
    firmware: { type: "uefi" },
    disks: [{ id: "disk0", file: "disk0.qcow2" }],
    networks: [{ mode: "nat", mac: "52:54:00:00:00:01" }],
    ...changes,
  });
}

function words(definition: Definition, changes: Partial<LaunchContext> = {}): string[] {
  const context = contextOf({ name: "", definition, host: {} }, "linux");
  return commandLine(definition, { ...context, ...changes });
}

/** The devices by id, as the guest meets them. */
function devices(definition: Definition): Map<string, string> {
  const line = words(definition);
  const texts = line.filter((_, index) => line[index - 1] === "-device");
  return new Map(texts.map((text) => [JSON.parse(text).id, text]));
}

const disk = (id: string, bus: string) => ({ id, file: `${id}.qcow2`, bus });
const network = (last: string, model: string) => ({ mode: "none", mac: `52:54:00:00:00:${last}`, model });
const extensions: Record<string, Record<string, unknown>> = {
  "a virtio disk": { disks: [disk("disk0", "virtio"), disk("more", "virtio")] },
  "a SATA disk": { disks: [disk("disk0", "virtio"), disk("more", "sata")] },
  "a SCSI disk": { disks: [disk("disk0", "virtio"), disk("more", "scsi")] },
  "an NVMe disk": { disks: [disk("disk0", "virtio"), disk("more", "nvme")] },
  "a CD-ROM drive": { cdrom: {} },
  "another adapter": { networks: [{ mode: "nat", mac: "52:54:00:00:00:01" }, network("02", "e1000e")] },
  "a TPM": { devices: { tpm: true } },
  "a watchdog": { devices: { watchdog: true } },
  vsock: { devices: { vsock: true } },
};

describe("command line", () => {
  for (const architecture of ["x86_64", "aarch64"] as const) {
    for (const [what, changes] of Object.entries(extensions)) {
      it(`leaves every device of an ${architecture} machine in its place when it gets ${what}`, () => {
        const after = devices(machine(architecture, changes));
        for (const [id, text] of devices(machine(architecture))) assert.equal(after.get(id), text);
      });
    }

    it(`gives every PCI device of an ${architecture} machine an address of its own`, () => {
      const disks = Array.from({ length: 16 }, (_, index) => disk(`disk${index}`, ["virtio", "nvme", "sata", "scsi"][index % 4] ?? ""));
      const networks = ["01", "02", "03", "04"].map((last) => network(last, "virtio"));
      const all = machine(architecture, { disks, networks, cdrom: {}, devices: { tpm: true, watchdog: true, vsock: true } });
      const addresses = [...devices(all).values()].flatMap((text) => JSON.parse(text).addr ?? []);
      assert.equal(new Set(addresses).size, addresses.length);
      assert.ok(addresses.length >= 28);
    });
  }

  it("names disks so that no two ever meet", () => {
    const ids = ["a", "a-file", "a-device", "archive-of-the-north-wing-one", "archive-of-the-north-wing-two"];
    const names = ids.map((id, index) => diskNames({ id }, index));
    const nodes = names.flatMap(({ node, fileNode }) => [node, fileNode]);
    assert.equal(new Set(nodes).size, nodes.length);
    assert.equal(new Set(names.map(({ device }) => device)).size, names.length);
    assert.ok(names.every(({ serial, fileNode }) => serial.length <= 20 && fileNode.length <= 31));
  });

  it("lists cables to unplug before the start", () => {
    const networks = [network("01", "virtio"), { ...network("02", "virtio"), linkUp: false }];
    assert.deepEqual(linksDown(machine("x86_64", { networks })), [{ execute: "set_link", arguments: { name: "nic1", up: false } }]);
  });

  it("passes exactly one accelerator and the machine's own processor model", () => {
    const line = words(machine("x86_64", { cpuModel: "Nehalem" }));
    assert.equal(line.filter((word) => word === "-accel").length, 1);
    assert.equal(line[line.indexOf("-cpu") + 1], "Nehalem");
  });

  const refused: Record<string, { definition?: Record<string, unknown>; context?: Partial<LaunchContext>; code: string }> = {
    "a board it has no places for": { definition: { machineType: "pc-i440fx-10.0" }, code: "invalid-definition" },
    "a board of the other architecture": { definition: { machineType: "virt-10.0" }, code: "invalid-definition" },
    "a QEMU before 7.2": { context: { qemuVersion: [7, 1] }, code: "qemu-too-old" },
    "a qcow2 disk whose chain nobody looked at": { context: { disks: {} }, code: "internal" },
    "a folder with a newline": { context: { machineDirectory: "/a\nb" }, code: "invalid-definition" },
    "Secure Boot without SMM": {
      definition: { firmware: { type: "uefi-secure" } },
      context: { accelerator: { name: "hvf", arguments: ["-accel", "hvf"], cpuModel: "host" } },
      code: "host-cannot",
    },
  };
  for (const [what, { definition = {}, context = {}, code }] of Object.entries(refused)) {
    it(`refuses ${what}`, () => assert.throws(() => words(machine("x86_64", definition), context), { code }));
  }
});
