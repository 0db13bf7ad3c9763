import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { isAlive } from "../../src/backends/index.ts";
import { debianMachine } from "../support/debian.ts";
import { killVivd, until } from "../support/faults.ts";
import { starterMachine, type TestHome, testHome } from "../support/home.ts";

/** Folders of this host in real guests: the starter, which has virtiofs and 9p, then Debian's cloud kernel, which has no 9p. */
describe("shared folders", function () {
  this.timeout(500_000);
  let home: TestHome;
  let client: VivClient;
  let folder: string;
  const machine = "tree";

  before(async () => {
    home = await testHome();
    client = await home.client();
    folder = await mkdtemp(join(tmpdir(), "shared-"));
    await mkdir(join(folder, "live"));
    await mkdir(join(folder, "old way"));
    await writeFile(join(folder, "live", "host.txt"), "from the host\n");
    await writeFile(join(folder, "old way", "fixed"), "fixed\n");
    await starterMachine(client, machine, { start: true });
  });
  after(async () => {
    await home?.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const share = async (tag: string) => (await client.call("share.list", { machine })).find((each) => each.tag === tag);
  const mounted = (tag: string) =>
    until(`${tag} mounted`, async () => (await share(tag))?.state === "mounted").catch(async (error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(await share(tag))}`);
    });
  async function shell(command: string): Promise<string> {
    const result = await client.call("machine.exec", { machine, command: ["sh", "-c", command] });
    const text = (base64: string) => Buffer.from(base64, "base64").toString("utf8");
    assert.equal(result.exitCode, 0, `${command}: ${text(result.stderrBase64)}`);
    return text(result.stdoutBase64).trim();
  }

  it("wait for the next start of a machine that was started without", async () => {
    const added = await client.call("share.add", { machine, path: join(folder, "live") });
    assert.equal(added.tag, "live");
    assert.equal(added.state, "next-start");
    const old = await client.call("share.add", {
      machine,
      path: join(folder, "old way"),
      kind: "9p",
      readOnly: true,
      mountPoint: "/srv/the old",
    });
    assert.equal(old.tag, "old-way");
  });

  it("are mounted when the guest is there: virtiofs as the best, 9p where asked for", async () => {
    await client.call("machine.restart", { machine, acpiTimeoutMs: 0 });
    await client.call("machine.wait", { machine, for: "agent", timeoutMs: 180_000 });
    await mounted("live");
    await mounted("old-way");
    assert.equal((await share("live"))?.kind, "virtiofs");
    assert.equal((await share("old-way"))?.kind, "9p");
    assert.equal(await shell("cat /mnt/live/host.txt"), "from the host");
    await shell("echo from the guest > /mnt/live/guest.txt; ln -s host.txt /mnt/live/link");
    assert.equal(await readFile(join(folder, "live", "guest.txt"), "utf8"), "from the guest\n");
    assert.equal(await shell("cat '/srv/the old/fixed'"), "fixed");
  });

  it("another one comes and goes while the machine runs, with its folder named by its tag", async () => {
    await mkdir(join(folder, "More Of It"));
    const added = await client.call("share.add", { machine, path: join(folder, "More Of It") });
    assert.deepEqual([added.tag, added.state, added.kind, added.mountPoint], ["more-of-it", "mounted", "virtiofs", "/mnt/more-of-it"]);
    const late = await client.call("share.add", { machine, path: folder, tag: "late", kind: "9p" });
    assert.equal(late.state, "next-start");
    await client.call("share.remove", { machine, tag: "late" });
    await shell("cd /mnt/more-of-it && (sleep 600 >/dev/null 2>&1 &)");
    await assert.rejects(client.call("share.remove", { machine, tag: "more-of-it" }), {
      code: "wrong-state",
      message: /in use in the guest.*sleep \(\d+\)/,
    });
    assert.equal((await share("more-of-it"))?.state, "mounted");
    await shell("kill $(pidof sleep)");
    await until("nobody in it", async () =>
      client.call("share.remove", { machine, tag: "more-of-it" }).then(
        () => true,
        () => false,
      ),
    );
    assert.equal(await shell("grep -c more-of-it /proc/mounts || true"), "0");
    assert.equal(await share("more-of-it"), undefined);
    assert.deepEqual((await client.call("machine.show", { machine })).pendingChanges, []);
  });

  it("the guest changes nothing in a read-only one, whichever kind", async () => {
    await assert.rejects(shell("echo no > '/srv/the old/new'"), /Read-only file system/);
    await client.call("share.add", { machine, path: join(folder, "old way"), tag: "kept", readOnly: true });
    await assert.rejects(shell("echo no > /mnt/kept/new"), /Read-only file system/);
    // The guest's root may mount it anew, but not past the host.
    await assert.rejects(shell("mount -o remount,rw /mnt/kept && echo no > /mnt/kept/new"), /Read-only file system/);
    await client.call("share.remove", { machine, tag: "kept" });
  });

  it("do not stand in the way of memory: back after a suspend, a snapshot and its restore", async () => {
    assert.deepEqual((await client.call("snapshot.list", { machine })).memoryBlocked, []);
    await client.call("machine.suspend", { machine });
    await writeFile(join(folder, "live", "asleep.txt"), "while it slept\n");
    await client.call("machine.start", { machine });
    await mounted("live");
    await mounted("old-way");
    assert.equal(await shell("cat /mnt/live/asleep.txt"), "while it slept");
    const taken = await client.call("snapshot.create", { machine, name: "shared", memory: true });
    assert.equal(taken.consistency, "memory");
    await mounted("live");
    await shell("echo later > /mnt/live/later.txt");
    await client.call("snapshot.restore", { machine, snapshot: "shared", safety: false });
    await mounted("live");
    await mounted("old-way");
    assert.equal(await shell("cat /mnt/live/later.txt"), "later", "the host's folder is no part of a snapshot");
  });

  it("are back after a reset of the guest", async () => {
    await client.call("machine.reset", { machine });
    await until("the guest is back", async () => (await shell("cut -d. -f1 /proc/uptime").catch(() => "999")) < "60");
    await mounted("live");
    await until(
      "mounted in it",
      async () =>
        shell("cat /mnt/live/host.txt && cat '/srv/the old/fixed'").then(
          () => true,
          () => false,
        ),
      60_000,
    );
  });

  it("a folder that disappears is said, harms nothing, and comes back with what is in it then", async () => {
    await rm(join(folder, "live"), { recursive: true });
    const gone = await until("noticed", async () => {
      const now = await share("live");
      return now?.state === "folder-missing" ? now : undefined;
    });
    assert.match(gone.reason, /is not there/);
    assert.equal((await client.call("machine.show", { machine })).state, "running");
    await mkdir(join(folder, "live"));
    await writeFile(join(folder, "live", "host.txt"), "another\n");
    await mounted("live");
    assert.equal(await shell("cat /mnt/live/host.txt"), "another");
  });

  it("stay while vivd is killed, and the next one knows them", async () => {
    await killVivd(home);
    client = await home.client();
    await mounted("live");
    assert.equal(await shell("cat /mnt/live/host.txt"), "another");
    assert.equal((await share("live"))?.kind, "virtiofs");
  });

  it("a virtiofsd that dies is said with what helps; the machine runs on, and a restart brings the folder back", async () => {
    const { run } = (await home.state(machine)) as { run: { shares: { tag: string; process?: { pid: number } }[] } };
    const { pid } = run.shares.find(({ tag }) => tag === "live")!.process!;
    process.kill(pid, "SIGKILL");
    const lost = await until("noticed", async () => {
      const now = await share("live");
      return now?.state === "lost" ? now : undefined;
    });
    assert.match(lost.hint ?? "", /viv restart tree/);
    await assert.rejects(client.call("machine.suspend", { machine }), {
      code: "host-cannot",
      message: /hangs, because its virtiofsd ended/,
    });
    assert.equal(await shell("echo well"), "well");
    await client.call("machine.restart", { machine, acpiTimeoutMs: 0 });
    await mounted("live");
    assert.equal(await shell("cat /mnt/live/host.txt"), "another");
  });

  it("the doctor measures each kind and a copy, and leaves nothing", async () => {
    const { ways, best } = await client.call("share.doctor", { machine });
    assert.deepEqual(
      ways.map(({ way, available }) => [way, available]),
      [
        ["virtiofs", true],
        ["9p", true],
        ["copy", true],
      ],
    );
    assert.equal(best.kind, "virtiofs");
    for (const way of ways) {
      if (!way.available) continue;
      const { symlinks, execBit, caseSensitive } = way;
      assert.deepEqual({ symlinks, execBit, caseSensitive }, { symlinks: true, execBit: true, caseSensitive: true }, way.way);
      for (const rate of [way.writeBytesPerSecond, way.readBytesPerSecond, way.writeFilesPerSecond, way.readFilesPerSecond])
        assert.ok((rate ?? 0) > 0);
      assert.equal(way.guestHearsHost, way.way === "copy", `${way.way}: a watcher in the guest`);
      assert.equal(way.hostHearsGuest, way.way === "copy" ? null : true, `${way.way}: a watcher on the host`);
    }
    assert.equal(await shell("grep -c Doctor /proc/mounts || true"), "0");
    assert.ok((await share("live"))?.state === "mounted");
  });

  it("what is no folder to share is refused, and nothing is changed", async () => {
    const refused = (path: string, error: object) => assert.rejects(client.call("share.add", { machine, path }), error);
    await refused(join(folder, "absent"), { code: "not-found" });
    await refused(join(folder, "live", "host.txt"), { code: "not-a-folder" });
    await refused("relative/path", { code: "usage" });
    await refused(home.folder, { code: "usage", message: /Vivarium's own files/ });
    await refused(join(home.folder, "machines"), { code: "usage", message: /Vivarium's own files/ });
    await refused("/", { code: "usage", message: /Vivarium's own files/ });
    await symlink(home.folder, join(folder, "sly"));
    await refused(join(folder, "sly"), { code: "usage", message: /Vivarium's own files/ });
    await assert.rejects(client.call("share.add", { machine, path: folder, tag: "live" }), { code: "exists" });
    await assert.rejects(client.call("share.remove", { machine, tag: "nobody" }), { code: "not-found" });
    assert.deepEqual(
      (await client.call("share.list", { machine })).map(({ tag }) => tag),
      ["live", "old-way"],
    );
  });

  it("each server ends with its machine", async () => {
    const { run } = (await home.state(machine)) as { run: { shares: { process?: { pid: number; startTime: string } }[] } };
    const servers = run.shares.flatMap((each) => each.process ?? []);
    assert.ok(servers.length > 0);
    await client.call("machine.kill", { machine });
    for (const server of servers) await until("gone", async () => !(await isAlive(server)));
    assert.equal((await share("live"))?.state, "not-running");
  });

  it("Debian's cloud kernel has virtiofs and no 9p, which is said", async () => {
    const debian = "deb";
    await debianMachine(client, debian, { start: false });
    await client.call("share.add", { machine: debian, path: join(folder, "live"), mountPoint: "/workspace" });
    await client.call("share.add", { machine: debian, path: join(folder, "old way"), kind: "9p" });
    await client.call("machine.start", { machine: debian });
    const shares = () => client.call("share.list", { machine: debian });
    await until("mounted", async () => (await shares())[0]?.state === "mounted", 400_000);
    const [live, old] = await shares();
    assert.equal(live?.kind, "virtiofs");
    assert.equal(old?.state, "unavailable");
    assert.match(old?.reason ?? "", /9p: the guest's kernel \(.*cloud.*\) has no 9p/);
    const result = await client.call("machine.exec", { machine: debian, command: ["cat", "/workspace/host.txt"] });
    assert.equal(Buffer.from(result.stdoutBase64, "base64").toString(), "another\n");
  });
});
