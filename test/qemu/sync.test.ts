import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { type FollowState, follow, pullOutputs, type Synced, type SyncWork, sync } from "../../src/sync/index.ts";
import { killVivd } from "../support/faults.ts";
import { checkout, starterMachine, type TestHome, testHome } from "../support/home.ts";

/** `viv sync` and `viv pull` with a real guest; a watcher inside it sees what happens on the host. */
describe("workspace folders: sync and pull", function () {
  this.timeout(400_000);
  let home: TestHome;
  let client: VivClient;
  let folder: string;
  let work: SyncWork;
  const running = new Set<ChildProcess>();

  before(async () => {
    home = await testHome();
    client = await home.client();
    await starterMachine(client, "box", { start: true });
    work = { client, home: home.folder, signal: new AbortController().signal };
  });
  after(async () => {
    await home.dispose();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-sync-"));
    await inGuest("rm -rf /w");
  });
  afterEach(async () => {
    for (const child of running) child.kill("SIGKILL");
    running.clear();
    await rm(folder, { recursive: true, force: true });
  });

  /** By viv-agent, which is what a sync needs: qemu-guest-agent may come later. */
  const inGuest = async (command: string): Promise<string> => {
    const { stdoutBase64 } = await client.call("machine.exec", { machine: "box", command: ["sh", "-c", command], way: "viv-agent" });
    return Buffer.from(stdoutBase64, "base64").toString("utf8").trim();
  };
  const once = (options: { force?: boolean; git?: boolean } = {}): Promise<Synced> =>
    sync(work, { folder, machine: "box", path: "/w", ...options });

  /** After a restart or a restore viv-agent comes a moment later. */
  const answered = [() => true, () => false] as const;

  async function files(entries: Readonly<Record<string, string>>): Promise<void> {
    for (const [path, content] of Object.entries(entries)) {
      await mkdir(join(folder, path, ".."), { recursive: true });
      await writeFile(join(folder, path), content);
    }
  }

  function viv(...words: string[]): Promise<{ code: number | null; out: string; err: string }> {
    const child = start(...words);
    const [out, err] = [collected(child.stdout), collected(child.stderr)];
    return new Promise((ended) => child.once("close", (code) => ended({ code, out: out(), err: err() })));
  }

  function start(...words: string[]) {
    const child = spawn(process.execPath, [join(checkout, "src", "cli", "viv.ts"), ...words], {
      cwd: folder,
      env: home.environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    return child;
  }

  it("brings a tree with modes, times, links and strange names, and then only what changed", async () => {
    const strange = "new\nline é";
    await files({ "a.txt": "one", "sub/deep/b.txt": "two", [`${strange}/f`]: "x", [`${"n".repeat(120)}/long`]: "" });
    await writeFile(join(folder, "run.sh"), "#!/bin/sh\n");
    await chmod(join(folder, "run.sh"), 0o755);
    await utimes(join(folder, "run.sh"), 1_234_567_890, 1_234_567_890);
    await symlink("../nowhere", join(folder, "dangling"));
    await symlink(".", join(folder, "loop"));
    await mkdir(join(folder, "empty"));

    const first = await once();
    assert.equal(first.compared, true);
    assert.deepEqual(first.leftOut, []);
    assert.equal(
      await inGuest("cat /w/a.txt /w/sub/deep/b.txt; stat -c '%a %Y' /w/run.sh; readlink /w/dangling; readlink /w/loop; ls -d /w/empty"),
      "onetwo755 1234567890\n../nowhere\n.\n/w/empty",
    );
    assert.equal(await inGuest(`cat '/w/${strange}/f'`), "x");

    const nothing = await once();
    assert.deepEqual([nothing.put, nothing.removed, nothing.compared], [0, 0, false]);

    await writeFile(join(folder, "a.txt"), "changed");
    await rename(join(folder, "sub", "deep", "b.txt"), join(folder, "sub", "c.txt"));
    await rm(join(folder, "loop"));
    const second = await once();
    assert.deepEqual([second.put, second.removed, second.compared], [2, 2, false]);
    assert.equal(
      await inGuest("cat /w/a.txt; ls /w/sub /w/sub/deep; ls -d /w/loop 2>&1 | grep -c 'No such'"),
      "changed/w/sub:\nc.txt\ndeep\n\n/w/sub/deep:\n1",
    );
  });

  it("keeps what the guest has of its own, and leaves out what the rules name", async () => {
    await files({
      ".gitignore": "*.log\nout/\n",
      ".vivignore": "!keep.log\n",
      "x.log": "",
      "keep.log": "k",
      "out/o": "",
      ".git/HEAD": "ref",
      "src/s": "",
    });
    await inGuest("mkdir -p /w/src && echo mine > /w/src/own && echo theirs > /w/built");
    await once();
    assert.equal(
      await inGuest("cd /w && find . -type f | sort | tr '\\n' ' '"),
      "./.gitignore ./.vivignore ./built ./keep.log ./src/own ./src/s",
    );
    await rm(join(folder, "src"), { recursive: true });
    await once();
    assert.equal(await inGuest("cat /w/src/own; ls /w/src"), "mine\nown");
    assert.ok((await once({ git: true })).put >= 1);
    assert.equal(await inGuest("cat /w/.git/HEAD"), "ref");
  });

  it("notices that the guest's folder is not what it was: another one, a restored snapshot, a lost stamp", async () => {
    await files({ a: "1", b: "2" });
    await once();
    await client.call("snapshot.create", { machine: "box", name: "before" });
    await files({ a: "changed", c: "3" });
    await rm(join(folder, "b"));
    await once();
    await client.call("snapshot.restore", { machine: "box", snapshot: "before" });
    await until(() => inGuest("true").then(...answered));
    assert.equal(await inGuest("ls /w"), "a\nb");
    const restored = await once();
    assert.equal(restored.compared, true);
    assert.equal(await inGuest("cd /w && ls && cat a"), "a\nc\nchanged");

    await inGuest("rm -rf /w");
    assert.equal((await once()).compared, true);
    assert.equal(await inGuest("cat /w/c"), "3");
  });

  it("goes through no link, on either side", async () => {
    await files({ "d/f": "1", keep: "" });
    await once();
    await inGuest("mkdir -p /else && rm -rf /w/d && ln -s /else /w/d");
    await files({ "d/f": "22" });
    const sent = await once();
    assert.equal(sent.compared, true);
    assert.equal(await inGuest("ls /else; test -L /w/d || echo folder; cat /w/d/f"), "folder\n22");

    // A removal behind a link in the guest.
    await inGuest("mkdir -p /else && echo kept > /else/f && rm -rf /w/d && ln -s /else /w/d");
    await rm(join(folder, "d"), { recursive: true });
    await once();
    assert.equal(await inGuest("cat /else/f"), "kept");

    // A folder of the guest in whose place this host has a link: the pull goes not through it.
    const outside = await mkdtemp(join(tmpdir(), "viv-outside-"));
    await symlink(outside, join(folder, "l"));
    await once();
    await inGuest("rm /w/l && mkdir /w/l && echo evil > /w/l/evil");
    const refused = await viv("pull", "box:/w", ".");
    assert.equal(refused.code, 4, refused.err);
    assert.deepEqual(await readdir(outside), []);
    assert.equal((await viv("pull", "box:/w", ".", "--force")).code, 0);
    assert.deepEqual(await readdir(outside), []);
    assert.equal(await readFile(join(folder, "l", "evil"), "utf8"), "evil\n");
    await rm(outside, { recursive: true });
  });

  const refused: readonly (readonly [what: string, words: string[], code: number, message: RegExp])[] = [
    ["a folder that is not there", ["sync", "missing", "box:/w"], 3, /There is no .*missing/],
    ["a file", ["sync", "file", "box:/w"], 2, /not a folder/],
    ["a target here", ["sync", ".", "elsewhere"], 2, /not in a guest/],
    ["a path that climbs", ["sync", ".", "box:/w/../etc"], 2, /no absolute path/],
    ["the whole guest", ["sync", ".", "box:/"], 2, /whole file system/],
    ["a machine that is not there", ["sync", ".", "nobody:/w"], 3, /no machine nobody/],
    ["a guest's folder that cannot be", ["sync", ".", "box:/proc/nope"], 3, /proc\/nope/],
    ["a pull of what is not there", ["pull", "box:/nothing", "."], 3, /There is no \/nothing/],
    ["a pull to a guest", ["pull", ".", "box:/w"], 2, /not in a guest/],
  ];
  for (const [what, words, code, message] of refused) {
    it(`refuses ${what}`, async () => {
      await files({ file: "x", "full/x": "x" });
      const ended = await viv(...words);
      assert.equal(ended.code, code, ended.err);
      assert.match(ended.err, message);
    });
  }

  it("does not empty the guest because a disk is not mounted here, and says what cannot go", async () => {
    await files({ a: "1", b: "2" });
    await once();
    await rm(join(folder, "a"));
    await rm(join(folder, "b"));
    await assert.rejects(once(), /is empty; 2 files/);
    assert.equal(await inGuest("ls /w"), "a\nb");
    await once({ force: true });
    assert.equal(await inGuest("ls /w"), "");
    await writeFile(Buffer.concat([Buffer.from(`${folder}/bad-`), Buffer.from([0xff])]), "");
    await files({ fine: "" });
    assert.deepEqual((await once()).leftOut, [{ path: "bad-\uFFFD", reason: "its name is not UTF-8" }]);
    assert.equal(await inGuest("ls /w"), "fine");
  });

  it("says that the guest's disk is full, and mends it when there is room again", async () => {
    await inGuest("mkdir -p /w && mount -t tmpfs -o size=200k small /w");
    try {
      await files({ large: "x".repeat(500_000), small: "s" });
      await assert.rejects(once(), /guest's disk is full/);
      await files({ large: "less" });
      await once();
      assert.equal(await inGuest("cat /w/large /w/small"), "lesss");
    } finally {
      await inGuest("umount /w");
    }
  });

  it("pulls what changed in the guest, and never replaces silently what changed here", async () => {
    await files({ one: "1\n", two: "2\n", three: "3\n", gone: "g\n" });
    await once();
    await inGuest(
      "cd /w && echo guest >> one && echo guest >> two && echo new > born && rm gone && chmod 755 three && mkdir -p .vscode .git && echo evil > .vscode/tasks.json && echo evil > .git/config",
    );
    await files({ two: "2\nhere\n" });

    const refusal = await viv("pull", "box:/w", ".");
    assert.equal(refusal.code, 4, refusal.err);
    assert.match(refusal.err, /Changed here and in the guest: "two"/);
    assert.match(refusal.err, /-here\n\+guest/);
    assert.equal(await readFile(join(folder, "one"), "utf8"), "1\n");

    const dry = await viv("pull", "box:/w", ".", "--dry-run", "--json");
    const plan = JSON.parse(dry.out) as { take: string[]; gone: string[]; conflicts: { path: string }[]; leftOut: { path: string }[] };
    assert.deepEqual([plan.take, plan.gone, plan.conflicts.map(({ path }) => path)], [["born", "one", "three"], ["gone"], ["two"]]);
    assert.deepEqual(
      plan.leftOut.map(({ path }) => path),
      [".vscode"],
    );

    const forced = await viv("pull", "box:/w", ".", "--force");
    assert.equal(forced.code, 0, forced.err);
    assert.equal(await readFile(join(folder, "two"), "utf8"), "2\nguest\n");
    assert.equal(await readFile(join(folder, "born"), "utf8"), "new\n");
    assert.equal((await stat(join(folder, "three"))).mode & 0o777, 0o755);
    assert.equal(await readFile(join(folder, "gone"), "utf8"), "g\n");
    assert.deepEqual((await readdir(folder)).sort(), ["born", "gone", "one", "three", "two"]);
    assert.match((await viv("pull", "box:/w", ".", "--delete")).out, /1 removed/);

    // What was pulled is the same on both sides: nothing goes back or forth.
    const after = await once();
    assert.deepEqual([after.put, after.removed], [0, 0]);
    assert.match((await viv("pull", "box:/w", ".")).out, /^0 pulled/m);
  });

  it("brings outputs back, also those that rules leave out, but not over an edited source", async () => {
    await files({ ".gitignore": "out/\n", "out/report": "old", "src/code": "1" });
    await once();
    await inGuest("mkdir -p /w/out/.git && echo fresh > /w/out/report && echo evil > /w/out/.git/hook && echo guest > /w/src/code");
    await files({ "src/code": "edited here" });
    const pulled = await pullOutputs(work, { folder, machine: "box", path: "/w", outputs: ["out/**", "src/**"] });
    assert.deepEqual(pulled.taken, ["out/report"]);
    assert.deepEqual(pulled.leftOut.map(({ path }) => path).sort(), ["out/.git", "src/code"]);
    assert.equal(await readFile(join(folder, "out", "report"), "utf8"), "fresh\n");
    assert.equal(await readFile(join(folder, "src", "code"), "utf8"), "edited here");
    assert.equal(await lstat(join(folder, "out", ".git")).catch(() => undefined), undefined);
  });

  it("a watcher in the guest sees a host's edit, also after vivd died and the machine restarted", async () => {
    await files({ "src/a": "1", link: "" });
    await rm(join(folder, "link"));
    await symlink(".", join(folder, "link"));
    const states: FollowState[] = [];
    const stop = new AbortController();
    const following = follow(
      { folder, machine: "box", path: "/w" },
      { connect: () => home.client(), home: home.folder, signal: stop.signal, onState: (state) => states.push(state) },
    );
    try {
      await until(() => states.some(({ state }) => state === "in-sync"));
      const watcher = await (await home.client()).openExec({ machine: "box", command: ["/w"], applet: "watch" });
      assert.ok(watcher);
      const events = collected(watcher.stdout);
      await until(() => events().includes("ready"));

      const started = performance.now();
      await writeFile(join(folder, "src", "a"), "an edit");
      await until(() => /(created|changed) src\/a\0/.test(events()));
      const ms = performance.now() - started;
      console.log(`      host edit to the guest's watcher: ${Math.round(ms)} ms`);
      assert.ok(ms < 5000, `${ms} ms`);

      // As editors save: another file under the name; and a folder with all that is in it.
      await writeFile(join(folder, "src", ".a.swp"), "saved");
      await rename(join(folder, "src", ".a.swp"), join(folder, "src", "a"));
      await mkdir(join(folder, "new", "deep"), { recursive: true });
      await writeFile(join(folder, "new", "deep", "f"), "deep");
      await until(async () => (await inGuest("cat /w/src/a /w/new/deep/f 2>/dev/null")) === "saveddeep");
      await rename(join(folder, "new"), join(folder, "renamed"));
      await until(async () => (await inGuest("cat /w/renamed/deep/f 2>/dev/null; ls /w")) === "deeplink\nrenamed\nsrc");

      // The service dies; then the machine restarts.
      await killVivd(home);
      await writeFile(join(folder, "src", "b"), "after vivd");
      client = await home.client();
      work = { ...work, client };
      await until(async () => (await inGuest("cat /w/src/b 2>/dev/null").catch(() => "")) === "after vivd");
      await client.call("machine.restart", { machine: "box" });
      await until(() => inGuest("true").then(...answered));
      await writeFile(join(folder, "src", "c"), "after a restart");
      await until(async () => (await inGuest("cat /w/src/c 2>/dev/null").catch(() => "")) === "after a restart");
    } finally {
      stop.abort();
      await following;
    }
  });

  it("viv sync --watch ends cleanly with Ctrl+C", async () => {
    await files({ a: "1" });
    const child = start("sync", ".", "box:/w", "--watch");
    const out = collected(child.stdout);
    await until(() => out().includes("box:/w: 1 sent"));
    await files({ a: "22" });
    await until(async () => (await inGuest("cat /w/a")) === "22");
    child.kill("SIGINT");
    assert.equal(await new Promise((ended) => child.once("close", ended)), 130);
    assert.equal(await readlink(join(folder, "a")).catch(() => "file"), "file");
  });
});

/** All that a stream gave so far. */
function collected(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return () => text;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 150_000;
  while (!(await holds())) {
    assert.ok(performance.now() < end, "it did not come to be in time");
    await new Promise((wake) => setTimeout(wake, 25));
  }
}
