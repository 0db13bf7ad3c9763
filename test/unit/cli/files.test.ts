import assert from "node:assert/strict";
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEditor } from "../../../src/cli/editor.ts";
import { vivError } from "../../../src/model/index.ts";
import { stopped } from "./support/machines.ts";
import { runViv, startViv } from "./support/run-viv.ts";

const soon = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));

describe("files viv writes and reads", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-test-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  describe("screenshot", () => {
    const png = Buffer.from([0x89, 0x50, 0x4e, 0x47]);
    const answers = { "machine.screenshot": () => ({ pngBase64: png.toString("base64") }) };

    it("is saved in the caller's folder", async () => {
      const ended = await runViv(["screenshot", "hello", "-o", "a.png", "--json"], { answers, folder });
      assert.deepEqual(ended.json(), { file: join(folder, "a.png"), bytes: 4 });
      assert.deepEqual(await readFile(join(folder, "a.png")), png);
    });

    it("overwrites nothing, unless forced", async () => {
      await writeFile(join(folder, "a.png"), "something longer than a picture");
      const refused = await runViv(["screenshot", "hello", "-o", "a.png"], { answers, folder });
      assert.equal(refused.code, 4);
      assert.deepEqual(refused.client.calls, []);
      assert.equal((await runViv(["screenshot", "hello", "-o", "a.png", "--force"], { answers, folder })).code, 0);
      assert.deepEqual(await readFile(join(folder, "a.png")), png);
    });

    it("that fails leaves no file behind, and with --force the old one as it was", async () => {
      const failing = { "machine.screenshot": () => Promise.reject(vivError("wrong-state", "hello does not run.")) };
      assert.equal((await runViv(["screenshot", "hello", "-o", "a.png"], { answers: failing, folder })).code, 4);
      assert.deepEqual(await readdir(folder), []);
      await writeFile(join(folder, "b.png"), "old");
      await runViv(["screenshot", "hello", "-o", "b.png", "--force"], { answers: failing, folder });
      assert.equal(await readFile(join(folder, "b.png"), "utf8"), "old");
    });

    it("goes to stdout by -o -, but not to a terminal", async () => {
      const piped = startViv(["screenshot", "hello", "-o", "-"], { answers });
      assert.equal(await piped.code, 0);
      assert.deepEqual(piped.stdoutBytes(), png);
      assert.equal((await runViv(["screenshot", "hello", "-o", "-"], { answers, terminal: true })).code, 2);
    });

    it("says when the folder does not exist", async () => {
      const ended = await runViv(["screenshot", "hello", "-o", "no/such/a.png", "--json"], { answers, folder });
      assert.equal(ended.error().code, "io-error");
    });
  });

  describe("edit", () => {
    const before = '{ "memory": "512M" } // mine\n';
    const definition = {
      "machine.definition": () => ({ text: before, file: "/m/vm.json", running: null }),
      "machine.show": () => stopped("hello"),
    };
    const environment = { VISUAL: "ed-for-tests --wait" };
    const editorWriting = (...texts: (string | undefined)[]) => {
      const opened: string[] = [];
      return {
        opened,
        run: async (program: string, args: readonly string[]) => {
          const file = args.at(-1) ?? "";
          opened.push([program, ...args.slice(0, -1)].join(" "));
          const text = texts.shift();
          if (text !== undefined) await writeFile(file, text);
          return { code: 0, signal: null };
        },
      };
    };
    const keptFile = (text: string): string => /kept: (\S+)/.exec(text)?.[1] ?? "";

    it("sends back what the editor wrote and leaves no copy", async () => {
      const editor = editorWriting('{ "memory": "1G" }\n');
      const ended = await runViv(["edit", "hello"], {
        answers: { ...definition, "machine.replaceDefinition": () => stopped("hello") },
        environment,
        runProgram: editor.run,
      });
      assert.equal(ended.code, 0, ended.stderr);
      assert.deepEqual(ended.client.calls.at(-1), {
        method: "machine.replaceDefinition",
        params: { machine: "hello", text: '{ "memory": "1G" }\n' },
      });
      assert.deepEqual(editor.opened, ['/bin/sh -c ed-for-tests --wait "$@" ed-for-tests --wait']);
    });

    it("changes nothing when the text was left as it was", async () => {
      const ended = await runViv(["edit", "hello"], { answers: definition, environment, runProgram: editorWriting(undefined).run });
      assert.equal(ended.stdout, "hello: nothing was changed\n");
    });

    it("keeps a refused text and says where", async () => {
      const refusing = {
        ...definition,
        "machine.replaceDefinition": () => Promise.reject(vivError("invalid-definition", "memory: “x” is not a size.", "Write 512M.")),
      };
      const ended = await runViv(["edit", "hello"], { answers: refusing, environment, runProgram: editorWriting('{ "memory": "x" }').run });
      assert.equal(ended.code, 2);
      const file = keptFile(ended.stderr);
      assert.equal(await readFile(file, "utf8"), '{ "memory": "x" }');
      await rm(join(file, ".."), { recursive: true });
    });

    it("offers to edit again on a terminal", async () => {
      let tries = 0;
      const secondTime = {
        ...definition,
        "machine.replaceDefinition": () =>
          ++tries === 1 ? Promise.reject(vivError("invalid-definition", "memory: no.")) : Promise.resolve(stopped("hello")),
      };
      const running = startViv(["edit", "hello"], {
        answers: secondTime,
        environment,
        stdin: "terminal",
        runProgram: editorWriting('{ "memory": "x" }', '{ "memory": "1G" }').run,
      });
      running.stdin.write("\n");
      assert.equal(await running.code, 0, running.stderr());
      assert.equal(tries, 2);
      assert.match(running.stderr(), /memory: no\.\nEdit again\? \[Y\/n\]/);
    });

    it("does not overwrite what somebody else changed meanwhile", async () => {
      let reads = 0;
      const changing = {
        "machine.definition": () => ({ text: ++reads === 1 ? before : '{ "memory": "2G" }', file: "/m/vm.json", running: null }),
      };
      const ended = await runViv(["edit", "hello", "--json"], {
        answers: changing,
        environment,
        runProgram: editorWriting('{ "memory": "1G" }').run,
      });
      assert.equal(ended.code, 4);
      await rm(join(keptFile(ended.error().hint ?? ""), ".."), { recursive: true });
    });

    it("says when the editor does not exist or gives up", async () => {
      const missing = await runViv(["edit", "hello"], {
        answers: definition,
        environment,
        runProgram: async () => ({ code: 127, signal: null }),
      });
      assert.equal(missing.code, 5);
      const failing = await runViv(["edit", "hello"], {
        answers: definition,
        environment,
        runProgram: async () => ({ code: 1, signal: null }),
      });
      assert.equal(failing.code, 1);
      await rm(join(keptFile(failing.stderr), ".."), { recursive: true });
    });

    it("is opened by a shell on POSIX and by cmd.exe on Windows", async () => {
      const runs: unknown[] = [];
      const host = {
        environment: { EDITOR: "code --wait" },
        run: async (program: string, args: readonly string[]) => {
          runs.push([program, ...args]);
          return { code: 0, signal: null };
        },
      };
      await openEditor(host, "/tmp/x y.json", "linux");
      await openEditor(host, "C:\\x y.json", "win32");
      assert.deepEqual(runs, [
        ["/bin/sh", "-c", 'code --wait "$@"', "code --wait", "/tmp/x y.json"],
        ["cmd.exe", "/d", "/s", "/c", 'code --wait "C:\\x y.json"'],
      ]);
    });
  });

  describe("logs", () => {
    it("prints the end of the log that was asked for", async () => {
      const answers = { "machine.logs": ({ log }: { log: string }) => ({ text: `end of ${log}\n`, file: "/log" }) };
      assert.equal((await runViv(["logs", "hello"], { answers })).stdout, "end of serial\n");
      assert.equal((await runViv(["logs", "hello", "--qemu"], { answers })).stdout, "end of qemu\n");
      const ended = await runViv(["logs", "hello", "--events", "--json", "--bytes", "1K"], { answers });
      assert.deepEqual(ended.json(), { text: "end of events\n", file: "/log" });
      assert.deepEqual(ended.client.calls[0]?.params, { machine: "hello", log: "events", maximumBytes: 1024 });
    });

    it("leaves control characters out on a terminal and in elsewhere", async () => {
      const answers = { "machine.logs": () => ({ text: "\u001b[2Jhi\r\n", file: "/log" }) };
      assert.equal((await runViv(["logs", "hello"], { answers })).stdout, "\u001b[2Jhi\r\n");
      assert.equal((await runViv(["logs", "hello"], { answers, terminal: true })).stdout.replace("\r\u001b[K", ""), "hi\n");
    });

    it("follows what is added, also in a file that begins anew", async () => {
      const file = join(folder, "serial.log");
      await writeFile(file, "one\n");
      const running = startViv(["logs", "hello", "--follow"], { answers: { "machine.logs": () => ({ text: "one\n", file }) } });
      await soon(100);
      await appendFile(file, "two\n");
      await soon(300);
      await writeFile(file, "3\n");
      await soon(300);
      running.interrupt();
      assert.equal(await running.code, 130);
      assert.equal(running.stdout(), "one\ntwo\n3\n");
    });

    it("refuses two logs at once, and to follow as JSON", async () => {
      assert.equal((await runViv(["logs", "hello", "--serial", "--qemu"])).code, 2);
      assert.equal((await runViv(["logs", "hello", "--follow", "--json"])).code, 2);
    });
  });
});
