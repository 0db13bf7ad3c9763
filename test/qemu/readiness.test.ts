import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { execa } from "execa";
import type { MachineDetails, VivClient } from "../../src/api/index.ts";
import type { VivError } from "../../src/model/index.ts";
import { guest, starterMachine, type TestHome, testHome } from "../support/home.ts";

const readyTimeoutMs = 180_000;
const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ZZc3cGGdvMYJmkyP9R4nAb3CbD0rHkOqvVvXkZVj ada@example";

/** One starter guest that is set up by its agent, and one that never boots. */
describe("readiness with the starter guest", () => {
  let home: TestHome;
  let client: VivClient;
  let ready: MachineDetails;
  before(async function () {
    this.timeout(readyTimeoutMs + 30_000);
    home = await testHome();
    client = await home.client();
    const probes = [
      { name: "flag", command: "test -e /root/flag", description: "the script has made its flag" },
      { name: "sshd", tcp: 22 },
      { name: "never", command: "false", timeoutSeconds: 1 },
    ];
    const firstBoot = {
      hostname: "shop",
      users: [{ name: "ada", sshKeys: [key] }],
      scripts: ["echo $(id -un) >/root/flag", "exit 9"],
      locale: "de_DE.UTF-8",
    };
    await starterMachine(client, "web", { set: [`probes=${JSON.stringify(probes)}`, `firstBoot=${JSON.stringify(firstBoot)}`] });
    await client.call("machine.start", { machine: "web" });
    await assert.rejects(client.call("machine.wait", { machine: "web", for: "ready", timeoutMs: 500 }), (error: VivError) => {
      assert.equal(error.code, "timeout");
      assert.match(error.message, /web did not reach “ready” within 0\.5 s\. It waits for \S+ \(.+\)\./);
      return true;
    });
    for (const what of ["first-boot", "probe:flag", "probe:sshd"])
      await client.call("machine.wait", { machine: "web", for: what, timeoutMs: readyTimeoutMs });
    await client.call("machine.wait", { machine: "web", for: "ssh", timeoutMs: readyTimeoutMs });
    // The third never comes; without it the machine is ready.
    await client.call("machine.set", { machine: "web", set: [`probes=${JSON.stringify(probes.slice(0, 2))}`] });
    ready = await client.call("machine.show", { machine: "web" });
  });
  after(() => home.dispose());

  it("sets the guest up by its agent: host name, users, keys, scripts; and says what it could not", async () => {
    assert.equal(await guest(client, "web", "hostname"), "shop");
    assert.equal(await guest(client, "web", "cat", "/home/ada/.ssh/authorized_keys"), key);
    assert.equal(await guest(client, "web", "stat", "-c", "%U", "/home/ada/.ssh/authorized_keys"), "ada");
    assert.equal(await guest(client, "web", "cat", "/root/flag"), "root");
    assert.equal(ready.firstBoot?.state, "done");
    assert.match(ready.firstBoot?.problems?.join("\n") ?? "", /locale is cloud-init's.*\nscript 2 ended with 9/);
  });

  it("keeps the contract of readiness, with the user's probes beside it", () => {
    const { firmware, kernel, agent, ssh, network, probes } = ready.readiness;
    assert.ok([firmware ?? 1, kernel, agent, ssh, network].every((ms) => typeof ms === "number"));
    assert.deepEqual(Object.keys(probes ?? {}).sort(), ["flag", "sshd"]);
    assert.equal(ready.ladder.find(({ step }) => step === "probe:flag")?.description, "the script has made its flag");
  });

  it("says by a probe that does not come which one, and what it asks", async () => {
    await client.call("machine.set", { machine: "web", set: ['probes=[{"name":"port","tcp":81}]'] });
    await assert.rejects(client.call("machine.wait", { machine: "web", for: "probe:port", timeoutMs: 300 }), (error: VivError) => {
      assert.match(`${error.message} ${error.hint}`, /waits for probe:port .*nothing listens on port 81 of the guest/);
      return true;
    });
    await assert.rejects(client.call("machine.wait", { machine: "web", for: "probe:nix", timeoutMs: 300 }), { code: "not-found" });
  });

  it("does the first boot once: a restart finds nothing to do, and its history counts", async function () {
    this.timeout(readyTimeoutMs);
    await client.call("machine.set", { machine: "web", set: ["probes="] });
    await client.call("machine.exec", { machine: "web", command: ["rm", "/root/flag"] });
    await client.call("machine.restart", { machine: "web" });
    const again = await client.call("machine.wait", { machine: "web", for: "ready", timeoutMs: readyTimeoutMs });
    assert.ok((again.readiness.ready ?? 0) > 0);
    assert.equal((await client.call("machine.exec", { machine: "web", command: ["test", "-e", "/root/flag"] })).exitCode, 1);
    const { stdoutBase64 } = await client.call("machine.exec", { machine: "web", command: ["hostname"] });
    assert.equal(Buffer.from(stdoutBase64, "base64").toString("utf8").trim(), "shop");
    assert.equal(again.readinessHistory[0]?.probes?.flag, ready.readiness.probes?.flag);
    assert.deepEqual(
      (await readdir(`${home.machineFolder("web")}/keys`)).filter((name) => name.includes("first")),
      [],
    );
  });

  it("names the step of a machine that never boots", async () => {
    await client.call("machine.create", { name: "empty", memory: "128M", disk: "16M", set: ["display.type=none"] });
    await client.call("machine.start", { machine: "empty" });
    await client.call("machine.wait", { machine: "empty", for: "serial:SeaBIOS", timeoutMs: 60_000 });
    await assert.rejects(client.call("machine.wait", { machine: "empty", for: "ready", timeoutMs: 1000 }), (error: VivError) => {
      assert.match(error.message, /It waits for kernel \(the guest's kernel has started\)\. Reached: .*firmware \d+ ms/);
      assert.match(error.hint ?? "", /boot order/);
      return true;
    });
  });

  it("refuses what cannot be a first boot before anything is made", async () => {
    const create = (request: object) => client.call("machine.create", { name: "bad", ...request });
    await assert.rejects(create({ userData: "a: [1\nb: 2\n" }), { code: "usage", message: /user-data, line \d+, column \d+/ });
    await assert.rejects(create({ userData: `a: ${"x".repeat(8 * 1024 ** 2)}` }), { code: "usage", message: /at most 512 KiB/ });
    await assert.rejects(create({ image: "starter", userData: "a: 1\n" }), { code: "usage", message: /cloud-init/ });
    await assert.rejects(create({ set: ["firstBoot.timeZone=Europe/Berln"] }), { code: "invalid-definition", message: /no time zone/ });
    await assert.rejects(create({ set: ['firstBoot.users=[{"name":"a; id"}]'] }), { code: "invalid-definition", message: /user name/ });
    assert.deepEqual(await client.call("machine.list", {}).then((all) => all.map(({ name }) => name).sort()), ["empty", "web"]);
  });

  it("keeps a password as its hash, in a file of the owner's alone, until the guest has it", async function () {
    this.timeout(readyTimeoutMs);
    await starterMachine(client, "pass", { password: "correct horse" });
    const { stdout } = await execa("grep", ["-rlc", "correct horse", home.folder], { reject: false });
    assert.equal(stdout, "");
    await client.call("machine.start", { machine: "pass" });
    await client.call("machine.wait", { machine: "pass", for: "first-boot", timeoutMs: readyTimeoutMs });
    await client.call("machine.wait", { machine: "pass", for: "agent", timeoutMs: readyTimeoutMs });
    assert.match(await guest(client, "pass", "grep", "^root:", "/etc/shadow"), /^root:\$6\$/);
    assert.deepEqual(
      (await readdir(`${home.machineFolder("pass")}/keys`)).filter((name) => name.includes("first")),
      [],
    );
  });
});
