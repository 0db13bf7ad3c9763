import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { MachineDetails, VivClient } from "../../src/api/index.ts";
import { debianMachine } from "../support/debian.ts";
import { type TestHome, testHome } from "../support/home.ts";

const bootTimeoutMs = 600_000;

/** Debian's own cloud-init takes what we give it; one boot for the whole file. */
describe("first boot of Debian 12 by cloud-init", () => {
  let home: TestHome;
  let client: VivClient;
  let done: MachineDetails;
  let hostKey: string;
  const guestKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ZZc3cGGdvMYJmkyP9R4nAb3CbD0rHkOqvVvXkZVj ada@example";
  before(async function () {
    this.timeout(bootTimeoutMs + 60_000);
    home = await testHome();
    client = await home.client();
    const firstBoot = {
      hostname: "web.example.org",
      users: [{ name: "ada", groups: ["adm"], sshKeys: [guestKey] }],
      scripts: ["echo first >/root/order", "#!/bin/sh\necho second >>/root/order", "exit 7"],
      timeZone: "Europe/Berlin",
      userData: "own.yaml",
    };
    await debianMachine(client, "deb", { start: false, set: [`firstBoot=${JSON.stringify(firstBoot)}`, "guestUser=ada"] });
    const own = "write_files:\n- path: /etc/own\n  content: mine\n  permissions: 0640\nruncmd:\n- [touch, /root/ran]\n";
    await writeFile(join(home.machineFolder("deb"), "own.yaml"), own);
    hostKey = (await readFile(join(home.machineFolder("deb"), "keys", "host_ed25519"), "utf8")).split("\n")[2] ?? "";
    await client.call("machine.start", { machine: "deb" });
    done = await client.call("machine.wait", { machine: "deb", for: "ready", timeoutMs: bootTimeoutMs });
  });
  after(() => home.dispose());

  const guest = async (...command: string[]) => {
    const result = await client.call("machine.exec", { machine: "deb", command, way: "viv-agent" });
    return `${Buffer.from(result.stdoutBase64, "base64").toString("utf8")}${Buffer.from(result.stderrBase64, "base64").toString("utf8")}`.trim();
  };

  it("makes the guest what was asked for", async () => {
    assert.equal(await guest("hostname", "-f"), "web.example.org");
    assert.match(await guest("id", "ada"), /\(adm\)/);
    const keys = await guest("cat", "/home/ada/.ssh/authorized_keys");
    assert.ok(keys.includes(guestKey) && keys.includes("vivarium deb"), keys);
    assert.equal(await guest("cat", "/etc/timezone"), "Europe/Berlin");
    assert.equal(await guest("cat", "/root/order"), "first\nsecond");
    assert.equal(await guest("stat", "-c", "%a %s", "/etc/own", "/root/ran"), "640 4\n644 0");
    assert.match(await guest("df", "--output=size", "-m", "/"), /\d{4}/);
  });

  it("has viv-agent as a service of the guest's own", async () => {
    assert.equal(await guest("systemctl", "is-active", "viv-agent"), "active");
  });

  it("logs in by the host key that was pinned before the first connection", async () => {
    const { arguments: words } = await client.call("machine.sshTarget", { machine: "deb" });
    const { stdout } = await execa("ssh", [...words, "sudo", "-n", "whoami"]);
    assert.equal(stdout, "root");
    const known = await readFile(join(home.machineFolder("deb"), "keys", "known_hosts"), "utf8");
    assert.ok((await guest("cat", "/etc/ssh/ssh_host_ed25519_key.pub")).split(" ")[1] === known.trim().split(" ")[2]);
  });

  it("says which script failed, and that the first boot is over", async () => {
    const show = await client.call("machine.show", { machine: "deb" });
    assert.equal(show.firstBoot?.state, "done");
    assert.match(show.firstBoot?.problems?.join(" ") ?? "", /scripts-per-once/);
    const { readiness } = done;
    assert.ok((readiness.ssh ?? 0) > (readiness.kernel ?? Number.MAX_VALUE));
    assert.ok((readiness.network ?? 0) > 0 && (readiness.agent ?? 0) > 0 && (readiness.ready ?? 0) >= (readiness.ssh ?? 0));
  });

  it("leaves no secret behind: neither on the host nor in the guest's /dev", async () => {
    const folder = home.machineFolder("deb");
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const left = await stat(join(folder, "first-boot.iso")).catch(() => undefined);
      if (!left) break;
      await new Promise((wake) => setTimeout(wake, 200));
    }
    const names = await readdir(folder, { recursive: true });
    assert.deepEqual(
      names.filter((name) => /first-boot/.test(name)),
      [],
    );
    assert.equal(await guest("sh", "-c", "ls /dev/disk/by-label | grep -c CIDATA"), "0");
    assert.equal(
      await guest(
        "sh",
        "-c",
        `for d in /dev/vd[b-z] /dev/sr*; do [ -e $d ] && strings -n 8 $d 2>/dev/null || cat $d 2>/dev/null; done | grep -c '${hostKey}'`,
      ),
      "0",
    );
    for (const name of names) {
      if (/^keys[/\\]/.test(name) || !(await stat(join(folder, name))).isFile() || /qcow2$/.test(name)) continue;
      assert.ok(!(await readFile(join(folder, name))).includes(hostKey), name);
    }
  });

  it("hands nothing to the guest again", async function () {
    this.timeout(bootTimeoutMs);
    await client.call("machine.restart", { machine: "deb" });
    const again = await client.call("machine.wait", { machine: "deb", for: "ready", timeoutMs: bootTimeoutMs });
    assert.ok(!(await readFile(join(home.machineFolder("deb"), "command.txt"), "utf8")).includes("first-boot"));
    while (!(await client.call("machine.exec", { machine: "deb", command: ["true"] })).way.startsWith("viv"))
      await new Promise((wake) => setTimeout(wake, 500));
    assert.equal(await guest("cat", "/root/order"), "first\nsecond");
    assert.equal(again.readinessHistory.length, 1);
    assert.deepEqual(again.pendingChanges, []);
  });
});

/** The same guest without a seed: cloud-init finds no data source and stays away, systemd takes its credentials. */
describe("first boot of Debian 12 by systemd's credentials", () => {
  let home: TestHome;
  let client: VivClient;
  before(async function () {
    this.timeout(bootTimeoutMs + 60_000);
    home = await testHome();
    client = await home.client();
    await debianMachine(client, "cred", { start: false, set: ['firstBoot={"by":"credentials","hostname":"cred-1"}', "guestUser=root"] });
    await client.call("machine.start", { machine: "cred" });
    await client.call("machine.wait", { machine: "cred", for: "agent", timeoutMs: bootTimeoutMs });
  });
  after(() => home.dispose());

  it("is seen by systemd, which writes root's key and the pinned host key", async function () {
    this.timeout(120_000);
    const guest = async (...command: string[]) =>
      Buffer.from((await client.call("machine.exec", { machine: "cred", command, way: "agent" })).stdoutBase64, "base64").toString("utf8");
    const listed = await guest("systemd-creds", "--system", "list", "--no-legend");
    for (const name of ["ssh.authorized_keys.root", "system.hostname", "tmpfiles.extra"]) assert.ok(listed.includes(name), listed);
    assert.match(await guest("cat", "/root/.ssh/authorized_keys"), /vivarium cred/);
    const known = await readFile(join(home.machineFolder("cred"), "keys", "known_hosts"), "utf8");
    assert.equal((await guest("cat", "/etc/ssh/ssh_host_ed25519_key.pub")).split(" ")[1], known.trim().split(" ")[2]);
    assert.equal(await guest("hostname"), "cred-1\n");
  });

  it("has no secret in QEMU's arguments, and is done", async () => {
    const command = await readFile(join(home.machineFolder("cred"), "command.txt"), "utf8");
    assert.match(command, /-smbios type=11,path=\S+\/credentials\/ssh\.authorized_keys\.root/);
    assert.doesNotMatch(command, /io\.systemd|ssh-ed25519/);
    assert.equal((await client.call("machine.show", { machine: "cred" })).firstBoot?.state, "done");
  });
});
