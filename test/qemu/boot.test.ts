import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import type { CreateRequest, MachineDetails, VivClient } from "../../src/api/index.ts";
import { driversLoaded, guest, type TestHome, testHome } from "../support/home.ts";
import { bootCd, netbootFolder, unsignedCd } from "../support/media.ts";

/** Every source and every firmware of vm.json, each to a guest that answers. Emulated: a boot takes as long as it takes. */
describe("ways to boot", function () {
  this.timeout(600_000);
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    home = await testHome();
    client = await home.client();
  });
  after(() => home.dispose());
  /** The next test needs the memory and the processors. */
  afterEach(async () => {
    for (const { name, state } of await client.call("machine.list", {}))
      if (state !== "stopped") await client.call("machine.kill", { machine: name });
  });

  describe("from a CD with an empty disk", () => {
    it("boots by BIOS, installs onto the disk, and boots from there with the drive empty", async () => {
      await boot({ name: "bios", iso: await bootCd("x86_64"), disk: "96M" });
      assert.equal(await guest(client, "bios", "cat", "/sys/block/vda/size"), String((96 * 1024 ** 2) / 512));
      assert.equal(await guest(client, "bios", "sh", "-c", "tr -d '\\0' </dev/vda | wc -c"), "0");
      assert.equal(await guest(client, "bios", "sh", "-c", "ls /sys/firmware/efi 2>/dev/null | wc -l"), "0");

      await guest(client, "bios", "sh", "-c", "dd if=/dev/sr0 of=/dev/vda bs=1M conv=fsync 2>&1");
      await client.call("machine.kill", { machine: "bios" });
      await client.call("machine.set", { machine: "bios", set: ["cdrom={}"] });
      const fromDisk = await startToInit("bios");
      assert.equal(fromDisk.cdrom, null);
      assert.match(await guest(client, "bios", "sh", "-c", "dd if=/dev/sr0 of=/dev/null count=1 2>&1; true"), /No medium found/);
    });

    it("boots by UEFI", async () => {
      await boot({ name: "uefi", iso: await bootCd("x86_64"), disk: "3G", set: ["firmware.type=uefi"] });
      assert.equal(await guest(client, "uefi", "cat", "/sys/block/vda/size"), String((3 * 1024 ** 3) / 512));
      assert.match(await serial("uefi"), /changed kernel not tried/);
      // The firmware without Secure Boot does not know the word.
      await mountEfivars("uefi");
      const variables = await guest(client, "uefi", "ls", efivars);
      assert.match(variables, /^BootOrder-/m);
      assert.doesNotMatch(variables, /^SecureBoot-/m);
    });

    it("boots a signed chain by Secure Boot, refuses what was not signed, and keeps UEFI variables", async () => {
      await create({ name: "secure", iso: await unsignedCd(), disk: "1G", set: ["firmware.type=uefi-secure"] });
      await client.call("machine.start", { machine: "secure" });
      await client.call("machine.wait", { machine: "secure", for: "serial:Access Denied", timeoutMs: 180_000 });
      assert.equal((await client.call("machine.show", { machine: "secure" })).readiness.kernel, undefined);
      await client.call("machine.kill", { machine: "secure" });

      await client.call("machine.set", { machine: "secure", set: [`cdrom.file=${await bootCd("x86_64")}`] });
      await startToInit("secure");
      assert.match(await serial("secure"), /changed kernel refused/);
      assert.equal(await efiByte("secure", secureBootVariable), 1);
      await guest(client, "secure", "sh", "-c", `printf '\\007\\000\\000\\000\\052' > ${efivars}/${ownVariable}`);

      await client.call("machine.restart", { machine: "secure", acpiTimeoutMs: 30_000 });
      await reachesInit("secure");
      assert.equal(await efiByte("secure", ownVariable), 42);
    });
  });

  describe("from a disk on every bus", () => {
    const loaders = { bios: "ISOLINUX", uefi: "changed kernel not tried", "uefi-secure": "changed kernel refused" };

    before(async () => {
      await client.call("machine.create", { name: "disk", memory: "512M", cpus: 1, disk: "1G", set: ["display.type=none"] });
      await copyFile(await bootCd("x86_64"), join(home.machineFolder("disk"), "installed.raw"));
      await client.call("machine.set", { machine: "disk", set: ["disks.0.file=installed.raw", "disks.0.format=raw"] });
    });

    for (const firmware of ["bios", "uefi"] as const) {
      for (const bus of ["virtio", "scsi", "sata", "nvme"]) {
        it(`finds its boot loader by ${firmware} on ${bus}`, () => reachesLoader(firmware, bus));
      }
    }

    it("has Secure Boot's keys when its firmware becomes uefi-secure later", () => reachesLoader("uefi-secure", "virtio"));

    async function reachesLoader(firmware: keyof typeof loaders, bus: string): Promise<void> {
      await client.call("machine.set", { machine: "disk", set: [`firmware.type=${firmware}`, `disks.0.bus=${bus}`] });
      await client.call("machine.start", { machine: "disk" });
      await client.call("machine.wait", { machine: "disk", for: `serial:${loaders[firmware]}`, timeoutMs: 60_000 });
    }
  });

  describe("from the network, by NAT's TFTP", () => {
    it("boots by PXE of a BIOS", async () => {
      await boot({ name: "pxe", netboot: { directory: await netbootFolder(), file: "pxelinux.0" } });
      assert.match(await guest(client, "pxe", "cat", "/proc/cmdline"), /BOOT_IMAGE=kernel/);
    });

    it("boots by UEFI", async () => {
      await boot({ name: "uefi-net", netboot: { directory: await netbootFolder(), file: "shimx64.efi" }, set: ["firmware.type=uefi"] });
      assert.match(await guest(client, "uefi-net", "cat", "/proc/cmdline"), /BOOT_IMAGE=\/kernel/);
    });
  });

  describe("from the network, by the e1000e adapter's own ROM", () => {
    for (const [firmware, file, mark] of [
      ["bios", "pxelinux.0", "PXELINUX"],
      ["uefi-secure", "shimx64.efi", "vivarium: loaded by GRUB"],
    ] as const) {
      it(`finds its boot loader by ${firmware}`, async () => {
        const set = [`firmware.type=${firmware}`, "networks.0.model=e1000e", "display.type=none"];
        await create({ name: `rom-${firmware}`, netboot: { directory: await netbootFolder(), file }, set });
        await client.call("machine.start", { machine: `rom-${firmware}` });
        await client.call("machine.wait", { machine: `rom-${firmware}`, for: `serial:${mark}`, timeoutMs: 120_000 });
      });
    }
  });

  describe("aarch64", () => {
    it("boots a CD's signed chain by UEFI with Secure Boot, and shuts down by ACPI", async () => {
      await boot({
        name: "arm-uefi",
        architecture: "aarch64",
        iso: await bootCd("aarch64"),
        disk: "1G",
        set: ["firmware.type=uefi-secure"],
      });
      assert.equal(await guest(client, "arm-uefi", "cat", "/sys/block/vda/size"), String(1024 ** 3 / 512));
      assert.match(await serial("arm-uefi"), /changed kernel refused/);
      assert.equal(await efiByte("arm-uefi", secureBootVariable), 1);
      await client.call("machine.stop", { machine: "arm-uefi", quitTimeoutMs: 0 });
      assert.match((await client.call("machine.logs", { machine: "arm-uefi", log: "events" })).text, /"reason":"guest-shutdown"/);
    });

    it("boots a CD by UEFI without Secure Boot, which is what it gets unasked", async () => {
      await create({ name: "arm-plain", architecture: "aarch64", iso: await bootCd("aarch64"), disk: "1G", set: ["display.type=std"] });
      await client.call("machine.start", { machine: "arm-plain" });
      await client.call("machine.wait", { machine: "arm-plain", for: "serial:changed kernel not tried", timeoutMs: 180_000 });
    });
  });

  async function create(request: CreateRequest): Promise<void> {
    await client.call("machine.create", { memory: "512M", cpus: 1, ...request });
  }

  async function boot(request: CreateRequest): Promise<MachineDetails> {
    await create(request);
    return startToInit(request.name);
  }

  async function startToInit(name: string): Promise<MachineDetails> {
    await client.call("machine.start", { machine: name });
    return reachesInit(name);
  }

  async function reachesInit(name: string): Promise<MachineDetails> {
    await client.call("machine.wait", { machine: name, for: "serial:vivarium: init", timeoutMs: 300_000 });
    const details = await client.call("machine.wait", { machine: name, for: "agent", timeoutMs: 120_000 });
    await driversLoaded(client, name);
    assert.ok(details.readiness.init !== undefined, `readiness: ${JSON.stringify(details.readiness)}`);
    return details;
  }

  async function serial(machine: string): Promise<string> {
    return (await client.call("machine.logs", { machine, log: "serial", maximumBytes: 1 << 20 })).text;
  }

  const efivars = "/sys/firmware/efi/efivars";
  const secureBootVariable = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
  const ownVariable = "VivariumTest-5c1a1c2e-6f0e-4c0e-9d1f-0d2a6b7c8e9f";

  async function mountEfivars(machine: string): Promise<void> {
    await guest(client, machine, "sh", "-c", `modprobe efivarfs; mountpoint -q ${efivars} || mount -t efivarfs efivarfs ${efivars}`);
  }

  /** First byte of a UEFI variable; four bytes of attributes stand before it (Documentation/filesystems/efivarfs.rst). */
  async function efiByte(machine: string, variable: string): Promise<number> {
    await mountEfivars(machine);
    const file = await client.call("machine.readFile", { machine, path: `${efivars}/${variable}` });
    return Buffer.from(file.dataBase64, "base64").readUInt8(4);
  }
});
