import assert from "node:assert/strict";
import { closure, type KernelModule, moduleName, modulesAlias, modulesDep, parseModinfo } from "../../../guest/build/modules.ts";

const module = (name: string, depends: string[] = [], aliases: string[] = []): KernelModule => ({
  name,
  path: `kernel/${name}.ko`,
  data: Buffer.alloc(0),
  depends,
  aliases,
});

describe("kernel modules", () => {
  const all = [
    module("ext4", ["jbd2", "mbcache"], ["fs-ext4"]),
    module("jbd2", ["crc32c"]),
    module("mbcache"),
    module("crc32c"),
    module("unused"),
  ];
  const builtIn = new Set(["virtio"]);
  const source = (name: string) => {
    const found = all.find((candidate) => candidate.name === name);
    if (!found && !builtIn.has(name)) return Promise.reject(new Error(`kernel has no module ${name}`));
    return Promise.resolve(found);
  };

  it("takes what is wanted and all it needs, and leaves out what is built in", async () => {
    assert.deepEqual([...(await closure(["ext4", "virtio"], source)).keys()], ["crc32c", "ext4", "jbd2", "mbcache"]);
  });

  it("fails on a module the kernel does not have", async () => {
    await assert.rejects(closure(["nonsense"], source), /no module nonsense/);
  });

  it("lists dependencies so that the last is loaded first", async () => {
    const text = modulesDep(await closure(["ext4"], source));
    assert.match(text, /^kernel\/ext4\.ko: kernel\/mbcache\.ko kernel\/jbd2\.ko kernel\/crc32c\.ko$/m);
    assert.match(text, /^kernel\/crc32c\.ko:$/m);
  });

  it("says which module drives which device", async () => {
    assert.equal(modulesAlias(await closure(["ext4"], source)), "alias fs-ext4 ext4\n");
  });

  it("reads a module's own words from its .modinfo section", () => {
    const info = parseModinfo(elfWith(".modinfo", "license=GPL\0depends=jbd2,mb-cache\0alias=fs-ext4\0alias=fs-ext3\0"));
    assert.deepEqual(info, { depends: ["jbd2", "mb_cache"], aliases: ["fs-ext4", "fs-ext3"] });
  });

  it("treats dashes, folders and suffixes of names as the kernel does", () => {
    assert.equal(moduleName("kernel/drivers/gpu/drm/virtio/virtio-gpu.ko.xz"), "virtio_gpu");
  });
});

/** The smallest ELF file with one named section. */
function elfWith(name: string, content: string): Buffer {
  const names = Buffer.from(`\0.shstrtab\0${name}\0`);
  const data = Buffer.from(content);
  const header = Buffer.alloc(64);
  header.write("\x7fELF\x02\x01\x01", 0, "latin1");
  const table = 64 + names.length + data.length;
  header.writeBigUInt64LE(BigInt(table), 0x28);
  header.writeUInt16LE(64, 0x3a);
  header.writeUInt16LE(3, 0x3c);
  header.writeUInt16LE(1, 0x3e);
  const section = (nameAt: number, offset: number, size: number) => {
    const entry = Buffer.alloc(64);
    entry.writeUInt32LE(nameAt, 0);
    entry.writeBigUInt64LE(BigInt(offset), 0x18);
    entry.writeBigUInt64LE(BigInt(size), 0x20);
    return entry;
  };
  return Buffer.concat([header, names, data, Buffer.alloc(64), section(1, 64, names.length), section(11, 64 + names.length, data.length)]);
}
