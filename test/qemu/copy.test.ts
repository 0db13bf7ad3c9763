import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { checkout, starterMachine, type TestHome, testHome } from "../support/home.ts";

/** `viv cp` and the streams of `viv exec`, as a person runs them, with a real guest. */
describe("viv cp, and exec's streams", function () {
  this.timeout(180_000);
  let home: TestHome;
  let client: VivClient;
  let folder: string;

  before(async () => {
    home = await testHome();
    client = await home.client();
    folder = await mkdtemp(join(tmpdir(), "viv-cp-"));
    await starterMachine(client, "box", { start: true });
  });
  after(async () => {
    await home.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  function viv(words: readonly string[], input?: string | Buffer): Promise<{ code: number | null; out: Buffer; err: string }> {
    const child = spawn(process.execPath, [join(checkout, "src", "cli", "viv.ts"), ...words], { cwd: folder, env: home.environment });
    const out: Buffer[] = [];
    let err = "";
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      err += chunk.toString();
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    return new Promise((ended) => child.once("close", (code) => ended({ code, out: Buffer.concat(out), err })));
  }

  it("copies a tree in and out again: content, modes, times, links, strange names", async () => {
    const tree = join(folder, "tree");
    const strange = "with space\nand newline é";
    await mkdir(join(tree, "sub", strange), { recursive: true });
    const data = randomBytes(700_000);
    await writeFile(join(tree, "sub", "data.bin"), data);
    await writeFile(join(tree, "sub", strange, "f"), "x");
    await writeFile(join(tree, "run.sh"), "#!/bin/sh\n");
    await chmod(join(tree, "run.sh"), 0o750);
    await utimes(join(tree, "run.sh"), 1_234_567_890, 1_234_567_890);
    await symlink("../nowhere", join(tree, "link"));
    await writeFile(join(tree, "n".repeat(180)), "");

    const into = await viv(["cp", "tree", "box:/root/"]);
    assert.equal(into.code, 0, into.err);
    const back = await viv(["cp", "--json", "box:/root/tree", "back"]);
    assert.equal(back.code, 0, back.err);
    assert.match((JSON.parse(back.out.toString()) as { sha256: string }).sha256, /^[0-9a-f]{64}$/);
    const copy = join(folder, "back");
    assert.ok((await readFile(join(copy, "sub", "data.bin"))).equals(data));
    assert.equal(await readFile(join(copy, "sub", strange, "f"), "utf8"), "x");
    assert.equal((await stat(join(copy, "run.sh"))).mode & 0o777, 0o750);
    assert.equal((await stat(join(copy, "run.sh"))).mtimeMs, 1_234_567_890_000);
    assert.equal(await readlink(join(copy, "link")), "../nowhere");
    assert.equal((await lstat(join(copy, "n".repeat(180)))).size, 0);
  });

  it("gives a file the name of its target, or its own inside a folder", async () => {
    await writeFile(join(folder, "one.txt"), "one");
    assert.equal((await viv(["cp", "one.txt", "box:/root/two.txt"])).code, 0);
    assert.equal((await viv(["cp", "one.txt", "box:/root"])).code, 0);
    assert.equal((await viv(["exec", "box", "--", "cat", "/root/two.txt", "/root/one.txt"])).out.toString(), "oneone");
    assert.equal((await viv(["cp", "box:/root/two.txt", "here/"])).code, 0);
    assert.equal(await readFile(join(folder, "here", "two.txt"), "utf8"), "one");
  });

  const refused: readonly (readonly [what: string, words: string[], code: number, message: RegExp])[] = [
    ["a source that is not there", ["cp", "missing", "box:/root/"], 3, /There is no .*missing/],
    ["a source that is not in the guest", ["cp", "box:/root/missing", "."], 3, /No such file/],
    ["two ends on this host", ["cp", "a", "b"], 2, /must be in a guest/],
    ["two ends in guests", ["cp", "box:/a", "box:/b"], 2, /Between two guests/],
    ["a relative path in the guest", ["cp", "one.txt", "box:x"], 2, /absolute path/],
    ["a machine that is not there", ["cp", "one.txt", "nobody:/x"], 3, /There is no machine nobody/],
    ["a folder of the guest that cannot be", ["cp", "one.txt", "box:/proc/nope/x"], 3, /proc/],
  ];
  for (const [what, words, code, message] of refused) {
    it(`refuses ${what}`, async () => {
      await writeFile(join(folder, "one.txt"), "one");
      const ended = await viv(words);
      assert.equal(ended.code, code, ended.err);
      assert.match(ended.err, message);
    });
  }

  it("says that the guest's disk is full, and the guest goes on", async () => {
    await viv(["exec", "box", "--", "sh", "-c", "mkdir -p /small && mount -t tmpfs -o size=1m small /small"]);
    await writeFile(join(folder, "large"), randomBytes(3_000_000));
    const ended = await viv(["cp", "large", "box:/small/"]);
    assert.equal(ended.code, 1);
    assert.match(ended.err, /guest's disk is full/);
    assert.equal((await viv(["exec", "box", "--", "ls", "-A", "/small"])).out.toString(), "");
  });

  it("does not let a guest write outside the folder it was given", async () => {
    await viv(["exec", "box", "--", "sh", "-c", "mkdir -p /evil/d && ln -s /tmp /evil/d/out"]);
    const first = await viv(["cp", "box:/evil/d", "taken"]);
    assert.equal(first.code, 0, first.err);
    assert.equal(await readlink(join(folder, "taken", "out")), "/tmp");
    // A second copy, whose folder stands where the first put a link to /tmp.
    await viv(["exec", "box", "--", "sh", "-c", "rm /evil/d/out && mkdir /evil/d/out && echo bad > /evil/d/out/viv-cp-evil"]);
    await viv(["cp", "box:/evil/d", "taken"]);
    await assert.rejects(stat(join(tmpdir(), "viv-cp-evil")), { code: "ENOENT" });
  });

  it("exec passes output on as it is made, input as it comes, and the exit code", async () => {
    const data = randomBytes(300_000);
    const echoed = await viv(["exec", "box", "--", "cat"], data);
    assert.ok(echoed.out.equals(data));
    const child = spawn(
      process.execPath,
      [join(checkout, "src", "cli", "viv.ts"), "exec", "box", "--", "sh", "-c", "echo now; sleep 600"],
      {
        cwd: folder,
        env: home.environment,
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    const first = await new Promise<Buffer>((come) => child.stdout.once("data", come));
    assert.equal(first.toString(), "now\n");
    child.kill("SIGINT");
    assert.equal(await new Promise((ended) => child.once("close", ended)), 130);
    assert.equal((await viv(["exec", "box", "--", "sh", "-c", "exit 42"])).code, 42);
    assert.equal((await viv(["exec", "box", "--", "sh", "-c", "kill -9 $$"])).code, 137);
    assert.equal((await viv(["exec", "box", "--timeout", "1s", "--", "sleep", "600"])).code, 1);
    assert.equal(
      (await viv(["exec", "box", "--folder", "/proc", "--env", "A=b c", "--", "sh", "-c", "pwd; echo $A"])).out.toString(),
      "/proc\nb c\n",
    );
  });
});
