import assert from "node:assert/strict";
import { checkForeign, convertChain, convertForeign, type ImageCommand } from "../../../src/qemu/index.ts";

/** What qemu-img is told about images: nothing is left for it to find out. */
describe("conversion commands", () => {
  const words = (command: ImageCommand<unknown>) =>
    command.arguments.map((word) => (word.startsWith("json:") ? JSON.parse(word.slice(5)) : word));

  it("name the driver and the one file of a foreign image", () => {
    assert.deepEqual(words(convertForeign({ file: "/in/a,b=c.vmdk", format: "vmdk" }, { file: "/out/x.qcow2", format: "qcow2" })), [
      "convert",
      "-p",
      "-O",
      "qcow2",
      { driver: "vmdk", file: { driver: "file", filename: "/in/a,b=c.vmdk" } },
      "/out/x.qcow2",
    ]);
  });

  it("give a qcow2 no backing file, and a VHD the size it says instead of its geometry's", () => {
    assert.deepEqual(words(checkForeign({ file: "/a", format: "qcow2" }))[2], {
      driver: "qcow2",
      backing: null,
      file: { driver: "file", filename: "/a" },
    });
    assert.deepEqual(words(checkForeign({ file: "/a", format: "vpc" }))[2], {
      driver: "vpc",
      force_size_calc: "current_size",
      file: { driver: "file", filename: "/a" },
    });
  });

  it("read a member of an archive where it lies", () => {
    const image = { file: "/a.ova", format: "vmdk", part: { offset: 1024, bytes: 65_536 } } as const;
    assert.deepEqual(words(convertForeign(image, { file: "/b", format: "raw" }))[4], {
      driver: "vmdk",
      file: { driver: "raw", offset: 1024, size: 65_536, file: { driver: "file", filename: "/a.ova" } },
    });
  });

  it("name every layer of a chain of our own", () => {
    const chain = [
      { file: "/m/layers/top.qcow2", format: "qcow2" },
      { file: "/m/disk0.qcow2", format: "qcow2" },
      { file: "/i/base.raw", format: "raw" },
    ] as const;
    assert.deepEqual(words(convertChain(chain, { file: "/o.vmdk", format: "vmdk", streamOptimized: true })), [
      "convert",
      "-p",
      "-O",
      "vmdk",
      "-o",
      "subformat=streamOptimized",
      {
        driver: "qcow2",
        backing: {
          driver: "qcow2",
          backing: { driver: "raw", file: { driver: "file", filename: "/i/base.raw" } },
          file: { driver: "file", filename: "/m/disk0.qcow2" },
        },
        file: { driver: "file", filename: "/m/layers/top.qcow2" },
      },
      "/o.vmdk",
    ]);
    assert.equal(words(convertChain([chain[1]], { file: "/o", format: "raw" }))[4].backing, null);
  });
});
