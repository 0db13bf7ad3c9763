import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { VivClient } from "../../src/api/index.ts";
import { starterMachine } from "../support/home.ts";
import { tool } from "../support/tools.ts";
import { figure, type Measured, ratio } from "./figure.ts";
import { pairwise, quotient, timed } from "./samples.ts";
import type { World } from "./world.ts";

const mib = 1024 ** 2;

/** Clones and conversions, against qemu-img by hand on the same files in the same folder. */
export async function measureCopies(world: World, runs: number): Promise<Measured> {
  const client = await world.client();
  const linked = await linkedClones(client, runs);
  const source = join(world.folder, "source.raw");
  await randomDisk(source, 1024 * mib, 384 * mib);
  await client.call("machine.import", { file: source, name: "full" });
  const disk = join(world.machineFolder("full"), "disk0.qcow2");
  const [clones, byHand, conversions, converted]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let run = 0; run < runs; run += 1) {
    const name = `full-${run}`;
    const hand = join(world.folder, "hand.qcow2");
    const [ours, theirs] = [join(world.folder, "ours.vmdk"), join(world.folder, "hand.vmdk")];
    // What was written last makes the next one wait, so each goes first in every other round.
    await inTurn(
      run,
      async () => clones.push((await timed(() => client.call("machine.clone", { machine: "full", name }))).ms),
      async () => byHand.push(await convertByHand(disk, "qcow2", hand, "qcow2")),
    );
    await inTurn(
      run,
      async () => conversions.push((await timed(() => client.call("image.convert", { file: source, target: ours, format: "vmdk" }))).ms),
      async () => converted.push(await convertByHand(source, "raw", theirs, "vmdk")),
    );
    await client.call("machine.remove", { machine: name });
    await client.call("machine.emptyTrash", {});
    for (const file of [ours, theirs, hand]) await rm(file);
  }
  const ratios = { clone: ratio(clones, byHand), convert: ratio(conversions, converted) };
  const against = "pair by pair, each first in every other one; qemu-img's outcome flushed too (fdatasync), as ours is";
  return {
    figures: [
      figure(
        "clone.linked",
        "Linked clone of a 20 GiB disk",
        linked,
        "request to reply of machine.clone, of a stopped machine that was never cloned before: both get a new layer, keys are made",
        { limit: 60 },
      ),
      figure("clone.full", "Full clone, 384 MiB of random data", clones, "request to reply of machine.clone"),
      figure("clone.hand", "The same by hand: qemu-img convert", byHand, "spawn to exit, then fdatasync"),
      figure("clone.ratio", "Full clone against qemu-img", pairwise(clones, byHand, quotient), against, { unit: "×", limit: 1.1 }),
      figure("convert.ours", "Convert raw to vmdk, 384 MiB of random data", conversions, "request to reply of image.convert"),
      figure("convert.hand", "The same by hand: qemu-img convert", converted, "spawn to exit, then fdatasync"),
      figure("convert.ratio", "Convert against qemu-img", pairwise(conversions, converted, quotient), against, { unit: "×", limit: 1.1 }),
    ],
    ratios: { "copies.clone": ratios.clone, "copies.convert": ratios.convert },
  };
}

async function inTurn(run: number, one: () => Promise<unknown>, other: () => Promise<unknown>): Promise<void> {
  for (const each of run % 2 === 0 ? [one, other] : [other, one]) await each();
}

async function linkedClones(client: VivClient, runs: number): Promise<number[]> {
  const samples: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const name = `linked-${run}`;
    await starterMachine(client, name, { disk: "20G" });
    samples.push((await timed(() => client.call("machine.clone", { machine: name, name: `${name}-clone`, linked: true }))).ms);
    for (const each of [name, `${name}-clone`]) await client.call("machine.remove", { machine: each });
  }
  await client.call("machine.emptyTrash", {});
  return samples;
}

async function randomDisk(file: string, virtualBytes: number, randomness: number): Promise<void> {
  const handle = await open(file, "w");
  try {
    // A boot sector's mark, so that it is taken for a disk.
    const first = Buffer.alloc(512);
    first.writeUInt16LE(0xaa55, 510);
    await handle.write(first, 0, 512, 0);
    for (let at = mib; at < randomness + mib; at += 16 * mib) await handle.write(randomBytes(16 * mib), 0, 16 * mib, at * 2);
    await handle.truncate(virtualBytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function convertByHand(from: string, format: string, to: string, target: string): Promise<number> {
  const { file, argsPrefix, env } = await tool("qemu-img");
  return (
    await timed(async () => {
      await promisify(execFile)(file, [...argsPrefix, "convert", "-f", format, "-O", target, from, to], {
        env: { ...process.env, ...env },
      });
      const handle = await open(to, "r+");
      await handle.datasync();
      await handle.close();
    })
  ).ms;
}
