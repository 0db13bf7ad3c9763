import assert from "node:assert/strict";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { VivClient, VivEvent } from "../../src/api/index.ts";
import { until } from "../support/faults.ts";
import { driversLoaded, guest, starterMachine, type TestHome, testHome } from "../support/home.ts";
import { tool } from "../support/tools.ts";
import { makeWorld, type World } from "./world.ts";

/** A guest whose memory cannot be saved now: a mounted 9p folder, which is QEMU's own reason. */
describe("snapshots while memory is held", function () {
  this.timeout(300_000);
  let world: World;
  let home: TestHome;
  let client: VivClient;
  const machine = "share";
  const notices: string[] = [];

  before(async () => {
    world = await makeWorld();
    await mkdir(world.path("shared"));
    await writeFile(world.path("shared", "file"), "shared");
    home = await testHome({ environment: { VIVARIUM_QEMU_PATH: await qemuWithShare() } });
    client = await home.client();
    client.onEvent((event: VivEvent) => void (event.event === "machine.notice" && notices.push(event.message)));
    await starterMachine(client, machine, { start: true });
    await driversLoaded(client, machine);
  });
  after(async () => {
    await home.dispose();
    await world.dispose();
  });

  /** A folder of programs as a person's own QEMU would be, whose emulator always has a folder to share. */
  async function qemuWithShare(): Promise<string> {
    const folder = world.path("qemu");
    await mkdir(folder);
    for (const name of ["qemu-system-x86_64", "qemu-img"] as const) {
      const { file, argsPrefix, env, dataDirectories } = await tool(name);
      const words = [...argsPrefix, ...(name === "qemu-img" ? [] : dataDirectories.flatMap((each) => ["-L", each]))];
      const share =
        name === "qemu-img"
          ? ""
          : `case "$*" in *-incoming*|*-pidfile*) set -- "$@" -fsdev local,id=share,path=${world.path("shared")},security_model=none -device virtio-9p-pci,fsdev=share,mount_tag=share,addr=0x1e;; esac\n`;
      const variables = Object.entries(env ?? {}).map(([key, value]) => `export ${key}='${value}'\n`);
      await writeFile(
        join(folder, name),
        `#!/bin/sh\n${variables.join("")}${share}exec '${file}' ${words.map((word) => `'${word}'`).join(" ")} "$@"\n`,
      );
      await chmod(join(folder, name), 0o755);
    }
    const [data] = (await tool("qemu-system-x86_64")).dataDirectories;
    if (data !== undefined) await symlink(dirname(data), join(folder, "share"));
    return folder;
  }

  const shell = (script: string) => guest(client, machine, "sh", "-c", script);
  const create = (name: string, memory?: boolean) =>
    client.call("snapshot.create", { machine, name, ...(memory === undefined ? {} : { memory }) });

  it("say in plain words what stands in the way, before anything is done", async () => {
    assert.deepEqual((await client.call("snapshot.list", { machine })).memoryBlocked, []);
    assert.equal(
      await shell("modprobe -a 9pnet_virtio 9p; mkdir -p /mnt; mount -t 9p -o trans=virtio,version=9p2000.L share /mnt && cat /mnt/file"),
      "shared",
    );
    const { memoryBlocked } = await client.call("snapshot.list", { machine });
    assert.deepEqual(memoryBlocked, ["the guest has a shared folder (9p) mounted; unmount it in the guest"]);
    await assert.rejects(create("with", true), { code: "host-cannot", message: /shared folder \(9p\) mounted/, hint: /--no-memory/ });
    await assert.rejects(client.call("machine.suspend", { machine }), { code: "host-cannot", message: /shared folder \(9p\) mounted/ });
    assert.deepEqual((await client.call("snapshot.list", { machine })).snapshots, []);
    const { state, operation } = await client.call("machine.show", { machine });
    assert.deepEqual([state, operation], ["running", undefined]);
  });

  it("are of the disks alone where nothing else was asked for, and that is said", async () => {
    await shell("echo one > /root/mark; sync");
    const taken = await create("disks");
    assert.deepEqual([taken.memoryBytes, taken.consistency], [null, "quiesced"]);
    await until("it is said", () => notices.some((text) => /disks alone.*shared folder \(9p\)/.test(text)));
  });

  it("have memory again once it is unmounted", async () => {
    await shell("umount /mnt; echo memory > /run/mark");
    assert.deepEqual((await client.call("snapshot.list", { machine })).memoryBlocked, []);
    assert.equal((await create("with", true)).consistency, "memory");
    await shell("echo changed > /run/mark");
    await client.call("snapshot.restore", { machine, snapshot: "with", safety: false });
    assert.equal(await shell("cat /run/mark"), "memory");
  });
});
