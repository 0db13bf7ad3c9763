import assert from "node:assert/strict";
import type { HostReport, VivEvent } from "../../../src/api/index.ts";
import { hostReport } from "./support/host-report.ts";
import { running, summaryOf } from "./support/machines.ts";
import { runViv, startViv } from "./support/run-viv.ts";

const soon = (): Promise<void> => new Promise((wake) => setTimeout(wake, 20));

describe("daemon", () => {
  const status = {
    pid: 4242,
    version: "0.1.0",
    build: "x",
    uptimeSeconds: 61,
    machines: 3,
    running: 1,
    clients: 1,
    operations: 0,
    home: "/h",
    memoryBytes: 50_000_000,
  };

  it("status tells about a service that runs", async () => {
    assert.deepEqual((await runViv(["daemon", "status", "--json"], { answers: { "daemon.status": () => status } })).json(), status);
  });

  it("status ends with 3 when none runs", async () => {
    const ended = await runViv(["daemon", "status", "--json"], { noService: true });
    assert.equal(ended.code, 3);
    assert.equal(ended.error().code, "not-found");
  });

  it("stop waits until it is gone", async () => {
    const stopping = startViv(["daemon", "stop", "--json"], {
      answers: {
        "daemon.stop": () => {
          setTimeout(() => stopping.client.drop(), 30);
          return {};
        },
      },
    });
    assert.equal(await stopping.code, 0);
    assert.deepEqual(JSON.parse(stopping.stdout()), { stopped: true, pid: 4242 });
  });

  it("stop is content when none runs", async () => {
    const ended = await runViv(["daemon", "stop"], { noService: true });
    assert.equal(ended.code, 0);
  });
});

describe("doctor", () => {
  it("prints the report as the API gives it", async () => {
    assert.deepEqual(
      (await runViv(["doctor", "--json"], { answers: { "host.report": () => hostReport() } })).json(),
      JSON.parse(JSON.stringify(hostReport())),
    );
  });

  it("ends with 5 and the install hint when there is no QEMU", async () => {
    const without: HostReport = {
      ...hostReport(),
      qemu: null,
      qemuProblem: { code: "qemu-missing", message: "No QEMU was found.", hint: "sudo apt-get install qemu-system" },
    };
    const ended = await runViv(["doctor"], { answers: { "host.report": () => without } });
    assert.equal(ended.code, 5);
    assert.match(ended.stderr, /sudo apt-get install/);
    assert.match(ended.stdout, /none that works/);
  });

  it("says that emulation is no boundary", async () => {
    assert.match(
      (await runViv(["doctor"], { answers: { "host.report": () => hostReport() } })).stdout,
      /emulated: not a security boundary/,
    );
  });
});

describe("events", () => {
  const changed: VivEvent = { event: "machine.changed", at: "2026-11-23T10:00:00.000Z", machine: summaryOf(running("hello")) };
  const notice: VivEvent = {
    event: "machine.notice",
    at: "2026-11-23T10:00:01.000Z",
    id: "id-of-web",
    name: "web",
    level: "warning",
    message: "disk\u001b[2J almost full",
  };

  it("are lines, for people or as JSON", async () => {
    for (const json of [false, true]) {
      const watching = startViv(["events", ...(json ? ["--json"] : [])]);
      await soon();
      watching.client.emit(changed);
      watching.client.emit(notice);
      watching.interrupt();
      assert.equal(await watching.code, 130);
      const lines = watching.stdout().trimEnd().split("\n");
      if (json)
        assert.deepEqual(
          lines.map((line) => JSON.parse(line) as unknown),
          [changed, notice].map((event) => JSON.parse(JSON.stringify(event)) as unknown),
        );
      else
        assert.deepEqual(lines, ["2026-11-23T10:00:00.000Z  hello  running", "2026-11-23T10:00:01.000Z  web  warning: disk almost full"]);
    }
  });

  it("are only those of the machines named", async () => {
    const watching = startViv(["events", "web"]);
    await soon();
    watching.client.emit(changed);
    watching.client.emit(notice);
    watching.interrupt();
    await watching.code;
    assert.match(watching.stdout(), /^\S+ {2}web/);
  });

  it("end with a failure when the service goes away", async () => {
    const watching = startViv(["events"]);
    await soon();
    watching.client.drop();
    assert.equal(await watching.code, 1);
  });
});

describe("keys and type", () => {
  it("pass on what is pressed and typed", async () => {
    const keys = await runViv(["keys", "hello", "ctrl-alt-delete", "ret"], { answers: { "machine.sendKeys": () => ({}) } });
    assert.deepEqual(keys.client.calls[0]?.params, { machine: "hello", keys: ["ctrl-alt-delete", "ret"] });
    const answers = { "machine.typeText": () => ({ characters: 5 }) };
    const typed = await runViv(["type", "hello", "Grüße", "--layout", "de"], { answers });
    assert.deepEqual(typed.client.calls[0]?.params, { machine: "hello", text: "Grüße", layout: "de" });
    const piped = await runViv(["type", "hello", "-"], { answers, stdin: "from a file\n" });
    assert.deepEqual(piped.client.calls[0]?.params, { machine: "hello", text: "from a file\n" });
  });
});

describe("version and help", () => {
  it("need no service", async () => {
    for (const words of [
      ["version"],
      ["--version"],
      ["help"],
      ["--help"],
      ["help", "exec"],
      ["trash", "--help"],
      ["help", "trash"],
      ["exec", "-h"],
      ["start", "--help", "--fast"],
    ]) {
      const ended = await runViv(words, { noService: true });
      assert.equal(ended.code, 0, words.join(" "));
      assert.notEqual(ended.stdout, "");
    }
  });

  it("leave --help alone after --", async () => {
    const ended = await runViv(["exec", "hello", "--", "ls", "--help"], {
      answers: {
        "machine.exec": () => ({ exitCode: 0, signal: null, stdoutBase64: "", stderrBase64: "", truncated: false, way: "agent" }),
      },
    });
    assert.equal(ended.client.calls.length, 1);
  });

  it("help of an unknown verb is a usage error", async () => {
    assert.equal((await runViv(["help", "frobnicate"])).code, 2);
  });
});
