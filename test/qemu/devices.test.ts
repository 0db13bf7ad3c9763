import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { existsSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { inflateSync } from "node:zlib";
import type { MachineDetails, VivClient } from "../../src/api/index.ts";
import { driversLoaded, guest, starterMachine, type TestHome, testHome } from "../support/home.ts";
import { startUdpEcho, udpEchoPort } from "../support/udpEcho.ts";

/** Every device of vm.json as the guest sees it. The home's own name is a trap: spaces, commas, a quote, an umlaut. */
describe("devices", function () {
  this.timeout(600_000);
  let parent: string;
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'it\'s, an "ä" =b,'));
    home = await testHome({ parent });
    client = await home.client();
  });
  after(async () => {
    await home.dispose();
    await rm(parent, { recursive: true, force: true });
  });

  describe("a machine full of disks and adapters", () => {
    const machine = "full";
    const buses = ["virtio", "scsi", "sata", "nvme"] as const;
    const mac = (index: number) => `52:54:00:aa:00:0${index}`;

    before(async () => {
      await starterMachine(client, machine);
      const extra = Array.from({ length: 15 }, (_, index) => ({
        id: `extra${index + 1}`,
        file: `an, extra disk ${index + 1}.raw`,
        format: "raw",
        bus: buses[(index + 1) % 4],
      }));
      for (const [index, { file }] of extra.entries()) await makeRaw(machine, file, (index + 1) * 1024 ** 2);
      await makeRaw(machine, "a, CD.iso", 5 * 1024 ** 2);
      const { disks, ...definition } = await definitionOf(machine);
      await replaceDefinition(machine, {
        ...definition,
        disks: [...(disks as unknown[]), ...extra],
        cdrom: { file: "a, CD.iso" },
        networks: [
          { mode: "nat", model: "virtio", mac: mac(0), forwards: [{ guestPort: 7001 }, { guestPort: udpEchoPort, protocol: "udp" }] },
          { mode: "nat", model: "e1000e", mac: mac(1), forwards: [{ guestPort: 7003 }] },
          { mode: "nat", model: "virtio", mac: mac(2), linkUp: false },
          { mode: "none", model: "virtio", mac: mac(3) },
        ],
        display: { type: "std", width: 800, height: 600 },
        devices: { ...(definition.devices as object), watchdog: true },
      });
      await client.call("machine.start", { machine });
      await client.call("machine.wait", { machine, for: "agent", timeoutMs: 180_000 });
      await driversLoaded(client, machine);
    });
    after(() => client.call("machine.kill", { machine }));

    it("shows sixteen disks on four buses, each by its serial number and size, and the CD", async () => {
      let found = "";
      // Controllers look for their disks in the background.
      await until(
        async () => {
          found = await guest(client, machine, "sh", "-c", listDisks);
          return found.split("\n").length >= 16;
        },
        () => `of sixteen disks only these were found:\n${found}\n`,
      );
      const bySerial = new Map(found.split("\n").map((line) => [line.split(" ")[1], line]));
      const names = { virtio: /^vd/, scsi: /^sd/, sata: /^sd/, nvme: /^nvme/ };
      for (let index = 1; index <= 15; index += 1) {
        const line = bySerial.get(`extra${index}`);
        assert.ok(line, `extra${index} is not among:\n${found}`);
        assert.match(line, names[buses[index % 4]!]);
        assert.equal(line.split(" ")[2], String(index * 2048), line);
      }
      assert.match(bySerial.get("disk0") ?? "", /^vd/);
      assert.equal(await guest(client, machine, "cat", "/sys/block/sr0/size"), String(5 * 2048));
    });

    it("gives each NAT adapter a network of its own, by virtio and e1000e", async () => {
      for (const [index, address] of [/inet 10\.0\.2\.15\//, /inet 10\.0\.3\.15\//].entries()) {
        await until(async () => address.test(await addresses(mac(index))), `adapter ${index} got no address`);
      }
      assert.match(
        await guest(client, machine, "sh", "-c", `readlink /sys/class/net/${await interfaceOf(mac(1))}/device/driver`),
        /e1000e$/,
      );
      assert.match(
        await guest(client, machine, "ping", "-c", "1", "-W", "5", "-I", await interfaceOf(mac(1)), "10.0.3.2"),
        /1 packets received/,
      );
    });

    it("unplugs the cable of an adapter whose link is down", async () => {
      const down = await interfaceOf(mac(2));
      assert.equal(await guest(client, machine, "cat", `/sys/class/net/${down}/carrier`), "0");
      assert.doesNotMatch(await addresses(mac(2)), /inet /);
    });

    it("gives an adapter without a network a link and no address", async () => {
      const lonely = await interfaceOf(mac(3));
      assert.equal(await guest(client, machine, "cat", `/sys/class/net/${lonely}/carrier`), "1");
      assert.doesNotMatch(await addresses(mac(3)), /inet /);
    });

    it("forwards TCP and UDP of the host's loopback to the guest", async () => {
      await startUdpEcho(client, machine);
      for (const command of ["-l -p 7001", "-l -p 7003"])
        await guest(client, machine, "sh", "-c", `setsid nc ${command} -e cat >/dev/null 2>&1 </dev/null &`);
      const { forwards } = await client.call("machine.show", { machine });
      const portOf = (guestPort: number) => forwards.find((forward) => forward.guestPort === guestPort)!.hostPort;
      assert.equal(await tcpEcho(portOf(7001), "over virtio"), "over virtio");
      assert.equal(await tcpEcho(portOf(7003), "over e1000e"), "over e1000e");
      assert.equal(await udpEcho(portOf(udpEchoPort), "a datagram"), "a datagram");
    });

    it("draws the screen of a standard VGA", () => screenIsDrawn(machine, 800, 600));

    it("cannot be suspended with an NVMe disk, and says so", async () => {
      await assert.rejects(client.call("machine.suspend", { machine }), { code: "host-cannot", message: /nvme/i });
      assert.equal((await client.call("machine.show", { machine })).state, "running");
    });

    it("is paused when the guest stops feeding its watchdog", async () => {
      await guest(client, machine, "sh", "-c", "watchdog -T 2 -t 3600 /dev/watchdog");
      assert.equal(await pauseCause(machine), "watchdog");
    });
  });

  describe("a machine for a person", () => {
    const machine = "desk";

    before(async () => {
      await starterMachine(client, machine, { start: true, set: ["display.type=virtio", "display.width=1024", "devices.tpm=true"] });
      await driversLoaded(client, machine);
    });
    after(() => client.call("machine.kill", { machine }));

    it("has a random number generator, a balloon, a tablet and a keyboard", async () => {
      assert.match(await guest(client, machine, "cat", "/sys/class/misc/hw_random/rng_current"), /^virtio_rng/);
      assert.match(await guest(client, machine, "ls", "/sys/bus/virtio/drivers/virtio_balloon"), /^virtio\d+$/m);
      const inputs = await guest(client, machine, "cat", "/proc/bus/input/devices");
      assert.match(inputs, /QEMU Virtio Tablet/);
      // One keyboard alone: with two, a key held while the guest takes up the second stays pressed on the first.
      assert.deepEqual(inputs.match(/N: Name=".*keyboard"/gi), ['N: Name="AT Translated Set 2 keyboard"']);
    });

    it("draws its screen, and serves it by VNC", async () => {
      await screenIsDrawn(machine, 1024, 768);
      const { path } = await client.call("machine.displaySocket", { machine });
      assert.match(await firstBytes(path, 12), /^RFB 003\.00\d\n$/);
    });

    it("types on the keyboard of the screen's login", async () => {
      const text = 'a Z 09 ~!@#$%^&*()_+`-={}[]:"|;\\<>?,./';
      await client.call("machine.typeText", { machine, text: `cat <<'EOF' >/run/typed\n${text}\nEOF\n` });
      assert.equal(await typed(machine, "/run/typed"), text);
    });

    it("presses the keys where a German keyboard has them", async () => {
      // The guest reads a US keyboard: the German z lies on its y, the colon on its >, the dash on its slash.
      await client.call("machine.typeText", { machine, layout: "de", text: "echo yz :-run-german\n" });
      assert.equal(await typed(machine, "/run/german"), "zy");
    });

    it("has a TPM 2.0 that answers, also after suspend and wake", async () => {
      assert.equal(await guest(client, machine, "cat", "/sys/class/tpm/tpm0/tpm_version_major"), "2");
      const registers = "/sys/class/tpm/tpm0/pcr-sha256/0";
      const before = await guest(client, machine, "cat", registers);
      assert.match(before, /^[0-9A-F]{64}$/);
      await client.call("machine.suspend", { machine });
      await client.call("machine.start", { machine });
      await client.call("machine.wait", { machine, for: "agent", timeoutMs: 60_000 });
      assert.equal(await guest(client, machine, "cat", registers), before);
    });

    it("restarts by Ctrl+Alt+Delete", async () => {
      const bootId = () => guest(client, machine, "cat", "/proc/sys/kernel/random/boot_id");
      const before = await bootId();
      await client.call("machine.sendKeys", { machine, keys: ["ctrl-alt-delete"] });
      await until(async () => (await bootId().catch(() => before)) !== before, "the guest did not restart");
      await driversLoaded(client, machine);
    });

    it("is paused when its kernel panics", async () => {
      void client
        .call("machine.exec", { machine, way: "agent", command: ["sh", "-c", "echo c >/proc/sysrq-trigger"], timeoutMs: 5000 })
        .catch(() => undefined);
      assert.equal(await pauseCause(machine), "panic");
    });
  });

  describe("an aarch64 machine", () => {
    const machine = "arm";

    before(async () => {
      await starterMachine(client, machine, { architecture: "aarch64", memory: "512M" });
      await makeRaw(machine, "scsi.raw", 1024 ** 2);
      await makeRaw(machine, "sata.raw", 1024 ** 2);
      const { disks, ...definition } = await definitionOf(machine);
      const extra = (["scsi", "sata"] as const).map((bus) => ({ id: `on-${bus}`, file: `${bus}.raw`, format: "raw", bus }));
      await replaceDefinition(machine, {
        ...definition,
        disks: [...(disks as unknown[]), ...extra],
        networks: [{ mode: "nat", model: "e1000e", mac: "52:54:00:aa:00:0a" }],
        display: { type: "virtio" },
        devices: { ...(definition.devices as object), tpm: true, watchdog: true },
      });
      await client.call("machine.start", { machine });
      await client.call("machine.wait", { machine, for: "agent", timeoutMs: 180_000 });
      await driversLoaded(client, machine);
    });
    after(() => client.call("machine.kill", { machine }));

    it("has its disks, adapter and small devices", async () => {
      let found = "";
      await until(
        async () => {
          found = await guest(client, machine, "sh", "-c", listDisks);
          return ["disk0", "on-scsi", "on-sata"].every((id) => found.includes(id));
        },
        () => `only these disks were found:\n${found}\n`,
      );
      const address = () => guest(client, machine, "ip", "-4", "addr");
      await until(async () => /inet 10\.0\.2\.15\//.test(await address()), "the adapter got no address");
      assert.match(await guest(client, machine, "cat", "/sys/class/misc/hw_random/rng_current"), /^virtio_rng/);
      // Debian's arm64 kernel has no driver for a TPM on this bus: it is looked for in the device tree.
      assert.match(
        await guest(client, machine, "sh", "-c", "cat /proc/device-tree/platform-bus@*/tpm_tis@*/compatible"),
        /tcg,tpm-tis-mmio/,
      );
    });

    it("draws its screen and reads its keyboard, also after suspend and wake", async () => {
      await screenIsDrawn(machine, 1024, 768);
      await client.call("machine.suspend", { machine });
      await client.call("machine.start", { machine });
      await client.call("machine.wait", { machine, for: "agent", timeoutMs: 60_000 });
      await client.call("machine.typeText", { machine, text: "echo woken >/run/typed\n" });
      assert.equal(await typed(machine, "/run/typed"), "woken");
    });

    it("is paused when the guest stops feeding its watchdog", async () => {
      await guest(client, machine, "sh", "-c", "watchdog -T 2 -t 3600 /dev/watchdog");
      assert.equal(await pauseCause(machine), "watchdog");
    });
  });

  describe("a machine that cannot have what it wants", () => {
    it("has no screen to look at when it is headless", async () => {
      await starterMachine(client, "headless");
      await client.call("machine.start", { machine: "headless" });
      await assert.rejects(client.call("machine.screenshot", { machine: "headless" }), { code: "wrong-state" });
      await assert.rejects(client.call("machine.displaySocket", { machine: "headless" }), { code: "wrong-state" });
      await client.call("machine.kill", { machine: "headless" });
    });

    it("does not start while a program has its forwarded port, and says which", async () => {
      const server = await listen();
      const { port } = server.address() as { port: number };
      const forward = { mode: "nat" as const, forwards: [{ guestPort: 80, hostPort: port }] };
      await starterMachine(client, "taken", { networks: [forward] });
      await assert.rejects(client.call("machine.start", { machine: "taken" }), {
        code: "host-cannot",
        message: new RegExp(`\\b${port}\\b`),
      });
      assert.equal((await client.call("machine.show", { machine: "taken" })).pid, null);
      server.close();
      assert.equal((await client.call("machine.start", { machine: "taken" })).state, "running");
      await client.call("machine.kill", { machine: "taken" });
    });

    it("has vsock where the host has it, and says what is missing where not", async () => {
      await starterMachine(client, "vsock", { set: ["devices.vsock=true"] });
      if (!existsSync("/dev/vhost-vsock")) {
        await assert.rejects(client.call("machine.start", { machine: "vsock" }), { code: "host-cannot", message: /vsock/ });
        return;
      }
      await client.call("machine.start", { machine: "vsock" });
      await client.call("machine.wait", { machine: "vsock", for: "agent", timeoutMs: 120_000 });
      await driversLoaded(client, "vsock");
      assert.match(await guest(client, "vsock", "ls", "/sys/bus/virtio/drivers/vmw_vsock_virtio_transport"), /^virtio\d+$/m);
      await client.call("machine.kill", { machine: "vsock" });
    });
  });

  async function makeRaw(machine: string, name: string, bytes: number): Promise<void> {
    const handle = await open(join(home.machineFolder(machine), name), "w", 0o600);
    await handle.truncate(bytes);
    await handle.close();
  }

  async function definitionOf(machine: string): Promise<Record<string, unknown>> {
    const { text } = await client.call("machine.definition", { machine });
    return JSON.parse(text.replace(/^\/\/.*$/gm, "")) as Record<string, unknown>;
  }

  async function replaceDefinition(machine: string, definition: Record<string, unknown>): Promise<MachineDetails> {
    return client.call("machine.replaceDefinition", { machine, text: JSON.stringify(definition) });
  }

  async function interfaceOf(mac: string): Promise<string> {
    const name = await guest(client, "full", "sh", "-c", `grep -l ${mac} /sys/class/net/*/address | cut -d/ -f5`);
    assert.match(name, /^[a-z0-9]+$/);
    return name;
  }

  async function addresses(mac: string): Promise<string> {
    return guest(client, "full", "ip", "-4", "addr", "show", "dev", await interfaceOf(mac));
  }

  async function screenIsDrawn(machine: string, width: number, height: number): Promise<void> {
    const { pngBase64 } = await client.call("machine.screenshot", { machine });
    const png = Buffer.from(pngBase64, "base64");
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [width, height]);
    assert.ok(!isBlank(png), "the screen is blank");
  }

  async function typed(machine: string, file: string): Promise<string> {
    await until(async () => (await guest(client, machine, "cat", file)) !== "", `nothing was typed into ${file}`);
    return guest(client, machine, "cat", file);
  }

  async function pauseCause(machine: string): Promise<string | undefined> {
    let details = await client.call("machine.show", { machine });
    await until(async () => {
      details = await client.call("machine.show", { machine });
      return details.state === "paused";
    }, `${machine} was not paused`);
    return details.status.state === "paused" ? details.status.because : undefined;
  }
});

/** `device serial sectors`, one disk a line; SCSI and SATA disks tell their serial number in page 0x80 of their vital data. */
const listDisks = `
for disk in /sys/block/vd* /sys/block/sd* /sys/block/nvme*; do
  serial=$(cat $disk/serial $disk/device/serial 2>/dev/null || tail -c +5 $disk/device/vpd_pg80)
  echo \${disk##*/} $serial $(cat $disk/size)
done`;

async function until(condition: () => Promise<boolean>, otherwise: string | (() => string), timeoutMs = 90_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) assert.fail(`${typeof otherwise === "string" ? otherwise : otherwise()} within ${timeoutMs / 1000} s`);
    await delay(200);
  }
}

/** A picture of one colour is all filter bytes (0–4) and zeros once unpacked (PNG specification, §9). */
function isBlank(png: Buffer): boolean {
  const data: Buffer[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") data.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  return inflateSync(Buffer.concat(data)).every((byte) => byte <= 4);
}

function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

function tcpEcho(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.setTimeout(20_000, () => socket.destroy(new Error(`port ${port} did not answer`)));
    socket.once("error", reject);
    socket.once("data", (data) => {
      socket.destroy();
      resolve(data.toString());
    });
  });
}

/** Datagrams may be lost: it is sent again until an answer comes. */
function udpEcho(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    const again = setInterval(() => socket.send(text, port, "127.0.0.1"), 500);
    const tooLate = setTimeout(() => finish(() => reject(new Error(`UDP port ${port} did not answer`))), 20_000);
    const finish = (settle: () => void) => {
      clearInterval(again);
      clearTimeout(tooLate);
      socket.close();
      settle();
    };
    socket.once("message", (data) => finish(() => resolve(data.toString())));
  });
}

function firstBytes(path: string, count: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(path);
    socket.setTimeout(20_000, () => socket.destroy(new Error(`${path} said “${received}”`)));
    socket.once("error", reject);
    socket.on("data", (data) => {
      received += data.toString("latin1");
      if (received.length < count) return;
      socket.destroy();
      resolve(received.slice(0, count));
    });
  });
}
