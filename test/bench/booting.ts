import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { starterMachine } from "../support/home.ts";
import { figure, type Measured, ratio } from "./figure.ts";
import { type Libvirt, startLibvirt } from "./libvirt.ts";
import { commandOf, RawMachine } from "./rawQemu.ts";
import { difference, median, pairwise, timed, untilItWorks } from "./samples.ts";
import type { World } from "./world.ts";

const machine = "boot";

interface Boot {
  /** Start request → the agent has done something for us (`true`). */
  readonly answerMs: number;
  /** `true` by the agent, several times. */
  readonly exec: number[];
}

/**
 * The starter guest from the request to the agent's first answer, three ways on the same disk: ours, the bare argv, libvirt.
 * One after the other in each round; before each the disk is put back to what it was after a clean shutdown.
 */
export async function measureBooting(world: World, options: { runs: number; execs: number; libvirt: boolean }): Promise<Measured> {
  const client = await world.client();
  await starterMachine(client, machine);
  await untilItWorks("The first boot", () => bootAndStop(client));
  const disk = cleanDisk(world);
  await disk.keep();
  const libvirt = options.libvirt ? await startLibvirt(await commandOf(world.machineFolder(machine)), world.folder) : undefined;
  if (libvirt) world.own(libvirt);
  return rounds(world, client, disk, libvirt, options);
}

async function rounds(
  world: World,
  client: VivClient,
  disk: Disk,
  libvirt: Libvirt | undefined,
  options: { runs: number; execs: number },
): Promise<Measured> {
  const ours: Boot[] = [];
  const raw: Boot[] = [];
  const theirs: { returnedMs: number; answerMs: number }[] = [];
  const viv: number[] = [];
  for (let run = 0; run < options.runs; run += 1) {
    const byViv = async () => viv.push((await world.viv("exec", machine, "--", "true")) - (await world.node()));
    ours.push(await untilItWorks("Our boot", () => disk.restore().then(() => bootOurs(client, options.execs, byViv))));
    raw.push(await untilItWorks("The bare argv's boot", () => disk.restore().then(() => bootRaw(world, options.execs))));
    if (libvirt) theirs.push(await untilItWorks("libvirt's boot", () => disk.restore().then(() => libvirt.boot())));
  }
  const answer = ours.map((one) => one.answerMs);
  const rawAnswer = raw.map((one) => one.answerMs);
  const exec = ours.map((one) => median(one.exec));
  const rawExec = raw.map((one) => median(one.exec));
  return {
    figures: [
      figure(
        "boot.ratio",
        "Starter guest: start → agent's answer, ours ÷ bare argv",
        pairwise(answer, rawAnswer, (a, b) => a / b),
        "request to the end of the first `true` run by the agent; 256 MiB, 2 processors, TCG; ours and bare one after the other",
        { unit: "×", limit: 1.1 },
      ),
      figure("boot.ours", "Starter guest: start → agent's answer (API)", answer, "as above"),
      figure("boot.raw", "Bare argv: spawn → agent's answer", rawAnswer, "command.txt's argv by hand, a minimal client of the agent"),
      ...(theirs.length === 0
        ? []
        : [
            figure(
              "boot.libvirt",
              "libvirt: `virsh start` → agent's answer",
              theirs.map((one) => one.answerMs),
              "the same QEMU, kernel, initrd, disk and agent channel as a domain of type qemu; in one open virsh; asked by guest-ping until it answers",
            ),
            figure(
              "boot.libvirtReturned",
              "libvirt: `virsh start` returns",
              theirs.map((one) => one.returnedMs),
              "in one open virsh, which is the counterpart of our reply received",
            ),
          ]),
      figure(
        "exec.added",
        "`exec true` by the agent, added to the floor",
        pairwise(exec, rawExec, difference),
        `request to reply on an open API connection, median of ${options.execs} a boot; less the same by a minimal agent client on the bare argv`,
        { limit: 20 },
      ),
      figure("exec.ours", "`exec true` by the agent (API)", exec, "as above"),
      figure("exec.raw", "`exec true` by a minimal agent client (floor)", rawExec, "guest-exec, then guest-exec-status every 2 ms"),
      figure("exec.viv", "`viv exec NAME -- true`", viv, "spawn to exit, less `node -e 0` of the same round"),
    ],
    ratios: { "boot.answer": ratio(answer, rawAnswer), "exec.true": ratio(exec, rawExec) },
  };
}

async function bootOurs(client: VivClient, execs: number, byViv: () => Promise<unknown>): Promise<Boot> {
  await client.call("machine.kill", { machine });
  const started = performance.now();
  await client.call("machine.start", { machine });
  await client.call("machine.wait", { machine, for: "agent", timeoutMs: 120_000 });
  const run = () => client.call("machine.exec", { machine, command: ["true"], way: "agent" });
  await run();
  const answerMs = performance.now() - started;
  const exec = await repeated(execs, run);
  await byViv();
  await client.call("machine.kill", { machine });
  return { answerMs, exec };
}

async function bootRaw(world: World, execs: number): Promise<Boot> {
  const command = await commandOf(world.machineFolder(machine));
  const started = performance.now();
  const raw = await RawMachine.start(command);
  try {
    await raw.continue();
    await raw.agentReady();
    await raw.execTrue();
    const answerMs = performance.now() - started;
    return { answerMs, exec: await repeated(execs, () => raw.execTrue()) };
  } finally {
    await raw.end();
  }
}

async function repeated(times: number, work: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  for (let time = 0; time < times; time += 1) samples.push((await timed(work)).ms);
  return samples;
}

async function bootAndStop(client: VivClient): Promise<void> {
  await client.call("machine.start", { machine });
  await client.call("machine.wait", { machine, for: "agent", timeoutMs: 120_000 });
  await client.call("machine.stop", { machine });
}

interface Disk {
  keep(): Promise<void>;
  restore(): Promise<void>;
}

function cleanDisk(world: World): Disk {
  const file = join(world.machineFolder(machine), "disk0.qcow2");
  const kept = join(world.folder, "clean.qcow2");
  return { keep: () => copyFile(file, kept), restore: () => copyFile(kept, file) };
}
