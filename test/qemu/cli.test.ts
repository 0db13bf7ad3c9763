import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Every verb of viv from end to end: the program is started as a person would, with a real service, a real QEMU and
 * the starter guest, in a temporary home. The tests of one block go through one machine's life in order.
 */

const program = process.env["VIVARIUM_TEST_VIV"] ?? join(import.meta.dirname, "../../src/cli/viv.ts");

interface Ended {
  code: number | null;
  stdout: Buffer;
  text: string;
  stderr: string;
}

interface Options {
  input?: string | Buffer;
  environment?: NodeJS.ProcessEnv;
  /** Called with the process when it runs. */
  during?: (child: ChildProcess, output: () => string) => Promise<void>;
}

let folder = "";
let home = "";

function viv(words: readonly string[], options: Options = {}): Promise<Ended> {
  const environment = { ...process.env, VIVARIUM_HOME: home, ...options.environment };
  const child = spawn(process.execPath, [program, ...words], {
    cwd: folder,
    env: environment,
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  const stdout: Buffer[] = [];
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString("utf8");
  });
  // A program that ends before it has read its input is no failure of the test.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(options.input);
  const during = options.during?.(child, () => Buffer.concat(stdout).toString("utf8") + stderr);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      const bytes = Buffer.concat(stdout);
      const ended = { code, stdout: bytes, text: bytes.toString("utf8"), stderr };
      Promise.resolve(during).then(() => resolve(ended), reject);
    });
  });
}

/** Runs viv, which must end with the code; gives what it printed. */
async function expectCode(code: number, words: readonly string[], options: Options = {}): Promise<Ended> {
  const ended = await viv(words, options);
  assert.equal(ended.code, code, `viv ${words.join(" ")}\n${ended.text}\n${ended.stderr}`);
  return ended;
}

const ok = (words: readonly string[], options: Options = {}): Promise<Ended> => expectCode(0, words, options);

async function json<T>(words: readonly string[], options: Options = {}): Promise<T> {
  return JSON.parse((await ok([...words, "--json"], options)).text) as T;
}

/** The error of a call that must fail with the code. */
async function refusal(
  code: number,
  words: readonly string[],
  options: Options = {},
): Promise<{ code: string; message: string; hint?: string }> {
  const ended = await expectCode(code, ["--json", ...words], options);
  assert.equal(ended.text, "");
  return (JSON.parse(ended.stderr.trim().split("\n").at(-1) ?? "") as { error: { code: string; message: string; hint?: string } }).error;
}

async function until(what: string, found: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (found()) return;
    await delay(25);
  }
  assert.fail(`never came: ${what}`);
}

interface Shown {
  name: string;
  state: string;
  pid: number | null;
  cpus: number;
  memoryBytes: number;
  forwards: { hostPort: number; guestPort: number }[];
  readiness: Record<string, number>;
}

describe("viv with a real machine", function () {
  this.timeout(180_000);
  // One machine's life: after the first failure the rest would only fail for its sake.
  this.bail(true);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-cli-"));
    home = join(folder, "home");
  });

  after(async () => {
    const machines = await viv(["ls", "--json"]);
    const names = machines.code === 0 ? (JSON.parse(machines.text) as { name: string }[]).map(({ name }) => name) : [];
    if (names.length > 0) await viv(["rm", "--force", ...names]);
    await viv(["daemon", "stop"]);
    await rm(folder, { recursive: true, force: true });
  });

  describe("before there is one", () => {
    it("daemon status starts no service, and daemon stop is content", async () => {
      assert.equal((await refusal(3, ["daemon", "status"])).code, "not-found");
      assert.deepEqual(await json(["daemon", "stop"]), { stopped: false });
      await assert.rejects(stat(home), { code: "ENOENT" });
    });

    it("version and help need neither service nor home", async () => {
      assert.match((await ok(["version"])).text, /^viv \d/);
      assert.match((await ok(["help", "exec"])).text, /Examples:/);
      await assert.rejects(stat(home), { code: "ENOENT" });
    });

    it("ls is an empty list", async () => {
      assert.deepEqual(await json(["ls"]), []);
    });

    it("doctor chooses exactly one accelerator that works", async () => {
      const report = await json<{ accelerators: { chosen: boolean; works: boolean }[]; qemu: { version: string } }>(["doctor"]);
      assert.deepEqual(
        report.accelerators.filter((one) => one.chosen).map((one) => one.works),
        [true],
      );
      assert.match((await ok(["doctor"])).text, /tcg .*emulated: not a security boundary/);
    });

    it("image ls has the starter", async () => {
      const images = await json<{ name: string }[]>(["image", "ls"]);
      assert.ok(images.some(({ name }) => name === "starter"));
    });

    it("daemon status tells pid, version, uptimeSeconds and machines", async () => {
      const status = await json<Record<string, unknown>>(["daemon", "status"]);
      for (const key of ["pid", "version", "uptimeSeconds", "machines"]) assert.ok(key in status, key);
    });
  });

  describe("names", () => {
    const hostile = ["/", "..", "a/b", "a b", "🦊", "a\nb", "a".repeat(200), "-x", "Upper", "1a", "\u001b[2J", "a;b"];

    it("that are none are refused by create and leave nothing behind", async () => {
      for (const name of hostile) {
        const error = await refusal(2, ["create", "--image", "starter", "--", name]);
        assert.equal(error.code, "invalid-name", JSON.stringify(name));
        assert.ok(error.hint);
      }
      await expectCode(2, ["create", "-x"]);
      await expectCode(2, ["create", ""]);
      assert.deepEqual(await json(["ls"]), []);
    });

    it("that are none are refused by the other verbs, too", async () => {
      for (const name of hostile) {
        assert.equal((await refusal(2, ["show", "--", name])).code, "invalid-name", JSON.stringify(name));
        assert.equal((await refusal(2, ["start", "--", name])).code, "invalid-name", JSON.stringify(name));
      }
    });

    it("that nobody has are not found, whatever is asked", async () => {
      const asked = [
        ["show"],
        ["start"],
        ["stop"],
        ["kill"],
        ["restart"],
        ["reset"],
        ["pause"],
        ["resume"],
        ["suspend"],
        ["rm"],
        ["logs"],
        ["serial"],
        ["ssh"],
        ["set", "nobody", "cpus=1"],
        ["rename", "nobody", "b"],
        ["exec", "nobody", "--", "true"],
        ["wait", "nobody", "--for", "agent"],
        ["keys", "nobody", "ret"],
        ["type", "nobody", "x"],
        ["screenshot", "nobody", "-o", "x.png"],
        ["edit", "nobody"],
        ["trash", "restore", "nobody"],
        ["rm", "--undo", "nobody"],
      ];
      for (const words of asked) {
        const line = words.length === 1 ? [...words, "nobody"] : words;
        const ended = await viv(line);
        assert.equal(ended.code, 3, `viv ${line.join(" ")}\n${ended.stderr}`);
        assert.match(ended.stderr, /^viv: .*\n {2}\S/, line.join(" "));
      }
      await assert.rejects(stat(join(folder, "x.png")), { code: "ENOENT" });
    });
  });

  describe("making one", () => {
    it("create makes it with what was asked for", async () => {
      const made = await json<Shown>([
        "create",
        "hello",
        "--image",
        "starter",
        "--memory",
        "384M",
        "--cpus",
        "1",
        "--forward",
        "8080",
        "--set",
        "note=made by a test",
      ]);
      assert.equal(made.name, "hello");
      assert.equal(made.state, "stopped");
      assert.equal(made.memoryBytes, 384 * 1024 ** 2);
    });

    it("create refuses the name a second time", async () => {
      assert.equal((await refusal(4, ["create", "hello", "--image", "starter"])).code, "exists");
    });

    it("create refuses images and files that do not exist, and more than the host has", async () => {
      assert.equal((await refusal(3, ["create", "b", "--image", "nonsense"])).code, "not-found");
      assert.equal((await refusal(3, ["create", "b", "--iso", "nonsense.iso"])).code, "not-found");
      await writeFile(join(folder, "page.iso"), "<html>404</html>");
      assert.equal((await refusal(2, ["create", "b", "--iso", "page.iso"])).code, "usage");
      assert.equal((await refusal(5, ["create", "b", "--image", "starter", "--memory", "900T"])).code, "not-enough-memory");
      assert.equal((await viv(["show", "b"])).code, 3);
    });

    it("create takes an ISO by a path relative to the caller", async () => {
      const iso = Buffer.alloc(34 * 1024);
      iso.write("\u0001CD001\u0001", 32_768, "latin1");
      await mkdir(join(folder, "isos"), { recursive: true });
      await writeFile(join(folder, "isos", "empty.iso"), iso);
      const made = await json<{ cdrom: string }>(["create", "from-iso", "--iso", "isos/empty.iso", "--disk", "1G", "--memory", "64M"]);
      assert.ok(made.cdrom.endsWith(join("isos", "empty.iso")), made.cdrom);
      await ok(["rm", "from-iso"]);
    });

    it("a stopped machine refuses what only a running one can do", async () => {
      for (const words of [
        ["pause"],
        ["reset"],
        ["suspend"],
        ["exec", "hello", "--", "true"],
        ["keys", "hello", "ret"],
        ["type", "hello", "x"],
        ["screenshot", "hello", "-o", "x.png"],
        ["serial"],
        ["ssh"],
      ]) {
        const line = words.length === 1 ? [...words, "hello"] : words;
        const ended = await viv(line);
        assert.equal(ended.code, 4, `viv ${line.join(" ")}\n${ended.stderr}`);
      }
      await assert.rejects(stat(join(folder, "x.png")), { code: "ENOENT" });
    });

    it("set and edit change vm.json; a refused text is kept", async () => {
      await ok(["set", "hello", "memory=400M"]);
      const editing = (expression: string): Options => ({ environment: { VISUAL: "", EDITOR: `sed -i ${expression}` } });
      assert.match((await ok(["edit", "hello"], editing("s/400M/384M/"))).text, /changed/);
      assert.match((await ok(["edit", "hello"], editing("s/nothing/else/"))).text, /nothing was changed/);
      const error = await refusal(2, ["edit", "hello"], editing("s/384M/banana/"));
      const kept = /kept: (\S+)/.exec(error.hint ?? "")?.[1] ?? "";
      assert.match(await readFile(kept, "utf8"), /banana/);
      await rm(join(kept, ".."), { recursive: true });
      assert.equal((await json<Shown>(["show", "hello"])).memoryBytes, 384 * 1024 ** 2);
      assert.equal((await refusal(2, ["set", "hello", "cpus=many"])).code, "invalid-definition");
    });
  });

  describe("running", () => {
    it("start reports it as running, also when it runs already", async () => {
      assert.equal((await json<Shown>(["start", "hello"])).state, "running");
      assert.equal((await ok(["start", "hello"])).text, "hello: running\n");
    });

    it("wait comes back when the agent answers, and SSH does", async () => {
      const shown = await json<Shown>(["wait", "hello", "--for", "agent", "--timeout", "120s"]);
      assert.ok((shown.readiness["agent"] ?? 0) > 0);
      await ok(["wait", "hello", "--for", "ssh", "--timeout", "60s"]);
      await ok(["wait", "hello", "--for", "running"]);
    });

    it("wait fails in time, and Ctrl+C ends it with 130", async () => {
      assert.equal((await refusal(1, ["wait", "hello", "--for", "serial:never to be printed", "--timeout", "300ms"])).code, "timeout");
      const interrupted = await expectCode(130, ["wait", "hello", "--for", "stopped", "--timeout", "60s"], {
        during: async (child) => {
          await delay(700);
          child.kill("SIGINT");
        },
      });
      assert.equal(interrupted.text, "");
    });

    it("exec passes words, input, output and exit code unchanged", async () => {
      const words = ["--json", "-x", "a b", "", "$HOME", "'", "ü"];
      const echoed = await ok(["exec", "hello", "--", "sh", "-c", 'for word in "$@"; do printf "<%s>" "$word"; done', "sh", ...words]);
      assert.equal(echoed.text, words.map((word) => `<${word}>`).join(""));
      const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 256));
      const copied = await ok(["exec", "hello", "--", "cat"], { input: bytes });
      assert.ok(copied.stdout.equals(bytes));
      const both = await expectCode(42, ["exec", "hello", "--env", "WORD=err", "--", "sh", "-c", 'echo out; echo "$WORD" >&2; exit 42']);
      assert.deepEqual([both.text, both.stderr], ["out\n", "err\n"]);
      assert.equal((await viv(["exec", "hello", "--", "sh", "-c", "kill -9 $$"])).code, 137);
    });

    it("exec goes by SSH when told to", async () => {
      const ended = await ok(["exec", "hello", "--json", "--way", "ssh", "--", "uname", "-s"]);
      const { stdout, way } = JSON.parse(ended.text) as { stdout: string; way: string };
      assert.deepEqual([stdout, way], ["Linux\n", "ssh"]);
    });

    it("exec ends a command that takes too long", async () => {
      assert.equal((await refusal(1, ["exec", "hello", "--timeout", "500ms", "--", "sleep", "60"])).code, "timeout");
    });

    it("ssh gives the command's output and exit code, and its target as JSON", async () => {
      const ended = await expectCode(7, ["ssh", "hello", "--", "hostname; exit 7"]);
      assert.equal(ended.text, "hello\n");
      const target = await json<{ port: number; arguments: string[] }>(["ssh", "hello"]);
      assert.ok(target.arguments.includes(String(target.port)));
    });

    it("ssh says how to install ssh where there is none", async () => {
      const error = await expectCode(5, ["ssh", "hello"], { environment: { PATH: join(folder, "no-programs") } });
      assert.match(error.stderr, /no ssh program/);
    });

    it("serial types what is piped in and shows what comes", async () => {
      const ended = await ok(["serial", "hello", "--until", "answer=42", "--timeout", "30s"], { input: "echo answer=$((6*7))\n" });
      assert.match(ended.text, /answer=42/);
      assert.match((await ok(["serial", "hello"], { input: "" })).text, /answer=42/);
      assert.equal((await viv(["serial", "hello", "--until", "never", "--timeout", "300ms"])).code, 1);
    });

    it("screenshot saves a PNG and overwrites nothing", async () => {
      await ok(["screenshot", "hello", "-o", "screen.png"]);
      assert.deepEqual((await readFile(join(folder, "screen.png"))).subarray(0, 4), Buffer.from([0x89, 0x50, 0x4e, 0x47]));
      assert.equal((await refusal(4, ["screenshot", "hello", "-o", "screen.png"])).code, "exists");
      await ok(["screenshot", "hello", "-o", "screen.png", "--force"]);
      assert.deepEqual((await ok(["screenshot", "hello", "-o", "-"])).stdout.subarray(0, 4), Buffer.from([0x89, 0x50, 0x4e, 0x47]));
    });

    it("keys and type reach the guest's keyboard", async () => {
      await ok(["type", "hello", "echo typed-Ok_1 > /tmp/typed"]);
      await ok(["keys", "hello", "ret"]);
      for (let tries = 0; tries < 40; tries += 1) {
        const ended = await viv(["exec", "hello", "--", "cat", "/tmp/typed"]);
        if (ended.text === "typed-Ok_1\n") return;
        await delay(250);
      }
      assert.fail("what was typed never arrived");
    });

    it("keys and type refuse keys and layouts that do not exist", async () => {
      assert.equal((await viv(["keys", "hello", "ctrl-nonsense"])).code, 2);
      assert.equal((await viv(["type", "hello", "x", "--layout", "klingon"])).code, 2);
    });

    it("logs print the console, QEMU's words and the events", async () => {
      assert.match((await ok(["logs", "hello"])).text, /answer=42/);
      await ok(["logs", "hello", "--qemu"]);
      assert.match((await ok(["logs", "hello", "--events"])).text, /\S/);
      assert.equal(typeof (await json<{ file: string }>(["logs", "hello"])).file, "string");
    });

    it("logs --follow and events print what happens until Ctrl+C", async () => {
      const following = viv(["logs", "hello", "--follow"], {
        during: async (child, output) => {
          await until("the log's end", () => output().includes("answer=42"));
          await ok(["exec", "hello", "--", "sh", "-c", "echo followed-here > /dev/ttyS0"]);
          await until("the new line", () => output().includes("followed-here"));
          child.kill("SIGINT");
        },
      });
      const watching = viv(["events", "hello", "--json"], {
        during: async (child, output) => {
          await delay(1500);
          await ok(["pause", "hello"]);
          await ok(["resume", "hello"]);
          await until("an event", () => output().includes('"paused"'));
          child.kill("SIGINT");
        },
      });
      assert.equal((await following).code, 130);
      const events = await watching;
      assert.equal(events.code, 130);
      for (const line of events.text.trim().split("\n")) assert.equal(typeof (JSON.parse(line) as { event: string }).event, "string");
    });

    it("pause and resume freeze and thaw", async () => {
      assert.equal((await ok(["pause", "hello"])).text, "hello: paused (user)\n");
      assert.equal((await ok(["resume", "hello"])).text, "hello: running\n");
    });

    it("a running machine cannot be renamed or removed", async () => {
      assert.equal((await refusal(4, ["rename", "hello", "other"])).code, "wrong-state");
      assert.equal((await refusal(4, ["rm", "hello"])).code, "wrong-state");
    });

    it("set on a running machine waits for the next start", async () => {
      assert.match((await ok(["set", "hello", "memory=400M"])).text, /at the next start: memory/);
    });

    it("show carries the contract's keys", async () => {
      const shown = await json<Record<string, unknown>>(["show", "hello"]);
      for (const key of [
        "name",
        "id",
        "state",
        "accelerator",
        "architecture",
        "pid",
        "uptimeSeconds",
        "cpus",
        "memoryBytes",
        "disks",
        "networks",
        "forwards",
        "snapshots",
        "agent",
        "readiness",
      ])
        assert.ok(key in shown, key);
      assert.match((await ok(["show", "hello"])).text, /readiness, from the start request/);
    });

    it("suspend keeps the guest's memory, or says why this host cannot", async () => {
      const report = await json<{ features: { name: string; title: string; available: boolean }[] }>(["doctor"]);
      const feature = report.features.find(({ title }) => title.includes("suspend to disk"));
      assert.ok(feature);
      if (!feature.available) {
        const ended = await expectCode(5, ["suspend", "hello"]);
        assert.match(ended.stderr, /\n {2}\S/);
        return;
      }
      await ok(["exec", "hello", "--", "sh", "-c", "echo kept > /dev/shm/kept || echo kept > /tmp/kept"]);
      assert.equal((await ok(["suspend", "hello"])).text, "hello: suspended\n");
      assert.equal((await ok(["resume", "hello"])).text, "hello: running\n");
      await ok(["wait", "hello", "--for", "agent"]);
      assert.equal((await ok(["exec", "hello", "--", "sh", "-c", "cat /dev/shm/kept /tmp/kept 2>/dev/null; true"])).text, "kept\n");
    });

    it("reset boots the guest anew in the same process, restart in a new one", async () => {
      const before = await json<Shown>(["show", "hello"]);
      await ok(["reset", "hello"]);
      assert.equal((await json<Shown>(["show", "hello"])).pid, before.pid);
      await ok(["wait", "hello", "--for", "agent", "--timeout", "120s"]);
      await ok(["restart", "hello"]);
      const after = await json<Shown>(["wait", "hello", "--for", "agent", "--timeout", "120s"]);
      assert.notEqual(after.pid, before.pid);
      assert.equal(after.memoryBytes, 400 * 1024 ** 2);
    });

    it("daemon stop leaves it running, and the next command finds it", async () => {
      const before = await json<Shown>(["show", "hello"]);
      assert.equal((await json<{ stopped: boolean }>(["daemon", "stop"])).stopped, true);
      await refusal(3, ["daemon", "status"]);
      const after = await json<Shown>(["show", "hello"]);
      assert.deepEqual([after.state, after.pid], ["running", before.pid]);
    });

    it("stop ends it by the power button, kill at once", async () => {
      assert.equal((await ok(["stop", "hello"])).text, "hello: stopped\n");
      await ok(["start", "hello"]);
      assert.equal((await ok(["kill", "hello"])).text, "hello: stopped\n");
      await ok(["wait", "hello", "--for", "stopped"]);
    });
  });

  describe("afterwards", () => {
    it("rename, rm, trash, undo, restore and empty", async () => {
      await ok(["rename", "hello", "renamed"]);
      assert.equal((await refusal(2, ["rename", "renamed", "../out"])).code, "invalid-name");
      await ok(["rm", "renamed"]);
      assert.deepEqual((await json<{ name: string }[]>(["trash", "ls"])).map(({ name }) => name).sort(), ["from-iso", "renamed"]);
      await ok(["rm", "renamed", "--undo"]);
      await ok(["rm", "renamed"]);
      await ok(["trash", "restore", "renamed"]);
      assert.equal((await json<Shown>(["show", "renamed"])).state, "stopped");
      await ok(["rm", "renamed"]);
      await ok(["trash", "empty", "from-iso"]);
      const freed = await json<{ freedBytes: number }>(["trash", "empty"]);
      assert.ok(freed.freedBytes > 0);
      assert.deepEqual(await json(["trash", "ls"]), []);
    });

    it("several at once: each is reported, the first failure gives the code", async () => {
      const names = ["one", "two"];
      for (const name of names) await ok(["create", name, "--memory", "64M", "--disk", "16M"]);
      const started = await expectCode(3, ["start", "one", "nobody", "two"]);
      assert.deepEqual(started.text.trim().split("\n").sort(), ["one: running", "two: running"]);
      assert.match(started.stderr, /nobody/);
      assert.deepEqual((await ok(["completion", "--names"])).text.split("\n").filter(Boolean).sort(), names);
      const removed = await json<unknown[]>(["rm", "--force", ...names]);
      assert.equal(removed.length, 2);
      assert.deepEqual(await json(["ls"]), []);
    });

    it("eight terminals start one machine: all report it running, one process runs", async () => {
      await ok(["create", "shared", "--memory", "64M", "--disk", "16M"]);
      const outcomes = await Promise.all(Array.from({ length: 8 }, () => json<Shown>(["start", "shared"])));
      assert.equal(new Set(outcomes.map(({ pid }) => pid)).size, 1);
      await ok(["kill", "shared"]);
    });
  });
});
