import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { debianMachine, morePackages } from "../support/debian.ts";
import { until } from "../support/faults.ts";
import { guest, type TestHome, testHome } from "../support/home.ts";

/** A guest as people have them (systemd, OpenSSH, partitions): clones of it become other machines, its disk grows with all that is on it. */
describe("a Debian guest", function () {
  this.timeout(600_000);
  let home: TestHome;
  let client: VivClient;
  const mib = 1024 ** 2;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await debianMachine(client, "deb", { packages: morePackages });
    const key = await loginKey("deb");
    // What cloud-init does with a seed: the machine's key may log in, beside somebody else's.
    const others = `ssh-ed25519 AAAAsomebody else\ncommand="echo",no-pty ${key}`;
    // Its host keys are made as its SSH server starts, which is after its agent answers.
    await client.call("machine.wait", { machine: "deb", for: "ssh", timeoutMs: 200_000 });
    await shell(
      "deb",
      `echo deb > /etc/hostname; hostname deb; mkdir -p -m 700 /root/.ssh; printf '%s\\n' '${key}' '${others}' > /root/.ssh/authorized_keys; sync`,
    );
  });
  after(() => home.dispose());

  const shell = (name: string, script: string) => guest(client, name, "sh", "-c", script);
  const loginKey = async (name: string) => (await readFile(join(home.machineFolder(name), "keys", "login.pub"), "utf8")).trim();
  const agent = (name: string) => client.call("machine.wait", { machine: name, for: "agent", timeoutMs: 400_000 });
  const hostname = async (name: string) => {
    await client.call("machine.wait", { machine: name, for: "ssh", timeoutMs: 120_000 });
    const { stdoutBase64 } = await client.call("machine.exec", { machine: name, command: ["hostname"], way: "ssh" });
    return Buffer.from(stdoutBase64, "base64").toString().trim();
  };

  interface Facts {
    readonly hostname: string;
    readonly machineId: string;
    readonly hostKeys: readonly string[];
    readonly keys: readonly string[];
  }
  async function facts(name: string): Promise<Facts> {
    const text = await shell(
      name,
      "cat /etc/hostname /etc/machine-id; cut -d' ' -f1,2 /etc/ssh/ssh_host_*_key.pub | sort; echo; cat /root/.ssh/authorized_keys",
    );
    const [head = "", keys = ""] = text.split("\n\n");
    const [static_ = "", machineId = "", ...hostKeys] = head.split("\n");
    return { hostname: static_, machineId, hostKeys, keys: keys.split("\n") };
  }

  async function isAnother(name: string, first: Facts): Promise<void> {
    const own = await facts(name);
    assert.equal(own.hostname, name);
    assert.match(own.machineId, /^[0-9a-f]{32}$/);
    assert.notEqual(own.machineId, first.machineId);
    assert.deepEqual(
      own.hostKeys.map((key) => key.split(" ")[0]),
      ["ecdsa-sha2-nistp256", "ssh-ed25519", "ssh-rsa"],
    );
    for (const key of own.hostKeys) assert.ok(!first.hostKeys.includes(key), key);
    const pinned = (await readFile(join(home.machineFolder(name), "keys", "host_ed25519.pub"), "utf8")).split(" ")[1];
    assert.equal(own.hostKeys[1]?.split(" ")[1], pinned);
    const key = (await loginKey(name)).split(" ")[1] ?? "";
    assert.deepEqual(
      own.keys.map((line) => line.includes(key)),
      [true, false, true],
    );
    assert.match(own.keys[2] ?? "", /^command="echo",no-pty ssh-ed25519 /);
    assert.ok(!own.keys.join().includes((await loginKey("deb")).split(" ")[1] ?? ""));
    assert.equal(await hostname(name), name);
  }

  it("goes on in a new machine as another one, and the first one keeps what it has", async () => {
    const before = await facts("deb");
    assert.equal(before.hostname, "deb");
    await shell("deb", "echo here > /run/memory");
    await client.call("snapshot.create", { machine: "deb", name: "now", memory: true });
    const started = performance.now();
    await client.call("snapshot.restore", { machine: "deb", snapshot: "now", into: "deb-live" });
    await agent("deb-live");
    console.log(`      goes on as another machine after ${Math.round(performance.now() - started)} ms`);
    assert.equal(await shell("deb-live", "cat /run/memory"), "here");
    await isAnother("deb-live", before);
    assert.deepEqual(await facts("deb"), before);
    await client.call("machine.kill", { machine: "deb-live" });
  });

  it("clones of it boot as other machines: of the running one, and of the stopped one", async () => {
    const first = await facts("deb");
    await client.call("machine.clone", { machine: "deb", name: "deb-run", linked: true });
    await client.call("machine.stop", { machine: "deb", acpiTimeoutMs: 120_000 });
    await client.call("machine.clone", { machine: "deb", name: "deb-off", linked: true });
    const made: Facts[] = [];
    // One after the other: two that boot at once take more than twice as long on a small host.
    for (const name of ["deb-run", "deb-off"]) {
      await client.call("machine.start", { machine: name });
      await agent(name);
      await isAnother(name, first);
      made.push(await facts(name));
      if (name === "deb-off") await client.call("machine.kill", { machine: name });
    }
    assert.notEqual(made[0]?.machineId, made[1]?.machineId);
  });

  describe("its disk, made larger with --grow", () => {
    const machine = "deb-run";
    const grow = (disk: string, size: string) => client.call("disk.resize", { machine, disk, size, grow: true });
    const free = async (place: string) => Number(await shell(machine, `df -B1 --output=size ${place} | tail -1`));

    it("the root partition and its file system are larger at once", async () => {
      const before = await free("/");
      const { grown, virtualBytes } = await grow("disk0", "+512M");
      assert.deepEqual([grown?.device, grown?.fileSystem], ["vda2", "ext4"]);
      assert.ok((grown?.bytes ?? 0) > virtualBytes - 100 * mib);
      assert.ok((await free("/")) - before > 450 * mib, `${(await free("/")) - before} bytes more`);
      assert.deepEqual((await grow("disk0", String(virtualBytes))).grown, grown);
    });

    it("only the last partition, and only a file system: the reason is said before anything changes", async () => {
      await client.call("disk.add", { machine, size: "64M", id: "data" });
      await until("the disk in the guest", async () => (await shell(machine, "cat /sys/block/vd*/serial")).includes("data"));
      const name = await shell(machine, "grep -l '^data' /sys/block/vd*/serial | cut -d/ -f4");
      await assert.rejects(grow("data", "96M"), { code: "wrong-state", message: /no file system that the guest knows/ });
      await shell(
        machine,
        `printf 'size=32M\\n,\\n' | sfdisk -q /dev/${name} && udevadm settle && mkfs.ext4 -q /dev/${name}1 && mkswap -q /dev/${name}2; echo`,
      );
      await assert.rejects(grow("data", "96M"), {
        code: "wrong-state",
        message: /which is swap space/,
        hint: /Only the last partition can grow/,
      });
      const sizes = (await client.call("disk.list", { machine })).map(({ id, virtualBytes }) => [id, virtualBytes]);
      assert.deepEqual(sizes.at(-1), ["data", 64 * mib]);
      // Without the swap space the first one is the last one; not mounted, it is checked first. Without growpart, sfdisk does it.
      await shell(machine, `sfdisk -q --delete /dev/${name} 2 && udevadm settle && mv /usr/bin/growpart /usr/bin/growpart.not`);
      assert.deepEqual((await grow("data", "96M")).grown?.device, `${name}1`);
      await shell(machine, `mount /dev/${name}1 /mnt`);
      assert.ok((await free("/mnt")) > 80 * mib);
      await shell(machine, "umount /mnt; mv /usr/bin/growpart.not /usr/bin/growpart");
    });

    for (const [fileSystem, make] of [
      ["xfs", "mkfs.xfs -q"],
      ["btrfs", "mkfs.btrfs -q"],
    ] as const)
      it(`${fileSystem} in the last partition grows while it is mounted, and says so where it is not`, async () => {
        await client.call("disk.add", { machine, size: "400M", id: fileSystem });
        await until("the disk in the guest", async () => (await shell(machine, "cat /sys/block/vd*/serial")).includes(fileSystem));
        const name = await shell(machine, `grep -l '^${fileSystem}' /sys/block/vd*/serial | cut -d/ -f4`);
        await shell(machine, `echo , | sfdisk -q /dev/${name} && udevadm settle && ${make} /dev/${name}1; mkdir -p /srv/${fileSystem}`);
        await assert.rejects(grow(fileSystem, "+200M"), { code: "wrong-state", message: /is not mounted; .* grows only while it is/ });
        await shell(machine, `mount /dev/${name}1 /srv/${fileSystem} && echo kept > /srv/${fileSystem}/file && sync`);
        const before = await free(`/srv/${fileSystem}`);
        const { grown } = await grow(fileSystem, "+200M");
        assert.deepEqual([grown?.device, grown?.fileSystem], [`${name}1`, fileSystem]);
        assert.ok((await free(`/srv/${fileSystem}`)) - before > 180 * mib, `${(await free(`/srv/${fileSystem}`)) - before} bytes more`);
        assert.equal(await shell(machine, `cat /srv/${fileSystem}/file; umount /srv/${fileSystem}`), "kept");
        await client.call("disk.remove", { machine, disk: fileSystem, delete: true });
      });

    it("a disk of LVM is the guest's own business: the commands are named, nothing changes", async () => {
      await client.call("disk.add", { machine, size: "64M", id: "volumes" });
      await until("the disk in the guest", async () => (await shell(machine, "cat /sys/block/vd*/serial")).includes("volumes"));
      const name = await shell(machine, "grep -l '^volumes' /sys/block/vd*/serial | cut -d/ -f4");
      await shell(machine, `pvcreate -q /dev/${name} && udevadm settle`);
      await assert.rejects(grow("volumes", "96M"), { code: "wrong-state", message: /belongs to LVM/, hint: /pvresize, lvextend/ });
      assert.equal((await client.call("disk.list", { machine })).find(({ id }) => id === "volumes")?.virtualBytes, 64 * mib);
    });

    it("a machine that is paused or off is told what to do", async () => {
      await client.call("machine.pause", { machine });
      await assert.rejects(grow("disk0", "+64M"), { code: "wrong-state", hint: /viv resume/ });
      await client.call("machine.kill", { machine });
      await assert.rejects(grow("disk0", "+64M"), { code: "wrong-state", hint: /viv start/ });
    });
  });
});
