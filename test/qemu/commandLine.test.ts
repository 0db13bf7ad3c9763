import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { killVivd, until } from "../support/faults.ts";
import { checkout, type TestHome, testHome } from "../support/home.ts";

const run = promisify(execFile);

/** `viv` as the editor installs it: a copy in the home on the bundle's Node, from a fresh shell, after updates too. */
describe("an installed viv", function () {
  this.timeout(180_000);
  let home: TestHome;
  let parent: string;
  let bin: string;
  let dist: string;

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "viv-"));
    [bin, dist] = [join(parent, "bin"), join(parent, "dist")];
    // An extension's folder of its own, which an update may take away.
    await mkdir(dist);
    for (const name of await readdir(join(checkout, "dist")))
      if (/^(viv|vivd)(\.js|-parts)$|^package\.json$|^bundle$|^guest$/.test(name))
        await cp(join(checkout, "dist", name), join(dist, name), { recursive: true });
    home = await testHome({ bin, vivd: join(dist, "vivd.js") });
  });
  after(async () => {
    await home?.dispose();
    await rm(parent, { recursive: true, force: true });
  });

  /** A shell that knows nothing but PATH: no home, no runtime, nothing of the editor's. */
  const shell = async (command: string) =>
    (await run("/bin/sh", ["-c", command], { env: { PATH: `${bin}:/usr/bin:/bin`, HOME: parent } })).stdout;

  it("runs in a fresh shell, on the bundle's Node, with the home it was installed for", async () => {
    const client = await home.client();
    const { launcher, runtime } = await client.call("daemon.installCommandLine", {});
    assert.equal(launcher, join(home.folder, "bin", "viv"));
    assert.match(runtime, /\/bin\/[0-9a-f]{12}\/runtime\/node$/);
    await client.call("machine.create", { name: "web" });
    assert.match(await shell("viv ls"), /web +stopped/);
    assert.deepEqual(JSON.parse(await shell("viv show web --json")).name, "web");
    const text = await readFile(launcher, "utf8");
    assert.ok(!text.includes(process.execPath), "not on the runtime that asked");
  });

  it("starts the service by itself, on the same Node", async () => {
    await killVivd(home);
    assert.match(await shell("viv ls"), /web +stopped/);
    const exe = await until("vivd", async () => readlink(`/proc/${await home.vivdPid()}/exe`).catch(() => undefined));
    assert.match(exe, /\/bin\/[0-9a-f]{12}\/runtime\/node$/);
  });

  it("is written anew by a newer service, as after an update", async () => {
    const launcher = join(bin, "viv");
    const before = await readFile(launcher, "utf8");
    await writeFile(launcher, before.replace(/viv-\d{8}T\d{6}/, "viv-20200101T000000"), { mode: 0o755 });
    await killVivd(home);
    await home.client();
    await until("the launcher of this build", async () => (await readFile(launcher, "utf8")) === before);
  });

  /** Stands for the systemd of a session, which a build machine has none of: notes what it was told. */
  async function systemd(): Promise<string> {
    const told = join(parent, "systemctl.told");
    await writeFile(join(bin, "systemctl"), `#!/bin/sh\necho "$@" >> '${told}'\n`, { mode: 0o755 });
    return told;
  }

  /** What systemd would run, by its own rules for quotes (systemd.service(5)). */
  async function startedAtLogin(): Promise<ChildProcess> {
    const unit = await readFile(join(parent, ".config", "systemd", "user", "vivarium.service"), "utf8");
    const [program = "", ...words] = [.../^ExecStart=(.*)$/m.exec(unit)![1]!.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word]) => word!);
    assert.ok(!unit.includes("viv-2") && !unit.includes(dist), "names nothing of one build");
    const environment = Object.fromEntries(
      /^Environment=(.*)$/m
        .exec(unit)![1]!
        .split(" ")
        .map((pair) => pair.split("=")),
    );
    return spawn(program, words, { env: { HOME: parent, PATH: "/usr/bin:/bin", ...environment }, stdio: "ignore" });
  }

  async function servesAndEnds(child: ChildProcess): Promise<void> {
    const ended = once(child, "exit");
    await until("the service of the login", async () => (await home.vivdPid().catch(() => 0)) === child.pid);
    assert.match(await shell("viv ls"), /web +stopped/);
    assert.match(await readlink(`/proc/${child.pid}/exe`), /\/bin\/[0-9a-f]{12}\/runtime\/node$/);
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  }

  it("starts the service at login when asked to, by what an update leaves in place", async () => {
    const told = await systemd();
    assert.match(await shell("viv daemon install"), /starts at login \(.*vivarium\.service\)/);
    assert.deepEqual((await readFile(told, "utf8")).trim().split("\n"), ["--user daemon-reload", "--user enable --now vivarium.service"]);
    await killVivd(home);
    await servesAndEnds(await startedAtLogin());
  });

  it("still works when the extension's folder is gone", async () => {
    await shell("viv ls");
    await killVivd(home);
    await rm(dist, { recursive: true });
    assert.match(await shell("viv ls"), /web +stopped/);
    assert.match(await shell("viv version"), /\d+\.\d+\.\d+/);
  });

  it("then still starts at login too, until it is told not to", async () => {
    await killVivd(home);
    await servesAndEnds(await startedAtLogin());
    assert.match(await shell("viv daemon uninstall"), /no longer starts at login/);
    await assert.rejects(readFile(join(parent, ".config", "systemd", "user", "vivarium.service")), { code: "ENOENT" });
  });
});
