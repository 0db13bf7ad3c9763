import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installedOldNode } from "../../scripts/setup/oldNode.ts";
import { checkout, type TestHome, testHome } from "../support/home.ts";

/** The programs as they are built, started by the oldest Node that may start them. */
describe("on the oldest Node", function () {
  this.timeout(240_000);
  // Each block is one machine's life.
  this.bail(true);
  const node = installedOldNode();
  let parent: string;
  let home: TestHome;

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "viv-"));
  });
  after(() => rm(parent, { recursive: true, force: true }));

  function viv(dist: string, environment: NodeJS.ProcessEnv = {}) {
    const run = (words: readonly string[]): Promise<string> =>
      new Promise((resolve, reject) => {
        const env = { ...home.environment, ...environment };
        execFile(node, [join(dist, "viv.js"), ...words], { env, cwd: parent }, (error, stdout, stderr) => {
          if (error) reject(new Error(`viv ${words.join(" ")}: ${stderr}${stdout}`));
          else resolve(stdout);
        });
      });
    return { run, json: async <T>(...words: string[]) => JSON.parse(await run([...words, "--json"])) as T };
  }

  const vivdRunsOn = async () => readlink(`/proc/${await home.vivdPid()}/exe`);

  /** A machine made, started, asked, copied to and from, and stopped. */
  async function oneLife({ run }: ReturnType<typeof viv>, inBetween: () => Promise<void>): Promise<void> {
    await run(["create", "web", "--image", "starter", "--memory", "256M", "--set", "display.type=none"]);
    await run(["start", "web"]);
    await run(["wait", "web", "--for", "agent", "--timeout", "120s"]);
    assert.equal((await run(["exec", "web", "--", "uname", "-s"])).trim(), "Linux");
    await writeFile(join(parent, "there.txt"), "there and back\n");
    await run(["cp", "there.txt", "web:/root/there.txt"]);
    await run(["cp", "web:/root/there.txt", "back.txt"]);
    assert.equal(await readFile(join(parent, "back.txt"), "utf8"), "there and back\n");
    await inBetween();
    await run(["stop", "web"]);
  }

  describe("with the bundle", () => {
    const dist = join(checkout, "dist");
    before(async () => {
      // Nothing that an earlier start left: the bundles are the same files by other names.
      const bin = join(parent, "bin");
      await mkdir(bin, { mode: 0o700 });
      home = await testHome({ bin });
    });
    after(() => home.dispose());

    it("viv starts the service, which goes over to the bundle's Node", async () => {
      assert.deepEqual(await viv(dist).json("ls"), []);
      assert.match(await vivdRunsOn(), /\/bin\/[0-9a-f]{12}\/runtime\/node$/);
    });

    it("a machine is made, started, asked, copied to and from, and stopped", async () => {
      await oneLife(viv(dist), async () => undefined);
      assert.deepEqual(
        (await viv(dist).json<{ name: string; state: string }[]>("ls")).map(({ name, state }) => ({ name, state })),
        [{ name: "web", state: "stopped" }],
      );
    });
  });

  describe("without the bundle, with the QEMU in PATH", () => {
    let dist: string;
    before(async () => {
      // As the universal VSIX has it: programs and guests.
      dist = join(parent, "dist");
      await mkdir(dist);
      for (const name of await readdir(join(checkout, "dist")))
        if (/^(viv|vivd)(\.js|-parts)$|^package\.json$/.test(name))
          await cp(join(checkout, "dist", name), join(dist, name), { recursive: true });
      await symlink(join(checkout, "dist", "guest"), join(dist, "guest"));
      home = await testHome({ bin: join(parent, "bin2") });
    });
    after(() => home.dispose());

    it("the service stays on the caller's Node", async () => {
      assert.deepEqual(await viv(dist).json("ls"), []);
      assert.equal(await vivdRunsOn(), node);
    });

    it("a machine lives there too, with disks that come and go and snapshots of them", async () => {
      const own = viv(dist);
      await oneLife(own, async () => {
        await own.run(["disk", "add", "web", "64M", "--id", "spare"]);
        await own.run(["exec", "web", "--", "sh", "-c", "until [ -e /dev/vdb ]; do sleep 0.1; done"]);
        await own.run(["disk", "rm", "web", "spare"]);
        await own.run(["snapshot", "create", "web", "one", "--no-memory"]);
        await own.run(["snapshot", "create", "web", "two", "--no-memory"]);
        const tree = await own.run(["snapshot", "tree", "web"]);
        assert.match(tree, /one[\s\S]*two/);
        await own.run(["snapshot", "rm", "web", "one"]);
      });
    });
  });

  describe("where the service is told to stay", () => {
    const dist = join(checkout, "dist");
    before(async () => {
      home = await testHome({ environment: { VIVARIUM_RUNTIME: "here" } });
    });
    after(() => home.dispose());

    it("memory is saved and comes back on that Node too", async () => {
      const own = viv(dist);
      await oneLife(own, async () => {
        assert.equal(await vivdRunsOn(), node);
        await own.run(["snapshot", "create", "web", "warm"]);
        await own.run(["suspend", "web"]);
        await own.run(["start", "web"]);
        await own.run(["snapshot", "restore", "web", "warm", "--start"]);
        assert.equal((await own.run(["exec", "web", "--", "cat", "/root/there.txt"])).trim(), "there and back");
      });
    });
  });
});
