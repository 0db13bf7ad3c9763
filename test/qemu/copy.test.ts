import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
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

  it("counts files and their content, and says which way it went", async () => {
    const tree = join(folder, "counted");
    await mkdir(tree);
    for (const name of ["a", "b", "c"]) await writeFile(join(tree, name), name.repeat(1000));
    const into = await viv(["cp", "counted", "box:/root/"]);
    assert.equal(into.out.toString(), "box:/root/counted: 3 files, 2.9 KiB (by viv-agent)\n");
    const back = await viv(["cp", "--json", "box:/root/counted", "counted-back"]);
    const { files, bytes, way } = JSON.parse(back.out.toString()) as { files: number; bytes: number; way: string };
    assert.deepEqual({ files, bytes, way }, { files: 3, bytes: 3000, way: "viv-agent" });
  });

  it("goes on with a large file where an interrupted copy stood, both ways, and starts anew behind another's part", async () => {
    const data = randomBytes(14_000_000);
    await writeFile(join(folder, "big"), data);
    const sum = createHash("sha256").update(data).digest("hex");
    const part = (bytes: number) => `head -c ${bytes} /root/big > /root/.big2.viv-part`;
    const copied = async (...words: string[]) => {
      const ended = await viv(["cp", "--json", ...words]);
      assert.equal(ended.code, 0, ended.err);
      return (JSON.parse(ended.out.toString()) as { resumedBytes: number }).resumedBytes;
    };
    await chmod(join(folder, "big"), 0o640);
    assert.equal(await copied("big", "box:/root/big"), 0);
    await viv(["exec", "box", "--", "sh", "-c", part(12_345_678)]);
    assert.equal(await copied("big", "box:/root/big2"), 12_345_678);
    await viv(["exec", "box", "--", "sh", "-c", `${part(1_000_000)}; echo other >> /root/.big2.viv-part`]);
    assert.equal(await copied("big", "box:/root/big2"), 0);
    const there = await viv(["exec", "box", "--", "sh", "-c", "sha256sum < /root/big2; stat -c %a /root/big2; ls -A /root"]);
    assert.match(there.out.toString(), new RegExp(`^${sum} .*\n640\n`));
    assert.doesNotMatch(there.out.toString(), /viv-part/);
    await writeFile(join(folder, ".down.viv-part"), data.subarray(0, 9_000_000));
    assert.equal(await copied("box:/root/big", "down"), 9_000_000);
    assert.ok((await readFile(join(folder, "down"))).equals(data));
    assert.equal((await stat(join(folder, "down"))).mode & 0o777, 0o640);
    await writeFile(join(folder, ".down.viv-part"), randomBytes(9_000_000));
    assert.equal(await copied("box:/root/big", "down"), 0);
    assert.ok((await readFile(join(folder, "down"))).equals(data));
  });

  it("leaves out with --resume what is there already, and takes what only looks like it", async () => {
    const tree = join(folder, "again");
    await mkdir(join(tree, "sub"), { recursive: true });
    for (const name of ["one", "two", join("sub", "three")]) await writeFile(join(tree, name), name);
    const copied = async (...words: string[]) => {
      const ended = await viv(["cp", "--json", "--resume", ...words]);
      assert.equal(ended.code, 0, ended.err);
      const { files, skipped } = JSON.parse(ended.out.toString()) as { files: number; skipped: number };
      return { files, skipped };
    };
    assert.deepEqual(await copied("again", "box:/root/"), { files: 3, skipped: 0 });
    assert.deepEqual(await copied("again", "box:/root/"), { files: 0, skipped: 3 });
    // Equal size and time, other content.
    await viv([
      "exec",
      "box",
      "--",
      "sh",
      "-c",
      "cd /root/again && touch -r one /tmp/t && printf eno > one && touch -r /tmp/t one && rm two",
    ]);
    assert.deepEqual(await copied("again", "box:/root/"), { files: 2, skipped: 1 });
    assert.deepEqual(await copied("box:/root/again", "."), { files: 0, skipped: 3 });
    await writeFile(join(tree, "two"), "2");
    assert.deepEqual(await copied("box:/root/again", "."), { files: 1, skipped: 2 });
    assert.equal(await readFile(join(tree, "two"), "utf8"), "two");
  });

  it("copies by SSH where that is asked for, with another name too", async () => {
    await client.call("machine.wait", { machine: "box", for: "ssh", timeoutMs: 120_000 });
    const tree = join(folder, "by-ssh");
    await mkdir(join(tree, "d"), { recursive: true });
    await writeFile(join(tree, "d", "it's"), "quoted");
    const into = await viv(["cp", "--way", "ssh", "by-ssh", "box:/root/over ssh"]);
    assert.equal(into.code, 0, into.err);
    assert.match(into.out.toString(), /1 file, 6 B \(by SSH\)/);
    const back = await viv(["cp", "--way", "ssh", "box:/root/over ssh", "came back"]);
    assert.equal(back.code, 0, back.err);
    assert.equal(await readFile(join(folder, "came back", "d", "it's"), "utf8"), "quoted");
    assert.equal((await viv(["cp", "--way", "ssh", "box:/root/nothing", "."])).code, 1);
  });

  it("copies a single file by qemu-guest-agent", async () => {
    await writeFile(join(folder, "small"), "by the agent");
    await client.call("machine.wait", { machine: "box", for: "agent", timeoutMs: 120_000 });
    assert.match((await viv(["cp", "--way", "agent", "small", "box:/root/small"])).out.toString(), /\(by qemu-guest-agent\)/);
    assert.equal((await viv(["cp", "--way", "agent", "box:/root/small", "small-back"])).code, 0);
    assert.equal(await readFile(join(folder, "small-back"), "utf8"), "by the agent");
  });

  it("takes names that are not UTF-8 into the guest as they are, and says that this host does not take them back", async () => {
    const tree = join(folder, "bytes");
    await mkdir(tree);
    await writeFile(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0x66, 0xff, 0xfe])]), "x");
    const into = await viv(["cp", "bytes", "box:/root/"]);
    assert.equal(into.code, 0, into.err);
    const names = await viv(["exec", "box", "--", "sh", "-c", 'cd /root/bytes && for f in *; do printf %s "$f"; done']);
    assert.deepEqual([...names.out], [0x66, 0xff, 0xfe]);
    const back = await viv(["cp", "box:/root/bytes", "bytes-back"]);
    assert.equal(back.code, 1);
    assert.match(back.err, /not UTF-8/);
  });

  it("keeps a loop of links as links, both ways", async () => {
    const tree = join(folder, "loop");
    await mkdir(tree);
    await symlink(".", join(tree, "self"));
    await symlink("b", join(tree, "a"));
    await symlink("a", join(tree, "b"));
    assert.equal((await viv(["cp", "loop", "box:/root/"])).code, 0);
    assert.equal((await viv(["cp", "box:/root/loop", "loop-back"])).code, 0);
    assert.equal(await readlink(join(folder, "loop-back", "self")), ".");
    assert.equal(await readlink(join(folder, "loop-back", "a")), "b");
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
