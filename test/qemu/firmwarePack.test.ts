import assert from "node:assert/strict";
import { mkdir, readdir, rm } from "node:fs/promises";
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
    } finally {
      await home.dispose();
    }
  });
});
