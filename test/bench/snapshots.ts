import { connect } from "node:net";
import { join } from "node:path";
import type { SnapshotView, VivClient } from "../../src/api/index.ts";
import { driversLoaded, guest, starterMachine } from "../support/home.ts";
import { emptyMachine } from "../support/snapshotWalk.ts";
import { type Figure, figure, type Measured, ratio } from "./figure.ts";
import { type Moments, startLibvirt } from "./libvirt.ts";
import { commandOf } from "./rawQemu.ts";
import { sleep, timed, untilItWorks } from "./samples.ts";
import type { World } from "./world.ts";

const machine = "moments";
const peer = "peer";
const collection = "hundred";

/** How long a guest of 1 GiB stands still for a snapshot, by QEMU and seen from outside; how quickly it is back. */
export async function measureSnapshots(world: World, runs: number, withLibvirt: boolean): Promise<Measured> {
  const client = await world.client();
  await untilItWorks("booting the guest", () => starterMachine(client, machine, { memory: "1G", start: true }));
  await driversLoaded(client, machine);
  const ticks = await startTicking(client);
  const idle = await take(client, ticks, runs);
  const saved = await saveInside(world, client, Math.min(runs, 3));
  await guest(client, machine, "sh", "-c", writer);
  await sleep(1000);
  const busy = await take(client, ticks, runs);
  ticks.stop();
  const back: number[] = [];
  const backAndKept: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    back.push((await timed(() => client.call("snapshot.restore", { machine, snapshot: "s1", safety: false }))).ms);
    backAndKept.push((await timed(() => client.call("snapshot.restore", { machine, snapshot: "s1" }))).ms);
  }
  await client.call("machine.kill", { machine });
  const list = await listHundred(client, runs);
  const theirs = withLibvirt ? await libvirtMoments(world, client, runs) : undefined;
  return {
    figures: [
      figure("snapshot.pauseIdle", "Snapshot with memory, 1 GiB, idle: STOP → RESUME", idle.paused, "by QEMU's events", { limit: 60 }),
      figure("snapshot.pauseBusy", "The same while the guest writes and fsyncs without pause", busy.paused, writerText, { limit: 100 }),
      figure(
        "snapshot.gapIdle",
        "The same, idle, seen from outside: largest gap, added",
        idle.added,
        `a byte every ms over the serial line, read by the bench through vivd; less the largest gap of the 2 s before (${Math.round(idle.baseline)} ms)`,
      ),
      figure("snapshot.gapBusy", "The same under write and fsync", busy.added, `likewise (${Math.round(busy.baseline)} ms before)`),
      figure("snapshot.whole", "The whole snapshot with memory (API), idle", idle.whole, "request → reply: all is on the disk"),
      figure(
        "snapshot.saveInside",
        "QEMU's own snapshot-save of the same guest, idle: STOP → RESUME",
        saved,
        "by QMP on the second monitor",
      ),
      figure(
        "snapshot.restore",
        "Restore with memory, of a running machine (API)",
        back,
        "request → the guest runs; the present is given up",
        {
          limit: 1500,
        },
      ),
      figure("snapshot.restoreKept", "The same, with the present kept in a snapshot with memory", backAndKept, "request → the guest runs"),
      ...(theirs ? libvirtFigures(theirs) : []),
      figure("snapshot.list", "List, tree and sizes of 100 snapshots (API)", list, "snapshot.list", { limit: 200 }),
    ],
    ratios: { "snapshot.pause": ratio(idle.paused.slice(0, saved.length), saved) },
  };
}

/** The same guest with the same memory as a domain of libvirt's. */
async function libvirtMoments(world: World, client: VivClient, runs: number): Promise<Moments> {
  await untilItWorks("booting the guest", () => starterMachine(client, peer, { memory: "1G", start: true }));
  await client.call("machine.stop", { machine: peer });
  const libvirt = await startLibvirt(await commandOf(world.machineFolder(peer)), world.folder);
  world.own(libvirt);
  return untilItWorks("libvirt's snapshots", () => libvirt.moments(runs));
}

function libvirtFigures({ save, restore, create, paused, revert }: Moments): Figure[] {
  const same = "the same QEMU, guest and memory as a domain of type qemu; in one open virsh, request → reply";
  return [
    figure(
      "snapshot.libvirtPause",
      "libvirt: `virsh snapshot-create-as` of the same guest, idle: STOP → RESUME",
      paused,
      "by QEMU's events",
    ),
    figure("snapshot.libvirtCreate", "libvirt: `virsh snapshot-create-as`, the whole", create, same),
    figure("snapshot.libvirtRevert", "libvirt: `virsh snapshot-revert`", revert, same),
    figure("snapshot.libvirtSave", "libvirt: `virsh save`", save, `${same}; the guest is off then`),
    figure("snapshot.libvirtRestore", "libvirt: `virsh restore`", restore, same),
  ];
}

const writer = "(while :; do dd if=/dev/urandom of=/root/churn bs=64k count=32 conv=fsync 2>/dev/null; done) > /dev/null 2>&1 &";
const writerText = "endless `dd if=/dev/urandom bs=64k count=32 conv=fsync` in the guest";

interface Taken {
  readonly paused: number[];
  readonly added: number[];
  readonly whole: number[];
  readonly baseline: number;
}

async function take(client: VivClient, ticks: Ticks, runs: number): Promise<Taken> {
  const taken: Taken & { baseline: number } = { paused: [], added: [], whole: [], baseline: 0 };
  const baselines: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    ticks.largest();
    await sleep(2000);
    const before = ticks.largest();
    const { ms, value } = await timed((): Promise<SnapshotView> => client.call("snapshot.create", { machine, memory: true }));
    await sleep(300);
    const during = ticks.largest();
    baselines.push(before);
    taken.paused.push(value.pausedMs ?? Number.NaN);
    taken.added.push(Math.max(0, during - before));
    taken.whole.push(ms);
  }
  return { ...taken, baseline: baselines.sort((a, b) => a - b)[Math.floor(baselines.length / 2)] ?? 0 };
}

interface Ticks {
  /** Milliseconds of the largest gap since the last call. */
  largest(): number;
  stop(): void;
}

/**
 * The guest sends a byte every millisecond or so, by what its shell has built in (a fork would take longer), over its
 * serial line: the virtio ports are its agents'. What vivd takes to pass them on is in the figure.
 */
async function startTicking(client: VivClient): Promise<Ticks> {
  const stream = await client.openSerial(machine, 0);
  let last = performance.now();
  let largest = 0;
  let bytes = 0;
  stream.onData((data) => {
    const now = performance.now();
    largest = Math.max(largest, now - last);
    last = now;
    bytes += data.length;
  });
  const loop = "mkfifo /tmp/never; exec 3<>/tmp/never 4>/dev/ttyS0; while :; do printf x >&4; read -t 0.001 never <&3; done";
  await guest(client, machine, "sh", "-c", `(${loop}) > /dev/null 2>/tmp/ticks.err &`);
  await sleep(2000);
  if (bytes < 100) throw new Error(`The guest sent ${bytes} bytes in 2 s: ${await guest(client, machine, "cat", "/tmp/ticks.err")}`);
  return {
    largest() {
      const found = Math.max(largest, performance.now() - last);
      largest = 0;
      return found;
    },
    stop: () => stream.close(),
  };
}

/** What QEMU does by itself: everything into the qcow2 file, with the guest stopped all the time. */
async function saveInside(world: World, client: VivClient, runs: number): Promise<number[]> {
  const { id } = await client.call("machine.show", { machine });
  const socket = connect(join(world.folder, "run", id.slice(0, 8), "rescue.sock"));
  const times: number[] = [];
  let rest = "";
  let stoppedAt = 0;
  const answers: ((value: Record<string, unknown>) => void)[] = [];
  const concluded: (() => void)[] = [];
  socket.on("data", (data: Buffer) => {
    const lines = (rest + data.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const message = JSON.parse(line) as Record<string, unknown> & { timestamp?: { seconds: number; microseconds: number } };
      const at = (message.timestamp?.seconds ?? 0) * 1000 + (message.timestamp?.microseconds ?? 0) / 1000;
      if (message["event"] === "STOP") stoppedAt = at;
      else if (message["event"] === "RESUME") times.push(at - stoppedAt);
      else if (message["event"] === "JOB_STATUS_CHANGE" && JSON.stringify(message).includes("concluded")) concluded.shift()?.();
      else if ("return" in message || "error" in message) answers.shift()?.(message);
    }
  });
  const say = (execute: string, args: unknown) =>
    new Promise<Record<string, unknown>>((resolve) => {
      answers.push(resolve);
      socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    });
  await say("qmp_capabilities", {});
  const blocks = (await say("query-block", {}))["return"] as { inserted?: { "node-name": string } }[];
  const node = blocks.find(({ inserted }) => inserted)?.inserted?.["node-name"] ?? "";
  const job = async (execute: string, run: number, more: object) => {
    const ended = new Promise<void>((resolve) => concluded.push(resolve));
    const answer = await say(execute, { "job-id": `${execute}-${run}`, tag: `bench-${run}`, devices: [node], ...more });
    if ("error" in answer) throw new Error(JSON.stringify(answer));
    await ended;
    const jobs = (await say("query-jobs", {}))["return"] as { error?: string }[];
    const problem = jobs.find(({ error }) => error)?.error;
    if (problem) throw new Error(`${execute}: ${problem}`);
    await say("job-dismiss", { id: `${execute}-${run}` });
  };
  for (let run = 0; run < runs; run += 1) {
    times.length = run;
    await job("snapshot-save", run, { vmstate: node });
    await sleep(200);
    await job("snapshot-delete", run, {});
    times.length = run + 1;
  }
  socket.destroy();
  return times;
}

async function listHundred(client: VivClient, runs: number): Promise<number[]> {
  await emptyMachine(client, collection);
  for (let count = 0; count < 100; count += 1) await client.call("snapshot.create", { machine: collection });
  const times: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const { ms, value } = await timed(() => client.call("snapshot.list", { machine: collection }));
    if (value.snapshots.length !== 100) throw new Error(`${value.snapshots.length} snapshots`);
    times.push(ms);
  }
  return times;
}
