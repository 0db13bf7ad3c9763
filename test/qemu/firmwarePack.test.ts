import assert from "node:assert/strict";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { testHome } from "../support/home.ts";

describe("a machine of the other architecture, as the first thing in a fresh home", function () {
  this.timeout(180_000);

  it("is made with UEFI, though its firmware comes in a pack that nobody unpacked yet", async () => {
    const home = await testHome();
    try {
      await rm(join(home.folder, "bin"));
      await mkdir(join(home.folder, "bin"), { mode: 0o700 });
      const client = await home.client();
      const architecture = process.arch === "arm64" ? "x86_64" : "aarch64";
      const made = await client.call("machine.create", { name: "foreign", architecture, set: ["firmware.type=uefi"] });
      assert.equal(made.state, "stopped");
      assert.ok((await readdir(made.folder)).includes("nvram.qcow2"));
      // Firmware for aarch64 is padded to 64 MiB a file; the padding takes no space.
      const files = await readdir(join(home.folder, "bin"), { recursive: true });
      for (const file of files.filter((name) => name.endsWith(".fd"))) {
        const { size, blocks } = await stat(join(home.folder, "bin", file));
        if (size >= 64 * 1024 ** 2) assert.ok(blocks * 512 < size / 2, `${file} takes ${blocks * 512} bytes`);
      }
    } finally {
      await home.dispose();
    }
  });
});
