import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { parse } from "yaml";
import {
  cloudConfig,
  cloudConfigText,
  credentials,
  type FirstBootFacts,
  firstBootScript,
  hashPassword,
  mergeCloudConfig,
  metaData,
  parseUserData,
  smbiosString,
} from "../../../src/machine/index.ts";
import { FirstBoot, firstBootWay } from "../../../src/model/index.ts";

/** What a refusal says. */
function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ZZc3cGGdvMYJmkyP9R4nAb3CbD0rHkOqvVvXkZVj ada@example";

function facts(firstBoot: Partial<FirstBoot> = {}, changes: Partial<FirstBootFacts> = {}): FirstBootFacts {
  return {
    id: "3f0c6a1e-8b7d-4c2a-9e5f-0a1b2c3d4e5f",
    name: "web",
    firstBoot: FirstBoot.parse(firstBoot),
    guestUser: "ada",
    authorizedKey: `${key}\n`,
    hostKey: {
      private: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
      public: "ssh-ed25519 BBBB web\n",
    },
    passwords: {},
    shell: "/bin/bash",
    hasAgent: true,
    ...changes,
  };
}

describe("firstBoot of vm.json", () => {
  const problemOf = (value: unknown): string => {
    const parsed = FirstBoot.safeParse(value);
    return parsed.success ? "" : (parsed.error.issues[0]?.message ?? "?");
  };

  it("takes what guests can be told", () => {
    for (const timeZone of ["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+1"])
      assert.equal(problemOf({ timeZone }), "", timeZone);
    assert.equal(
      problemOf({ users: [{ name: "ada", sshKeys: [key] }], keyboard: "de-nodeadkeys", locale: "de_DE.UTF-8", hostname: "a.b" }),
      "",
    );
  });

  it("refuses unknown time zones", () => {
    for (const timeZone of ["Europe/Berln", "europe/berlin", "+02:00", "../../etc/passwd", ""])
      assert.match(problemOf({ timeZone }), /no time zone/, timeZone);
  });

  it("refuses hostile names, keys and scripts", () => {
    for (const name of ["root; rm -rf /", "Ada", "-rf", "a b", "a\nb", "$(id)", "", "a".repeat(33), "ä"])
      assert.match(problemOf({ users: [{ name }] }), /user name/, name);
    for (const bad of [`command="id" ${key}`, `${key}\n${key}`, "ssh-ed25519", "-----BEGIN OPENSSH PRIVATE KEY-----"])
      assert.match(problemOf({ users: [{ name: "ada", sshKeys: [bad] }] }), /one line|public key/, bad);
    assert.match(problemOf({ scripts: ["echo\0"] }), /NUL/);
    assert.match(problemOf({ packages: ["nginx; reboot"] }), /package's name/);
    assert.match(problemOf({ hostname: "a_b" }), /host name/);
    assert.match(problemOf({ passwords: {} }), /passwords/);
  });

  it("is cloud-init's, but the agent's in the starter guest", () => {
    const firstBoot = FirstBoot.parse({});
    assert.equal(firstBootWay({ firstBoot, firmware: { type: "uefi" } }), "cloud-init");
    assert.equal(firstBootWay({ firstBoot, firmware: { type: "direct-kernel" } }), "agent");
    assert.equal(firstBootWay({ firmware: { type: "uefi" } }), undefined);
  });
});

describe("the seed's user-data", () => {
  it("says who the guest is, and who may log in", () => {
    const text = cloudConfigText(
      cloudConfig(facts({ users: [{ name: "ada", sudo: true, groups: ["adm"], sshKeys: [] }], scripts: ["echo 1"] })),
    );
    assert.match(text, /^#cloud-config\n/);
    const config = parse(text, { version: "1.1" });
    assert.equal(config.hostname, "web");
    assert.deepEqual(config.users, [
      { name: "ada", shell: "/bin/bash", sudo: "ALL=(ALL) NOPASSWD:ALL", groups: ["adm"], ssh_authorized_keys: [key] },
    ]);
    assert.equal(config.ssh_keys.ed25519_private, facts().hostKey.private);
    assert.deepEqual(config.write_files[0], {
      path: "/var/lib/cloud/scripts/per-once/vivarium-01",
      owner: "root:root",
      permissions: "0700",
      content: "#!/bin/sh\necho 1\n",
    });
    assert.deepEqual(JSON.parse(metaData(facts())), { "instance-id": facts().id, "local-hostname": "web" });
  });

  it("keeps the image's own user where none was asked for, and root's key where root logs in", () => {
    assert.deepEqual(cloudConfig(facts({}, { guestUser: "root" })).users, ["default"]);
    assert.deepEqual(cloudConfig(facts({}, { guestUser: "root" })).ssh_authorized_keys, [key]);
    assert.equal((cloudConfig(facts({}, { guestUser: "debian" })).users as { name: string }[])[1]?.name, "debian");
  });

  it("has a password as its hash alone", () => {
    const hash = hashPassword("secret", "abcdefgh");
    assert.equal(hash, execFileSync("openssl", ["passwd", "-6", "-salt", "abcdefgh", "secret"], { encoding: "utf8" }).trim());
    const long = "pässword ".repeat(20);
    assert.equal(
      hashPassword(long, "0123456789abcdef"),
      execFileSync("openssl", ["passwd", "-6", "-salt", "0123456789abcdef", long], { encoding: "utf8" }).trim(),
    );
    const [user] = cloudConfig(facts({ users: [{ name: "ada", sudo: true, groups: [], sshKeys: [] }] }, { passwords: { ada: hash } }))
      .users as Record<string, unknown>[];
    assert.equal(user?.hashed_passwd, hash);
    assert.equal(user?.lock_passwd, false);
  });

  it("is merged with a person's own: lists follow, maps join, single values are the person's, the host key is ours", () => {
    const own = parseUserData(
      "#cloud-config\ntimezone: UTC\nusers: [{name: ada, gecos: Ada}, bob]\nwrite_files:\n- {path: /x, permissions: 0644}\nssh_keys: {rsa_private: evil}\ngrowpart: {mode: 'off'}\n",
      "own.yaml",
    );
    const merged = mergeCloudConfig(
      cloudConfig(facts({ timeZone: "Europe/Berlin", scripts: ["true"], users: [{ name: "ada", sudo: true, groups: [], sshKeys: [] }] })),
      own,
    );
    assert.equal(merged.timezone, "UTC");
    assert.deepEqual(merged.growpart, { mode: "off", devices: ["/"] });
    assert.equal((merged.write_files as unknown[]).length, 2);
    assert.deepEqual((merged.write_files as { permissions: unknown }[])[1]?.permissions, 0o644);
    const users = merged.users as Record<string, unknown>[];
    assert.deepEqual([users[0]?.gecos, users[0]?.ssh_authorized_keys, users[1]], ["Ada", [key], "bob"]);
    assert.deepEqual(Object.keys(merged.ssh_keys as object), ["ed25519_private", "ed25519_public"]);
    // What Python's YAML would take for something else stays a text.
    assert.match(cloudConfigText({ a: "0644", b: "yes", c: "12:30" }), /a: "0644"\nb: "yes"\nc: "12:30"/);
  });

  it("is refused with line and column when it does not parse", () => {
    assert.match(
      messageOf(() => parseUserData("#cloud-config\nusers:\n  - name: [ada\n", "own.yaml")),
      /own\.yaml, line [34], column \d+: /,
    );
    assert.match(
      messageOf(() => parseUserData("a: 1\na: 2\n", "own.yaml")),
      /line 2, column 1: .*unique/,
    );
    assert.match(
      messageOf(() => parseUserData("- a\n- b\n", "own.yaml")),
      /line 1, column 1: a cloud-config is a map/,
    );
    assert.match(
      messageOf(() => parseUserData("#!/bin/sh\n", "own.yaml")),
      /only cloud-config/,
    );
    assert.match(
      messageOf(() => parseUserData("#cloud-config\na: \0", "own.yaml")),
      /NUL/,
    );
    assert.match(
      messageOf(() => parseUserData(`a: ${"x".repeat(8 * 1024 ** 2)}`, "own.yaml")),
      /8388611 bytes; user-data has at most 512 KiB/,
    );
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefg"
      .split("")
      .map((name, at) => `${name}: &${name} [${Array(9).fill(`*${"abcdef"[at]}`).join(",")}]`)
      .join("\n")}\n`;
    assert.match(
      messageOf(() => parseUserData(bomb, "own.yaml")),
      /alias/i,
    );
  });
});

describe("systemd's credentials", () => {
  it("carry names, keys and the pinned host key, each as one string", () => {
    const list = credentials(facts({ timeZone: "Europe/Berlin" }, { guestUser: "root" }));
    assert.deepEqual(
      list.map(({ name }) => name),
      ["system.hostname", "ssh.authorized_keys.root", "tmpfiles.extra", "firstboot.timezone"],
    );
    const files = list.find(({ name }) => name === "tmpfiles.extra")?.value ?? "";
    const [, encoded = ""] = /ssh_host_ed25519_key 0600 root root - (\S+)/.exec(files) ?? [];
    assert.equal(Buffer.from(encoded, "base64").toString(), facts().hostKey.private);
    assert.equal(smbiosString({ name: "a", value: "x\ny" }), "io.systemd.credential.binary:a=eAp5");
  });
});

describe("a first boot by an agent", () => {
  it("is a shell script in which nothing a person wrote is code but their scripts", () => {
    const script = firstBootScript(facts({ scripts: ["echo 'it''s'; exit 3"], packages: ["nginx"], locale: "de_DE.UTF-8" }));
    execFileSync("sh", ["-n"], { input: script });
    assert.match(script, /run_script 1 '#!\/bin\/sh\necho '\\''it'\\'''\\''s'\\''; exit 3'/);
    assert.match(script, /problem 'locale is cloud-init/);
  });
});
