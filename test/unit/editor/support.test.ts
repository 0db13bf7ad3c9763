import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import "./support/load.ts";

const { withoutSecrets } = await import("../../../src/commands/secrets.ts");
const { zip } = await import("../../../src/commands/zip.ts");
const { launcher, pathLine, targetFolder } = await import("../../../src/commands/installCli.ts");

describe("the support bundle", () => {
  it("has no secrets", () => {
    const text = [
      "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAAB3\n-----END OPENSSH PRIVATE KEY-----",
      '{"token": "abcdef123456", "password":"pa ss", "name": "web"}',
      "Authorization: Bearer eyJhbGciOi.J9.abc",
      "https://ada:hunter2@example.org/x",
      "ghp_0123456789abcdefghij0123",
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIabcdefgh ada@host",
      "secret_key=xyzzy123, next=1",
      "/home/ada/.vivarium/machines/web",
    ].join("\n");
    const clean = withoutSecrets(text, "/home/ada");
    for (const secret of ["AAAAB3", "abcdef123456", "pa ss", "eyJhbGciOi", "hunter2", "ghp_0123", "AAAAC3Nza", "xyzzy123", "/home/ada"])
      assert.ok(!clean.includes(secret), secret);
    for (const kept of ['"name": "web"', "next=1", "~/.vivarium/machines/web", "example.org/x"]) assert.ok(clean.includes(kept), kept);
  });

  it("is a zip that others can read", () => {
    const folder = mkdtempSync(join(tmpdir(), "viv-zip-"));
    try {
      const file = join(folder, "a.zip");
      writeFileSync(
        file,
        zip(
          new Map([
            ["a/one.txt", "eins\n"],
            ["zwei.txt", "ü".repeat(5000)],
          ]),
        ),
      );
      const script =
        "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(z.read('a/one.txt').decode(), len(z.read('zwei.txt')))";
      assert.equal(execFileSync("python3", ["-c", script, file], { encoding: "utf8" }).trim(), "eins\n 10000");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("viv in PATH", () => {
  it("goes into a folder of the user's own that is in PATH", () => {
    const home = mkdtempSync(join(tmpdir(), "viv-home-"));
    try {
      assert.equal(targetFolder("/usr/bin:/bin", home), join(home, ".local", "bin"));
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  it("leads to the launcher in the home, and passes arguments on, whatever is in them or in the path", () => {
    const folder = mkdtempSync(join(tmpdir(), "viv it's "));
    try {
      const target = join(folder, "target");
      writeFileSync(target, `#!${process.execPath}\nconsole.log(JSON.stringify(process.argv.slice(2)))`, { mode: 0o755 });
      const file = join(folder, "viv");
      writeFileSync(file, launcher(target, "linux"), { mode: 0o755 });
      const args = ["exec", "a", "--", "echo", "$HOME", "it's", ""];
      assert.deepEqual(JSON.parse(execFileSync(file, args, { encoding: "utf8" })), args);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is known as ours", () => {
    for (const platform of ["linux", "win32"] as const) assert.ok(launcher("viv", platform).includes("Vivarium's command line"));
  });

  it("has a line for the shells of others", () => {
    assert.equal(pathLine("/home/ada/.local/bin", "linux"), 'export PATH="$PATH:/home/ada/.local/bin"');
    assert.equal(
      execFileSync("/bin/sh", ["-c", `PATH=; ${pathLine('/a "b" $c `d', "linux")}; echo "$PATH"`], { encoding: "utf8" }),
      ':/a "b" $c `d\n',
    );
    assert.equal(pathLine("C:\\viv", "win32"), 'setx PATH "%PATH%;C:\\viv"');
  });
});
