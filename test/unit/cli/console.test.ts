import assert from "node:assert/strict";
import { textWatcher } from "../../../src/cli/console.ts";
import { fakeConsole } from "./support/fake-client.ts";
import { runViv, startViv } from "./support/run-viv.ts";

const soon = (ms = 20): Promise<void> => new Promise((wake) => setTimeout(wake, ms));

describe("serial on a terminal", () => {
  it("passes keys and output both ways, replays the end, and detaches on Ctrl+]", async () => {
    const console = fakeConsole();
    const running = startViv(["serial", "hello"], { console, stdin: "terminal" });
    await soon();
    console.print("login: ");
    running.stdin.write("root\u0003");
    await soon();
    running.stdin.write("ab\u001dcd");
    assert.equal(await running.code, 0);
    assert.equal(running.stdout(), "login: ");
    assert.equal(console.written(), "root\u0003ab");
    assert.deepEqual(running.client.calls, [{ method: "machine.openSerial", params: { machine: "hello", replayBytes: 65_536 } }]);
    assert.match(running.stderr(), /Ctrl\+\] detaches/);
    assert.deepEqual(running.rawModes, [true, false]);
    assert.equal(console.closed(), true);
  });

  it("ends when the console does", async () => {
    const console = fakeConsole();
    const running = startViv(["serial", "hello"], { console, stdin: "terminal" });
    await soon();
    console.end("hello has stopped");
    assert.equal(await running.code, 0);
    assert.match(running.stderr(), /hello has stopped/);
    assert.deepEqual(running.rawModes, [true, false]);
  });

  it("gives the terminal back when it is interrupted", async () => {
    const running = startViv(["serial", "hello"], { console: fakeConsole(), stdin: "terminal" });
    await soon();
    running.interrupt("SIGTERM");
    assert.equal(await running.code, 143);
    assert.deepEqual(running.rawModes, [true, false]);
  });
});

describe("serial in a script", () => {
  it("types what is piped in and ends when the console has fallen silent", async () => {
    const console = fakeConsole((text, guest) => {
      if (text.includes("uname")) setTimeout(() => guest.print("Linux\r\n"), 300);
    });
    const ended = await runViv(["serial", "hello"], { console, stdin: "uname\n" });
    assert.equal(ended.code, 0);
    assert.equal(ended.stdout, "Linux\r\n");
    assert.equal(console.written(), "uname\n");
  });

  it("ends with --until as soon as the text has come, in pieces too", async () => {
    const console = fakeConsole();
    const running = startViv(["serial", "hello", "--until", "login:"], { console });
    await soon();
    console.print("debian log");
    console.print("in: ");
    assert.equal(await running.code, 0);
    assert.equal(running.stdout(), "debian login: ");
    assert.deepEqual(running.client.calls[0]?.params, { machine: "hello", replayBytes: 0 });
  });

  it("fails when the text does not come in time, or the console ends first", async () => {
    const late = await runViv(["serial", "hello", "--until", "login:", "--timeout", "50ms"], { console: fakeConsole() });
    assert.equal(late.code, 1);
    assert.match(late.stderr, /did not print "login:" in time/);
    const console = fakeConsole();
    const running = startViv(["serial", "hello", "--until", "login:"], { console });
    await soon();
    console.end("hello has stopped");
    assert.equal(await running.code, 1);
  });

  it("ends after --timeout", async () => {
    const running = startViv(["serial", "hello", "--timeout", "50ms"], { console: fakeConsole(), stdin: "silent" });
    assert.equal(await running.code, 0);
  });

  it("has no JSON form", async () => {
    assert.equal((await runViv(["serial", "hello", "--json"])).code, 2);
  });
});

describe("a text in a stream", () => {
  it("is found across any cut", () => {
    const text = "xxlogin:yy";
    for (let cut = 0; cut <= text.length; cut += 1) {
      const seen = textWatcher("login:");
      const first = seen(Buffer.from(text.slice(0, cut)));
      assert.ok(first || seen(Buffer.from(text.slice(cut))), `cut at ${cut}`);
    }
    const never = textWatcher("login:");
    assert.equal(never(Buffer.from("log")) || never(Buffer.from("-in:")), false);
  });
});
