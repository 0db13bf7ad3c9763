import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { moduleList } from "../../guest/build/index.ts";
import { answers, type BareGuest, boot, makeKey, overlay, pause } from "../support/guest.ts";
import { makeWorld, type World } from "./world.ts";

const run = promisify(execFile);

/** The promise is 5 s on an idle machine of two cores; a busy one gets some slack before the test fails. */
const agentLimitMs = 15_000;

describe("starter guest", function () {
  this.timeout(300_000);
  let world: World;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world.dispose());

  it("answers by its agent within seconds of being spawned (x86_64)", async () => {
    const guest = await boot(world, { architecture: "x86_64", disk: await overlay(world, "x86_64", "d.qcow2") });
    report("x86_64, disk", guest);
    await guest.serialShows(/vivarium: init [\d.]+.*vivarium: agent [\d.]+.*vivarium: ssh [\d.]+/s);
    await guest.serialShows(/vivarium: network [\d.]+/);
    await guest.serialShows(/starter login: /);
    assert.ok(guest.agentMs < agentLimitMs, `${guest.agentMs} ms`);
    assert.match(await guest.shell("mount"), /\/dev\/vda on \/ type ext4/);
  });

  it("boots to its agent on aarch64, loads every module there too, and is powered down by the button", async () => {
    const guest = await boot(world, { architecture: "aarch64", disk: await overlay(world, "aarch64", "d.qcow2") });
    report("aarch64, disk", guest);
    assert.equal((await guest.shell("uname -m")).trim(), "aarch64");
    await assertModulesLoad(guest, "aarch64");
    await assertPowersDown(guest);
  });

  it("loads every module of its list", async () => {
    const guest = await boot(world, { architecture: "x86_64", disk: await overlay(world, "x86_64", "d.qcow2") });
    await assertModulesLoad(guest, "x86_64");
  });

  it("takes its name, login key and SSH host key from the host", async () => {
    const sshPort = await freePort();
    await makeKey(world.path("host"));
    await makeKey(world.path("login"));
    await writeFile(world.path("hostname"), "aviary");
    const guest = await boot(world, {
      architecture: "x86_64",
      disk: await overlay(world, "x86_64", "d.qcow2"),
      sshPort,
      firmwareFiles: {
        hostname: world.path("hostname"),
        authorized_keys: world.path("login.pub"),
        ssh_host_ed25519_key: world.path("host"),
      },
    });
    await guest.serialShows(/vivarium: ssh/);
    await guest.serialShows(/aviary login: /);
    const [type, key] = (await readFile(world.path("host.pub"), "utf8")).split(" ");
    await writeFile(world.path("known_hosts"), `[127.0.0.1]:${sshPort} ${type} ${key}\n`);
    const options = ["-F", "none", "-p", String(sshPort), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"];
    const pinned = [...options, "-o", `UserKnownHostsFile=${world.path("known_hosts")}`];
    const { stdout } = await run("ssh", [...pinned, "-i", world.path("login"), "root@127.0.0.1", "hostname"]);
    assert.equal(stdout.trim(), "aviary");
    await makeKey(world.path("stranger"));
    const denied = run("ssh", [...pinned, "-o", "IdentitiesOnly=yes", "-i", world.path("stranger"), "root@127.0.0.1", "true"]);
    await assert.rejects(denied, /Permission denied \(publickey\)/);
    assert.equal((await guest.shell("ls /etc/dropbear")).trim(), "", "the host's key is not on the disk");
  });

  it("keeps files and its machine-id over a reboot, and keys the user added", async () => {
    const disk = await overlay(world, "x86_64", "d.qcow2");
    const guest = await boot(world, { architecture: "x86_64", disk });
    await guest.serialShows(/vivarium: ssh/);
    const before = await guest.shell(
      "echo kept >/root/file; echo 'ssh-ed25519 AAAA mine' >>/root/.ssh/authorized_keys; cat /etc/machine-id",
    );
    assert.match(before, /^[0-9a-f]{32}\n$/);
    const reset = new Promise<void>((resolve) => guest.qmp.on("RESET", () => resolve()));
    await guest.agent.exec({ program: "reboot" }).catch(() => undefined);
    await reset;
    await pause(500);
    await answers(guest.agent, 60_000, () => guest.process.output());
    await waitFor(guest, "grep -q mine /root/.ssh/authorized_keys && test -e /run/vivarium/mark.ssh");
    assert.equal(await guest.shell("cat /root/file /etc/machine-id"), `kept\n${before}`);
  });

  it("grows its file system to the disk", async () => {
    const guest = await boot(world, { architecture: "x86_64", disk: await overlay(world, "x86_64", "d.qcow2", "10G") });
    await waitFor(guest, "test -s /var/lib/vivarium/disk-sectors");
    assert.ok(Number(await guest.shell("df -m / | awk 'NR==2{print $2}'")) > 9_500);
  });

  it("is powered down by the button within two seconds, its file system clean", async () => {
    const disk = await overlay(world, "x86_64", "d.qcow2");
    const guest = await boot(world, { architecture: "x86_64", disk });
    await guest.shell("echo kept >/root/file");
    await assertPowersDown(guest);
    const again = await boot(world, { architecture: "x86_64", disk });
    assert.equal(await again.shell("cat /root/file"), "kept\n");
    assert.doesNotMatch(await again.shell("dmesg"), /recovery complete|orphan/);
  });

  it("runs from memory where there is no disk", async () => {
    const guest = await boot(world, { architecture: "x86_64" });
    report("x86_64, no disk", guest);
    await guest.serialShows(/vivarium: network [\d.]+/);
    await guest.serialShows(/vivarium: ssh [\d.]+/);
    assert.match(await guest.shell("mount"), /^rootfs on \/ /m);
  });

  it("finds its root disk behind virtio-scsi", async () => {
    const disk = await overlay(world, "x86_64", "d.qcow2");
    const scsi = ["-device", "virtio-scsi-pci", "-drive", `file=${disk},if=none,id=s0,format=qcow2`, "-device", "scsi-hd,drive=s0"];
    const guest = await boot(world, { architecture: "x86_64", extra: scsi });
    assert.match(await guest.shell("mount"), /\/dev\/sda on \/ type ext4/);
  });

  it("takes a disk and an adapter plugged in while it runs", async () => {
    const guest = await boot(world, { architecture: "x86_64", disk: await overlay(world, "x86_64", "d.qcow2") });
    await waitFor(guest, "pidof uevent");
    await writeFile(world.path("new.raw"), Buffer.alloc(8 << 20));
    await guest.qmp.execute("blockdev-add", {
      driver: "raw",
      "node-name": "new",
      file: { driver: "file", filename: world.path("new.raw") },
    });
    await guest.qmp.execute("device_add", { driver: "virtio-blk-pci", drive: "new", bus: "port0", id: "disk1" });
    await guest.qmp.execute("netdev_add", { type: "user", id: "n1", net: "10.9.0.0/24" });
    await guest.qmp.execute("device_add", { driver: "e1000e", netdev: "n1", bus: "port1", id: "nic1" });
    await waitFor(guest, "test -b /dev/vdb && ip addr | grep -q 'inet 10.9.0.'");
  });

  it("is built the same from the same inputs, whatever the builder's umask, time zone, time and folder", async () => {
    const script = fileURLToPath(new URL("../../scripts/guest.ts", import.meta.url));
    const build = async (name: string, umask: string, timeZone: string) => {
      const command = `umask ${umask}; exec "$0" "$@"`;
      const args = [process.execPath, script, "--arch", "x86_64", "--out", world.path(name)];
      await run("sh", ["-c", command, ...args], { env: { ...process.env, TZ: timeZone } });
      return JSON.parse(await readFile(world.path(name, "x86_64", "image.json"), "utf8")) as {
        sha256: unknown;
        version: string;
        bytes: number;
      };
    };
    const first = await build("one", "022", "UTC");
    const second = await build("two", "077", "Asia/Kathmandu");
    assert.deepEqual(second, first);
    assert.ok(first.bytes <= 25_000_000);
  });

  for (const [screen, devices] of [
    ["virtio-vga", ["virtio-vga", "virtio-keyboard-pci", "virtio-tablet-pci"]],
    ["VGA with USB", ["VGA", "qemu-xhci", "usb-kbd", "usb-tablet"]],
  ] as const) {
    it(`shows its prompt on ${screen} and hears the keyboard`, async () => {
      const guest = await boot(world, {
        architecture: "x86_64",
        disk: await overlay(world, "x86_64", "d.qcow2"),
        extra: devices.flatMap((device) => ["-device", device]),
      });
      await waitFor(guest, "grep -q 'QEMU.*Tablet' /proc/bus/input/devices && grep -q 'root@starter' /dev/vcs1");
      for (const key of ["t", "o", "u", "c", "h", "spc", "x", "ret"]) await press(guest, key);
      await waitFor(guest, "test -e /root/x");
    });
  }
});

async function press(guest: BareGuest, key: string): Promise<void> {
  await guest.qmp.execute("send-key", { keys: [{ type: "qcode", data: key }] });
  await pause(150);
}

function report(what: string, guest: BareGuest): void {
  console.log(`        ${what}: agent after ${Math.round(guest.agentMs)} ms`);
}

async function assertModulesLoad(guest: BareGuest, architecture: "x86_64" | "aarch64"): Promise<void> {
  await waitFor(guest, "pidof acpid");
  const names = moduleList(architecture).join(" ");
  const failed = await guest.shell(`for m in ${names}; do modprobe $m >/dev/null 2>&1 || echo $m; done`);
  assert.equal(failed, "");
}

/** The power button must end QEMU within two seconds of a machine that has finished booting. */
async function assertPowersDown(guest: BareGuest): Promise<void> {
  await waitFor(guest, "pidof acpid");
  await pause(500);
  const started = performance.now();
  await guest.qmp.execute("system_powerdown");
  const ended = once(guest.process.child, "exit").then(([code]) => code as number | null);
  assert.equal(await ended, 0);
  const tookMs = performance.now() - started;
  console.log(`        power button to exit: ${Math.round(tookMs)} ms`);
  assert.ok(tookMs < 5_000, `${tookMs} ms`);
}

async function waitFor(guest: BareGuest, condition: string): Promise<void> {
  await guest.shell(`i=0; until { ${condition}; } >/dev/null 2>&1; do i=$((i + 1)); [ $i -lt 300 ] || exit 1; sleep 0.1; done`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
