import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { hostsText, includeLine, type SshHost, withInclude, withoutInclude } from "../../../src/host/sshConfig/text.ts";

const goldens = resolve(import.meta.dirname, "..", "..", "golden", "sshConfig");

describe("ssh's file of machines", () => {
  const host = (name: string, folder: string, slash: string): SshHost => ({
    name,
    user: name === "web" ? "root" : "debian",
    identityFile: [folder, "machines", name, "keys", "login"].join(slash),
    knownHostsFile: [folder, "machines", name, "keys", "known_hosts"].join(slash),
    hostKeyAlias: `vivarium-00000000-0000-4000-8000-00000000000${name.length}`,
  });
  const worlds = {
    linux: { home: "/home/kim/.vivarium", platform: "linux", launcher: "/home/kim/.vivarium/bin/viv" },
    macos: { home: "/Users/Kim O'Hara/100%/.vivarium", platform: "darwin", launcher: "/Users/Kim O'Hara/100%/.vivarium/bin/viv" },
    windows: { home: "C:\\Users\\Kim Lee\\.vivarium", platform: "win32", launcher: "C:\\Users\\Kim Lee\\.vivarium\\bin\\viv.cmd" },
  } as const;

  for (const [name, world] of Object.entries(worlds)) {
    it(`is as its golden on ${name}`, async () => {
      const slash = world.platform === "win32" ? "\\" : "/";
      const hosts = ["db-1", "web"].map((machine) => host(machine, world.home, slash));
      await golden(`${name}.config`, hostsText(hosts, world));
    });
  }

  async function golden(name: string, text: string): Promise<void> {
    const file = join(goldens, name);
    if (process.env.UPDATE_GOLDEN) {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    assert.equal(text, await readFile(file, "utf8"));
  }
});

describe("the Include line in the user's file", () => {
  const include = includeLine("/home/kim/.ssh/vivarium.config", "linux");

  it("is quoted where it must be, and relative where it could be a pattern", () => {
    assert.equal(include, "Include /home/kim/.ssh/vivarium.config");
    assert.equal(includeLine("/Users/Kim Lee/.ssh/vivarium.config", "darwin"), 'Include "/Users/Kim Lee/.ssh/vivarium.config"');
    assert.equal(includeLine("/home/[kim]/.ssh/vivarium.config", "linux"), "Include vivarium.config");
    assert.equal(includeLine("C:\\Users\\Kim\\.ssh\\vivarium.config", "win32"), "Include vivarium.config");
  });

  const files: readonly (readonly [what: string, text: string])[] = [
    ["an empty one", ""],
    ["one with hosts", "Host a\n  User b\n\nHost *\n  ForwardAgent yes\n"],
    ["one that begins with an empty line", "\n\nHost a\n"],
    ["one of Windows", "Host a\r\n  User b\r\n"],
    ["one without an end of line", "Host a"],
    ["one of bytes that are no UTF-8", "# caf\xe9\nHost a\n"],
  ];
  for (const [what, text] of files) {
    it(`comes to the top of ${what}, once, and goes without a trace`, () => {
      const once = withInclude(text, include);
      assert.equal(once.split(/\r?\n/)[1], include);
      assert.equal(withInclude(once, include), once);
      assert.equal(withoutInclude(once), text);
    });
  }

  it("stays where a person moved it, and goes from there", () => {
    const moved = `Host a\n${withInclude("", include)}Host b\n`;
    assert.equal(withInclude(moved, include), moved);
    assert.equal(withoutInclude(moved), "Host a\nHost b\n");
  });

  it("replaces one that leads elsewhere", () => {
    const old = withInclude("Host a\n", "Include /old/place");
    assert.equal(withInclude(old, include), withInclude("Host a\n", include));
  });
});
