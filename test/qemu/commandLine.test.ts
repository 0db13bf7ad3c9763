import assert from "node:assert/strict";
import { execFile } from "node:child_process";
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

  it("still works when the extension's folder is gone", async () => {
    await killVivd(home);
    await rm(dist, { recursive: true });
    assert.match(await shell("viv ls"), /web +stopped/);
    assert.match(await shell("viv version"), /\d+\.\d+\.\d+/);
  });
});
