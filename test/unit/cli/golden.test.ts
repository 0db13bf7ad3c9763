import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { verbNames } from "../../../src/cli/verbs.ts";
import { hostReport } from "./support/host-report.ts";
import { failed, running, stopped, summaryOf } from "./support/machines.ts";
import { runViv, type Setting } from "./support/run-viv.ts";

const folder = join(import.meta.dirname, "../../golden/cli");

/** One transcript: each command line with what it prints. UPDATE_GOLDEN=1 rewrites the files. */
async function compare(name: string, text: string): Promise<void> {
  const file = join(folder, `${name}.txt`);
  if (process.env["UPDATE_GOLDEN"] === "1") {
    await mkdir(folder, { recursive: true });
    await writeFile(file, text);
    return;
  }
  assert.equal(text, await readFile(file, "utf8"), `${name} differs; UPDATE_GOLDEN=1 rewrites it`);
}

async function transcript(commands: readonly (readonly [words: string[], setting?: Setting])[]): Promise<string> {
  const parts: string[] = [];
  for (const [words, setting] of commands) {
    const ended = await runViv(words, setting);
    const stderr = ended.stderr === "" ? "" : `[stderr]\n${ended.stderr}`;
    parts.push(
      `$ viv ${words.join(" ")}\n${ended.stdout}${stderr}[exit ${ended.code}]\n`.replaceAll("\u001b", "<ESC>").replaceAll("\r", "<CR>"),
    );
  }
  return parts.join("\n");
}

const machines = [
  running("hello"),
  stopped("web", { cpus: 2, memoryBytes: 2 * 1024 ** 3, architecture: "aarch64" }),
  failed("broken"),
  stopped("napping", {
    state: "suspended",
    status: { state: "suspended", since: "2026-11-23T10:00:00Z" },
    suspendedBytes: 100 * 1024 ** 2,
  }),
  stopped("full", {
    state: "paused",
    status: { state: "paused", because: "disk-full", pid: 9, since: "2026-11-23T10:00:00Z", responding: true },
    accelerator: "kvm",
  }),
  stopped("hung", {
    state: "running",
    status: { state: "running", pid: 10, since: "2026-11-23T10:00:00Z", responding: false },
    accelerator: "kvm",
  }),
  stopped("fresh", {
    state: "starting",
    status: { state: "starting", since: "2026-11-23T10:00:00Z" },
    operation: { kind: "start", step: "waiting for the guest agent", percent: 42 },
  }),
  stopped("odd", {
    state: "damaged",
    status: { state: "damaged", reason: "vm.json is not JSON (line 3)", hint: "viv edit odd" },
    architecture: undefined,
    cpus: undefined,
    memoryBytes: undefined,
    image: undefined,
  }),
];

const answers: NonNullable<Setting["answers"]> = {
  "machine.list": () => machines.map(summaryOf),
  "machine.show": ({ machine }) => machines.find((one) => one.name === machine) ?? stopped(machine),
  "machine.trash": () => [{ id: "t-1", name: "old", removedAt: "2026-11-20T08:30:00Z", bytes: 312 * 1024 ** 2 }],
  "image.list": () => [
    {
      name: "starter",
      title: "Vivarium starter guest",
      architecture: "x86_64",
      bytes: 21 * 1024 ** 2,
      version: "1",
      source: "built-in",
      description: "",
      login: "root",
      minimumMemoryBytes: 192 * 1024 ** 2,
      agents: [],
      notes: [],
      usedBy: [
        { name: "web", removed: false },
        { name: "old", removed: true },
      ],
    },
  ],
  "host.report": () => hostReport(),
  "daemon.status": () => ({
    pid: 4242,
    version: "0.1.0",
    build: "20261123T110000",
    uptimeSeconds: 3720,
    machines: 8,
    running: 2,
    clients: 1,
    operations: 1,
    home: "/home/ada/.vivarium",
    memoryBytes: 62 * 1024 ** 2,
  }),
};

describe("what viv prints", () => {
  it("as help is as agreed", async () => {
    await compare(
      "help",
      await transcript([[["help"]], ...verbNames.map((name): [string[]] => [[...name.split(" "), "--help"]]), [["trash", "--help"]]]),
    );
  });

  it("to a pipe is plain text", async () => {
    const setting = { answers };
    const words = [
      ["ls"],
      ["show", "hello"],
      ["show", "broken"],
      ["show", "odd"],
      ["show", "napping"],
      ["doctor"],
      ["trash", "ls"],
      ["image", "ls"],
      ["daemon", "status"],
    ];
    await compare("pipe", await transcript(words.map((line): [string[], Setting] => [line, setting])));
  });

  it("to a terminal has glyphs and colour", async () => {
    const setting = { answers, terminal: true };
    await compare(
      "terminal",
      await transcript([
        [["ls"], setting],
        [["show", "hello"], setting],
        [["doctor"], setting],
        [["ls"], { ...setting, environment: { NO_COLOR: "1" } }],
      ]),
    );
  });

  it("on wrong words says what to do", async () => {
    const words = [
      ["strat"],
      ["trash"],
      ["trash", "emty"],
      ["start"],
      ["start", "--fast", "hello"],
      ["exec", "hello", "ls", "-l"],
      ["create", "My Machine"],
      ["create", "a", "--memory", "lots"],
      ["create", "a", "--forward", "x"],
      ["wait", "hello"],
      ["show", "a", "b"],
      ["completion"],
    ];
    await compare("refusals", await transcript(words.map((line): [string[]] => [line])));
  });
});
