import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { definitionText, diskBytes, machineType, newDefinition, newMac } from "../../../src/host/definitions.ts";
import { findImage, storeImage } from "../../../src/host/images/index.ts";
import { freePort, type Image, listImages, openHome, portIsFree } from "../../../src/host/index.ts";
import { parseDefinition } from "../../../src/machine/index.ts";

const gibibyte = 1024 ** 3;
const host = { cores: 4, memoryBytes: 16 * gibibyte, qemuVersion: "10.0.13" };
const image: Image = {
  schema: 1,
  name: "starter",
  title: "Starter",
  description: "",
  version: "1",
  architecture: "x86_64",
  kernel: "kernel",
  initrd: "initrd",
  append: "quiet",
  disk: "disk.qcow2",
  diskVirtualBytes: gibibyte,
  minimumMemoryBytes: 192 * 1024 ** 2,
  login: "root",
  sha256: {},
  bytes: 1,
  folder: "/store/starter",
  source: "store",
};
const choices = { name: "web", architecture: "x86_64" as const, hasDisk: true };

describe("a new machine's definition", () => {
  it("boots the image's kernel with twice its least memory", () => {
    const definition = newDefinition({ ...choices, image }, host);
    assert.deepEqual(definition.firmware, {
      type: "direct-kernel",
      kernel: "/store/starter/kernel",
      initrd: "/store/starter/initrd",
      append: "quiet",
    });
    assert.deepEqual(
      [definition.memory, definition.cpus, definition.machineType, definition.guestUser],
      ["384M", 2, "pc-q35-10.0", "root"],
    );
  });
  it("has the installer first after an empty disk, and 2 GiB for it", () => {
    const definition = newDefinition({ ...choices, cdrom: "/iso/d.iso" }, host);
    assert.deepEqual(
      [definition.bootOrder, definition.firmware.type, definition.memory, definition.cdrom],
      [["disk", "cdrom"], "bios", "2G", { file: "/iso/d.iso" }],
    );
  });
  it("on aarch64 has UEFI and the virt board", () => {
    const definition = newDefinition({ ...choices, architecture: "aarch64" }, host);
    assert.deepEqual([definition.firmware.type, definition.machineType], ["uefi", "virt-10.0"]);
  });
  it("never takes more than a quarter of a small host", () => {
    assert.equal(newDefinition(choices, { ...host, memoryBytes: 2 * gibibyte }).memory, "512M");
  });
  it("is a vm.json that reads back, with a comment for its reader", () => {
    const definition = newDefinition({ ...choices, image }, host);
    const text = definitionText(definition);
    assert.match(text, /^\/\/ Machine “web”/);
    assert.deepEqual(parseDefinition(text), { definition });
  });
  it("has a MAC address of its own", () => {
    const many = new Set(Array.from({ length: 100 }, newMac));
    assert.ok(many.size > 95);
    for (const mac of many) assert.match(mac, /^52:54:00(:[0-9a-f]{2}){3}$/);
  });
  it("has the disk asked for, else the image's, else 20 GiB", () => {
    assert.deepEqual(
      [diskBytes("5G", image), diskBytes(undefined, image), diskBytes(undefined, undefined)],
      [5 * gibibyte, gibibyte, 20 * gibibyte],
    );
  });
  it("names a machine type for any QEMU version", () => {
    assert.deepEqual([machineType("x86_64", "7.2.22"), machineType("aarch64", "11.1.0")], ["pc-q35-7.2", "virt-11.1"]);
  });
});

describe("a home", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-home-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("is made closed to others", async () => {
    const home = await openHome(join(folder, "a"));
    assert.equal((await stat(home.folder)).mode & 0o777, 0o700);
    assert.deepEqual((await readdir(home.folder)).sort(), [
      "bin",
      "cache",
      "images",
      "logs",
      "machines",
      "networks",
      "run",
      "templates",
      "trash",
    ]);
  });
  it("that others may read is closed; that others may write is refused", async () => {
    await chmod(folder, 0o755);
    await openHome(folder);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    await chmod(folder, 0o777);
    await assert.rejects(openHome(folder), { code: "home-unusable", hint: `Run: chmod 700 '${folder}'` });
  });
  it("whose path is too long for sockets is refused, with the number of bytes", async () => {
    await assert.rejects(openHome(join(folder, "x".repeat(90))), { code: "home-unusable", message: /too long for sockets by \d+ bytes/ });
  });
  it("that is a file is refused", async () => {
    await writeFile(join(folder, "file"), "");
    await assert.rejects(openHome(join(folder, "file")), { code: "home-unusable" });
  });
});

describe("images", () => {
  let folder: string;
  let guests: string;
  let store: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-images-"));
    guests = join(folder, "guest");
    store = join(folder, "store");
    await mkdir(join(guests, "x86_64"), { recursive: true });
    await mkdir(store);
    const kernel = "kernel bytes";
    await writeFile(join(guests, "x86_64", "kernel"), kernel);
    const {
      folder: _folder,
      source: _source,
      ...file
    } = { ...image, sha256: { kernel: createHash("sha256").update(kernel).digest("hex") } };
    await writeFile(join(guests, "x86_64", "image.json"), JSON.stringify(file));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("are copied into the store once, checked, and read-only", async () => {
    const stored = await storeImage(await findImage(guests, store, "starter", "x86_64"), store);
    assert.equal(stored.folder, join(store, "starter-x86_64-1"));
    assert.equal((await stat(join(stored.folder, "kernel"))).mode & 0o777, 0o444);
    assert.equal((await storeImage(await findImage(guests, store, "starter", "x86_64"), store)).folder, stored.folder);
    assert.equal((await listImages(guests, store)).length, 1);
  });
  it("whose file is not what image.json says are refused, and nothing stays", async () => {
    await writeFile(join(guests, "x86_64", "kernel"), "other bytes");
    await assert.rejects(storeImage(await findImage(guests, store, "starter", "x86_64"), store), { code: "damaged" });
    assert.deepEqual(await readdir(store), []);
  });
  it("that do not exist are named with what does", async () => {
    await assert.rejects(findImage(guests, store, "debian", "x86_64"), {
      code: "not-found",
      hint: "There is: starter (x86_64). What can be fetched: viv image catalog",
    });
  });
});

describe("ports", () => {
  it("that are taken are seen, and another is given", async () => {
    const server = createServer();
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const taken = (server.address() as { port: number }).port;
    try {
      assert.equal(await portIsFree("tcp", "127.0.0.1", taken), false);
      assert.equal(await portIsFree("udp", "127.0.0.1", taken), true);
      assert.notEqual(await freePort("tcp", "127.0.0.1", taken), taken);
    } finally {
      server.close();
    }
  });
  it("on an address the host does not have are refused", async () => {
    await assert.rejects(freePort("tcp", "192.0.2.1"), { code: "host-cannot" });
  });
});
