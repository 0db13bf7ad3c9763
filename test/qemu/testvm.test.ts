import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { cp, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import type { RunResult, Standing } from "../../src/testvm/index.ts";
import { parseJunit } from "../../src/testvm/results/index.ts";
import { killVivd } from "../support/faults.ts";
import { checkout, type TestHome, testHome } from "../support/home.ts";

/** `viv test` and its neighbours, with the real command line, the starter guest, and what goes wrong in between. */
describe("test machines of a repository", function () {
  this.timeout(400_000);
  let home: TestHome;
  let client: VivClient;
  let folder: string;
  const running = new Set<ChildProcess>();

  before(async () => {
    home = await testHome();
    client = await home.client();
    await client.call("host.report", {});
  });
  after(() => home.dispose());
  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "viv-testvm-")));
  });
  afterEach(async () => {
    for (const child of running) child.kill("SIGKILL");
    running.clear();
    await rm(folder, { recursive: true, force: true });
  });

  interface Started {
    readonly child: ChildProcess;
    out(): string;
    err(): string;
    readonly code: Promise<number | null>;
    /** Until it has printed this. */
    shows(pattern: RegExp): Promise<void>;
  }

  function start(...words: string[]): Started {
    const child = spawn(process.execPath, [join(checkout, "src", "cli", "viv.ts"), ...words], {
      cwd: folder,
      env: { ...home.environment, TOKEN: "s3cret" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    let [out, err] = ["", ""];
    const watchers = new Set<() => void>();
    child.stdout.on("data", (chunk) => {
      out += chunk;
      for (const watcher of watchers) watcher();
    });
    child.stderr.on("data", (chunk) => (err += chunk));
    const code = new Promise<number | null>((ended) => child.once("close", ended));
    const shows = (pattern: RegExp) =>
      new Promise<void>((shown, never) => {
        const watcher = () => {
          if (!pattern.test(out)) return;
          watchers.delete(watcher);
          shown();
        };
        watchers.add(watcher);
        watcher();
        void code.then(() => never(new Error(`it ended without ${pattern}: ${out}${err}`)));
      });
    return { child, out: () => out, err: () => err, code, shows };
  }

  async function viv(...words: string[]): Promise<{ code: number | null; out: string; err: string }> {
    const started = start(...words);
    const code = await started.code;
    return { code, out: started.out(), err: started.err() };
  }

  async function files(entries: Readonly<Record<string, string>>): Promise<void> {
    for (const [path, content] of Object.entries(entries)) {
      await mkdir(join(folder, path, ".."), { recursive: true });
      await writeFile(join(folder, path), content);
    }
  }

  const file = (more: Readonly<Record<string, unknown>>) =>
    files({ ".testvm/testvm.json": JSON.stringify({ image: "starter", memory: "256M", warm: false, ...more }) });

  const nothingLeft = async () => {
    // The service may have been killed in this test.
    client = await home.client();
    assert.deepEqual(await client.call("template.list", {}), []);
    assert.deepEqual([(await client.call("machine.list", {})).map(({ name }) => name), await client.call("machine.trash", {})], [[], []]);
    assert.deepEqual(await readdir(join(home.folder, "testvm")), []);
  };

  it("run in a new machine with the workspace, write results with their places, and leave nothing", async () => {
    await cp(join(checkout, "test", "fixtures", "shell-project"), folder, { recursive: true });
    const { code, out, err } = await viv("test", "--trust", "--junit", "all.xml");
    assert.equal(code, 0, err);
    assert.equal(out, "ok: greets\nok: was prepared\nok: a full disk is noticed\n");
    assert.match(err, /exit code 0, 3 passed, 0 failed, 0 skipped; ready in /);
    const { cases } = parseJunit(await readFile(join(folder, "all.xml"), "utf8"));
    assert.deepEqual(
      cases.map(({ name, outcome, file: path, line }) => [name, outcome, path, line]),
      [
        ["greets", "passed", "test.sh", 18],
        ["was prepared", "passed", "test.sh", 19],
        ["a full disk is noticed", "passed", "test.sh", 23],
      ],
    );
    assert.match(await readFile(join(folder, "out", "junit.xml"), "utf8"), /^<testsuites>/);
    assert.equal((await viv("down")).out.split("\n").length, 2);
    await nothingLeft();
  });

  it("go on from the first run's machine, with the workspace of now, until what made it changes", async () => {
    const made = (more: object = {}) =>
      file({ warm: true, onCreateCommand: "echo made >> /root/made", tests: { command: "cat /root/made a.txt" }, ...more });
    const run = async (...words: string[]) => {
      const { code, out, err } = await viv("test", "--trust", ...words);
      const [times = "", text = ""] = out.split("\n");
      assert.equal(code, 0, err);
      return { text: `${times} ${text}`, readyMs: Number(/ready in ([\d.]+) s/.exec(err)?.[1]) * 1000 };
    };
    const templates = async () => (await client.call("template.list", {})).map(({ name }) => name);
    await made();
    await files({ "a.txt": "one\n", Makefile: "all:\n" });
    const cold = await run();
    const [template] = await templates();
    await files({ "a.txt": "two\n" });
    const warm = await run();
    assert.deepEqual([cold.text, warm.text], ["made one", "made two"]);
    assert.ok(warm.readyMs * 2 < cold.readyMs, `warm ${warm.readyMs} ms, cold ${cold.readyMs} ms`);
    assert.deepEqual(await templates(), [template]);

    // What dependencies are made from, and the file itself: another machine, and the one before is gone.
    await files({ Makefile: "all: it\n" });
    await run();
    const [second, ...more] = await templates();
    assert.deepEqual([second === template, more], [false, []]);
    await made({ remoteEnv: { A: "1" } });
    await run();
    assert.notEqual((await templates())[0], second);
    const [before] = await client.call("template.list", {});
    await run("--cold");
    const [after] = await client.call("template.list", {});
    assert.deepEqual([after?.name === before?.name, after?.id === before?.id], [true, false]);
    assert.equal((await viv("down")).code, 0);
    await nothingLeft();
  });

  it("keep the machine of a failure when asked, until viv down", async () => {
    await cp(join(checkout, "test", "fixtures", "shell-project"), folder, { recursive: true });
    await writeFile(join(folder, "src", "greet.sh"), 'echo "go away"\n');
    const { code, out, err } = await viv("test", "--trust", "--json", "--keep");
    assert.equal(code, 1, err);
    const [result] = JSON.parse(out) as RunResult[];
    assert.deepEqual(
      [result?.exitCode, result?.counts, result?.outputs, result?.kept],
      [1, { passed: 2, failed: 1, skipped: 0 }, ["out/junit.xml", "out/lcov.info"], true],
    );
    const failed = result?.cases.find(({ outcome }) => outcome === "failed");
    assert.deepEqual(
      [failed?.name, failed?.message, failed?.path, failed?.line],
      ["greets", "wanted hello, world, got go away", "test.sh", 18],
    );
    assert.match(err, /not ok: greets/);
    const look = await viv("exec", result?.machine ?? "", "--", "cat", "/tmp/made", "/workspace/src/greet.sh");
    assert.equal(look.out, 'first\nsecond\necho "go away"\n');
    const status = JSON.parse((await viv("status", "--json")).out) as unknown[];
    assert.deepEqual(status, [{ machine: result?.machine, folder, kind: "kept", state: "running" }]);
    assert.match((await viv("down")).out, new RegExp(`^${result?.machine}: removed\\ntestvm-\\S+: removed\\n$`));
    await nothingLeft();
  });

  it("run each target, lines under its name, as the first failing one ends", async () => {
    await file({
      remoteEnv: { T: `\${targetName}` },
      tests: { command: 'echo "in $T with $N"; [ "$T" = one ]' },
      targets: { one: { remoteEnv: { N: "1" } }, two: { remoteEnv: { N: "2" } } },
    });
    const { code, out } = await viv("test", "--trust");
    assert.deepEqual([code, out], [1, "[one] in one with 1\n[two] in two with 2\n"]);
    assert.equal((await viv("test", "--trust", "--target", "three")).code, 3);
    await nothingLeft();
  });

  it("give the guest's hostile reports and outputs no way in, and a secret only to the guest", async () => {
    await file({
      secrets: ["TOKEN"],
      outputs: ["**"],
      tests: { command: "sh t.sh", junit: ["bomb.xml", "cut.xml", "none.xml", "huge.xml"] },
    });
    await files({
      "t.sh": [
        "[ $TOKEN = s3cret ] || exit 9",
        "mkdir -p .git/hooks .vscode deep",
        "echo evil > .git/hooks/post-checkout; echo evil > .vscode/tasks.json; echo evil > deep/.GIT; ln -s /etc away; echo fine > deep/fine",
        'echo \'<!DOCTYPE x [<!ENTITY a SYSTEM "/etc/passwd">]><testsuite><testcase name="&a;"/></testsuite>\' > bomb.xml',
        'echo \'<testsuite name="s"><testcase name="read"/><testcase\' > cut.xml',
        "truncate -s 100M huge.xml 2>/dev/null || dd if=/dev/zero of=huge.xml bs=1M count=0 seek=100 2>/dev/null",
        "yes 0123456789abcdef | head -c 10000000",
        "rm -f away; exit 7",
      ].join("\n"),
    });
    const { code, out, err } = await viv("test", "--trust", "--allow-env", "TOKEN");
    assert.equal(code, 7, err);
    assert.equal(out.length, 10_000_000);
    assert.match(err, /bomb\.xml: it declares a document type/);
    assert.match(err, /cut\.xml: it is not well-formed XML/);
    assert.match(err, /none\.xml: the tests did not write it/);
    assert.match(err, /huge\.xml: it is larger than 64 MiB/);
    assert.match(err, /exit code 7, 1 passed/);
    assert.deepEqual(
      (await readdir(folder)).filter((name) => [".git", ".vscode", "away"].includes(name)),
      [],
    );
    assert.deepEqual(await readdir(join(folder, "deep")), ["fine"]);
    assert.ok((await lstat(join(folder, "deep", "fine"))).isFile());
    assert.match(err, /not brought back: \.git/);
    assert.ok(!err.includes("s3cret"));
    await nothingLeft();
  });

  it("end tests that hang, a command that fails before them, and a file that asks too much, with the reason", async () => {
    await file({ tests: { command: "echo begun; sleep 1000", timeout: "2s" } });
    const hung = await viv("test", "--trust");
    assert.equal(hung.code, 124);
    assert.match(hung.err, /their time was over/);

    await file({ postCreateCommand: { good: "sleep 100", bad: "echo no such package; exit 3" }, tests: { command: "echo never" } });
    const failed = await viv("test", "--trust");
    assert.deepEqual([failed.code, failed.out], [1, ""]);
    assert.match(failed.err, /\[bad\] no such package\n[\s\S]*postCreateCommand \(bad\) failed with exit code 3/);

    await file({ image: "startr", tests: { command: "true" } });
    assert.match((await viv("test", "--trust")).err, /testvm\.json:1:10: there is no image "startr"; did you mean "starter"\?/);
    await file({ hostRequirements: { memory: "900T" }, tests: { command: "true" } });
    const poor = await viv("test", "--trust");
    assert.equal(poor.code, 5);
    assert.match(poor.err, /testvm\.json:1:\d+: needs 900T of memory; this computer has/);
    await nothingLeft();
  });

  it("leave nothing after Ctrl+C, and what a killed one left goes with the next", async () => {
    await file({ tests: { command: "echo begun; sleep 1000" } });
    const interrupted = start("test", "--trust");
    await interrupted.shows(/begun/);
    interrupted.child.kill("SIGINT");
    assert.equal(await interrupted.code, 130);
    await nothingLeft();

    const killed = start("test", "--trust");
    await killed.shows(/begun/);
    killed.child.kill("SIGKILL");
    await killed.code;
    assert.equal((await client.call("machine.list", {})).length, 1);
    await file({ tests: { command: "echo again" } });
    assert.equal((await viv("test", "--trust")).out, "again\n");
    await nothingLeft();
  });

  it("are tried once more when the service or the machine dies under them, beside another run", async () => {
    await file({ tests: { command: "echo begun; sleep 3; echo ended" } });
    const one = start("test", "--trust");
    await one.shows(/begun/);
    await killVivd(home);
    await one.shows(/begun\nbegun/);
    // Of two runs in one folder only one loses its machine.
    const other = start("test", "--trust");
    await other.shows(/begun/);
    assert.equal(await one.code, 0, one.err());
    assert.match(one.err(), /The machine failed, not the tests: /);
    client = await home.client();
    const [machine] = await client.call("machine.list", {});
    const { pid } = await client.call("machine.show", { machine: machine?.name ?? "" });
    process.kill(pid ?? 0, "SIGKILL");
    await other.shows(/begun\n(ended\n)?begun\nended/);
    assert.equal(await other.code, 0, other.err());
    await nothingLeft();
  });

  it("stand by viv up until viv down, with ports, and are made anew for another file only when asked", async () => {
    const port = await freePort();
    const more = {
      forwardPorts: [port, 81],
      portsAttributes: { [port]: { label: "web", requireLocalPort: true } },
      onCreateCommand: "echo made >> /root/made",
      postStartCommand: "echo started >> /root/made",
      waitFor: "postStartCommand",
    };
    await file(more);
    await files({ "a.txt": "1" });
    const up = async () => JSON.parse((await viv("up", "--trust", "--json")).out) as Standing[];
    const [first] = await up();
    assert.deepEqual(
      [first?.made, first?.forwards[0]],
      [true, { guestPort: port, hostAddress: "127.0.0.1", hostPort: port, label: "web" }],
    );
    await files({ "a.txt": "2" });
    const [again] = await up();
    assert.deepEqual([again?.made, again?.machine], [false, first?.machine]);
    await client.call("machine.kill", { machine: first?.machine ?? "" });
    await up();
    const there = await viv("exec", first?.machine ?? "", "--", "cat", "/workspace/a.txt", "/root/made");
    assert.equal(there.out, "2made\nstarted\nstarted\n");
    await file({ ...more, cpus: 2 });
    const other = await viv("up", "--trust");
    assert.deepEqual([other.code, /was made before the file was changed/.test(other.err)], [4, true]);
    assert.equal((await viv("down")).code, 0);
    await nothingLeft();
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
