import type { MachineDetails, MachineSummary } from "../../../../src/api/index.ts";
import { readinessLadder } from "../../../../src/model/index.ts";

/** Machines as the service would describe them. */

export function stopped(name: string, changes: Partial<MachineDetails> = {}): MachineDetails {
  return {
    id: `id-of-${name}`,
    name,
    state: "stopped",
    status: { state: "stopped" },
    wanted: "stopped",
    architecture: "x86_64",
    accelerator: null,
    cpus: 1,
    memoryBytes: 512 * 1024 ** 2,
    image: "starter",
    pid: null,
    uptimeSeconds: null,
    disks: [
      { id: "root", file: "root.qcow2", format: "qcow2", bus: "virtio", virtualBytes: 10 * 1024 ** 3, allocatedBytes: 312 * 1024 ** 2 },
    ],
    cdrom: null,
    networks: [{ mode: "nat", model: "virtio", mac: "52:54:00:12:34:56", linkUp: true }],
    forwards: [],
    snapshots: [],
    agent: { connected: false },
    readiness: {},
    readinessHistory: [],
    ladder: [],
    firstBoot: null,
    folder: "/home/ada/.vivarium/machines/hello",
    firmware: "direct-kernel",
    display: "virtio",
    emulated: false,
    pendingChanges: [],
    pending: [],
    suspendedBytes: null,
    ...changes,
  };
}

const readiness = { qmp: 48, firmware: 210, kernel: 900, init: 1900, network: 2300, agent: 2600, ssh: 3100 };

export function running(name: string, changes: Partial<MachineDetails> = {}): MachineDetails {
  return stopped(name, {
    state: "running",
    status: { state: "running", pid: 4711, since: "2026-11-23T10:00:00.000Z", responding: true },
    wanted: "running",
    accelerator: "tcg",
    emulated: true,
    pid: 4711,
    uptimeSeconds: 192,
    networks: [{ mode: "nat", model: "virtio", mac: "52:54:00:12:34:56", linkUp: true }],
    forwards: [{ protocol: "tcp", hostAddress: "127.0.0.1", hostPort: 40022, guestPort: 22, adapter: 0 }],
    agent: { connected: true },
    readiness,
    ladder: readinessLadder({ name, readiness, history: [], probes: [], running: true, inFirstBoot: false }),
    ...changes,
  });
}

export function failed(name: string, changes: Partial<MachineDetails> = {}): MachineDetails {
  return stopped(name, {
    state: "failed",
    status: {
      state: "failed",
      reason: "qemu-crashed",
      message: "QEMU ended at once:\nqemu-system-x86_64: -cpu nonsense: no such model",
      hint: "See viv logs hello --qemu.",
      at: "2026-11-23T10:00:00.000Z",
    },
    ...changes,
  });
}

export function summaryOf(machine: MachineDetails): MachineSummary {
  const { id, name, state, status, operation, wanted, architecture, accelerator, cpus, memoryBytes, group, image } = machine;
  return {
    id,
    name,
    state,
    status,
    ...(operation ? { operation } : {}),
    wanted,
    architecture,
    accelerator,
    cpus,
    memoryBytes,
    group,
    image,
  };
}
