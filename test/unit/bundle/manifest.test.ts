import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Collection, programOf } from "../../../scripts/bundle/collection.ts";
import { contentId, packBundle } from "../../../scripts/bundle/pack.ts";
import { unpackBundle } from "../../../scripts/bundle/unpack.ts";
import { bundleManifest, bundlePath, locateProgram } from "../../../src/backends/manifest.ts";

describe("a bundle", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "vivarium-test-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const pack = (collection: Collection, name: string) =>
    packBundle(collection, { out: join(folder, name), cache: join(folder, `cache-${name}`), fast: true, progress: () => undefined });

  it("of the same files is the same to the byte, whatever their order and times", async () => {
    const one = await pack(await collection(folder), "one");
    await utimes(join(folder, "data"), 1, 1);
    const shuffled = await collection(folder, false);
    await pack({ ...shuffled, files: shuffled.files.reverse() }, "two");
    for (const name of ["manifest.json", "qemu.tar.br"]) {
      assert.deepEqual(await readFile(join(folder, "one", name)), await readFile(join(folder, "two", name)));
    }
    assert.match(one.id, /^[0-9a-f]{12}$/);
  });

  it("unpacks to the files its manifest names", async () => {
    const manifest = await pack(await collection(folder), "one");
    await unpackBundle(join(folder, "one"), manifest, join(folder, "unpacked"));
    assert.equal(await readFile(join(folder, "unpacked/qemu/share/data"), "utf8"), "data");
  });

  it("with one byte changed is refused", async () => {
    const manifest = await pack(await collection(folder), "one");
    const part = join(folder, "one", "qemu.tar.br");
    const bytes = await readFile(part);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(part, bytes);
    await assert.rejects(unpackBundle(join(folder, "one"), manifest, join(folder, "unpacked")), /is not what manifest\.json says/);
  });

  it("has another id when a file's content or mode differs", () => {
    const file = { part: "qemu", sha256: "a".repeat(64), bytes: 1, executable: false };
    const id = contentId({ a: file });
    assert.notEqual(id, contentId({ a: { ...file, executable: true } }));
    assert.notEqual(id, contentId({ a: { ...file, sha256: "b".repeat(64) } }));
    assert.equal(id, contentId({ a: { ...file, bytes: 1 } }));
  });

  it("names programs by paths below its root, options as they are", async () => {
    const manifest = await pack(await collection(folder), "one");
    assert.deepEqual(locateProgram(manifest, "tool", "/root"), {
      command: "/root/qemu/lib/ld.so",
      args: ["--library-path", "/root/qemu/lib", "/root/qemu/bin/tool"],
      env: { QEMU_MODULE_DIR: "/root/qemu/modules" },
    });
    assert.equal(locateProgram(manifest, "swtpm", "/root"), undefined);
  });

  it("has no path that leaves its root", () => {
    for (const path of ["../x", "/etc/passwd", "a/../../b", "a//b", "C:/x", "a\\b", "", "a\0b"]) {
      assert.equal(bundlePath.safeParse(path).success, false, path);
    }
    assert.equal(bundlePath.safeParse("qemu/lib/libc.so.6").success, true);
    assert.equal(bundleManifest.safeParse({ schema: 2 }).success, false);
  });
});

async function collection(folder: string, write = true): Promise<Collection> {
  const data = join(folder, "data");
  if (write) await writeFile(data, "data");
  return {
    platform: "linux-x64",
    qemuVersion: "10.0.13",
    files: [
      { part: "qemu", path: "qemu/share/data", content: { file: data }, executable: false },
      { part: "qemu", path: "qemu/bin/tool", content: { bytes: Buffer.from("tool") }, executable: true },
    ],
    programs: {
      tool: programOf("qemu", [{ path: "qemu/lib/ld.so" }, { word: "--library-path" }, { path: "qemu/lib" }, { path: "qemu/bin/tool" }], {
        QEMU_MODULE_DIR: "qemu/modules",
      }),
    },
    dataDirectories: ["qemu/share"],
    firmware: {},
    packages: [],
    optionalParts: [],
  };
}
