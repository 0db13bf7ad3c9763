import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newSshKey } from "../../../src/machine/newSshKey.ts";

describe("SSH keys made by us", () => {
  it("are what ssh-keygen reads: the public half, and a signature that verifies", () => {
    const folder = mkdtempSync(join(tmpdir(), "viv-key-"));
    try {
      // Comments of every length modulo eight, so every padding.
      for (const comment of ["", "a", "ab", "abc", "abcd", "vivarium web", "vivarium web-1", "vivarium web-22"]) {
        const { privateKey, publicKey } = newSshKey(comment);
        const file = join(folder, `key-${comment.length}`);
        writeFileSync(file, privateKey, { mode: 0o600 });
        const read = execFileSync("ssh-keygen", ["-y", "-P", "", "-f", file]).toString().trim();
        assert.deepEqual(read.split(" ").slice(0, 2), publicKey.trim().split(" ").slice(0, 2), comment);
        writeFileSync(join(folder, "signers"), `me ${publicKey}`);
        writeFileSync(join(folder, "text"), "hello");
        execFileSync("ssh-keygen", ["-q", "-Y", "sign", "-f", file, "-n", "test", join(folder, "text")], { stdio: "ignore" });
        const verify = ["-Y", "verify", "-f", join(folder, "signers"), "-I", "me", "-n", "test", "-s", join(folder, "text.sig")];
        assert.match(execFileSync("ssh-keygen", verify, { input: "hello" }).toString(), /Good "test" signature/);
        rmSync(join(folder, "text.sig"));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }).timeout(10_000);

  it("are never the same", () => {
    assert.notEqual(newSshKey("x").publicKey, newSshKey("x").publicKey);
  });
});
