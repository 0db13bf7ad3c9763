import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import type { MachineDetails, MachineSummary } from "../../../src/api/index.ts";

/** Runs inside a real extension host, against a real vivd with a home of its own (VIVARIUM_HOME). */

const run = <T>(command: string, ...args: unknown[]): Thenable<T> => vscode.commands.executeCommand<T>(command, ...args);

/** The service as another client of the same home sees it. */
async function service() {
  const { connect } = await import("../../../src/api/index.ts");
  return connect({});
}

async function withService<T>(use: (client: Awaited<ReturnType<typeof service>>) => Promise<T>): Promise<T> {
  const client = await service();
  try {
    return await use(client);
  } finally {
    client.dispose();
  }
}

const show = (name: string): Promise<MachineDetails> => withService((client) => client.call("machine.show", { machine: name }));
const list = (): Promise<MachineSummary[]> => withService((client) => client.call("machine.list", {}));

describe("commands in the extension host", function () {
  this.timeout(180_000);
  let folder = "";

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "vvc-"));
    assert.ok(process.env["VIVARIUM_HOME"], "a home of the test's own");
    assert.equal(await run("vivarium.connectService"), "connected");
    await withService((client) => client.call("machine.create", { name: "hello", image: "starter", memory: "256M" }));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("are all registered", async () => {
    const extension = vscode.extensions.getExtension<void>("vivarium.vivarium");
    assert.ok(extension);
    await extension.activate();
    const manifest = extension.packageJSON as { contributes: { commands: { command: string }[] } };
    const known = new Set(await vscode.commands.getCommands(true));
    for (const { command } of manifest.contributes.commands) assert.ok(known.has(command), command);
  });

  it("start, pause, resume", async () => {
    const [started] = (await run<MachineDetails[]>("vivarium.start", "hello")) ?? [];
    assert.equal(started?.state, "running");
    await run("vivarium.pause", "hello");
    assert.equal((await show("hello")).state, "paused");
    await run("vivarium.resume", "hello");
    assert.equal((await show("hello")).state, "running");
  });

  it("wait for the agent and run a command in the guest", async () => {
    await run("vivarium.wait", "hello", "agent");
    const token = Math.random().toString(36).slice(2);
    const result = await run<{ exitCode: number; stdout: string }>("vivarium.exec", "hello", `echo ${token}; exit 3`);
    assert.deepEqual([result.exitCode, result.stdout.trim()], [3, token]);
  });

  it("save a screenshot", async () => {
    const file = vscode.Uri.file(join(folder, "screen.png"));
    await run("vivarium.screenshot", "hello", file);
    assert.equal((await readFile(file.fsPath)).subarray(1, 4).toString("latin1"), "PNG");
  });

  it("copy the SSH command, and open a terminal with ssh", async () => {
    const text = await run<string>("vivarium.copySshCommand", "hello");
    assert.match(text, /^ssh .*127\.0\.0\.1|^ssh /);
    assert.equal(await vscode.env.clipboard.readText(), text);
    const name = await run<string>("vivarium.openSsh", "hello");
    const terminal = vscode.window.terminals.find((one) => one.name === name);
    assert.ok(terminal, name);
    terminal.dispose();
  });

  it("open vm.json as text, and the logs", async () => {
    await run("vivarium.editDefinition", "hello");
    assert.match(vscode.window.activeTextEditor?.document.fileName ?? "", /hello[\\/]vm\.json$/);
    assert.equal(vscode.window.activeTextEditor?.document.languageId, "jsonc");
    await run("vivarium.showSerialLog", "hello");
    assert.match(vscode.window.activeTextEditor?.document.fileName ?? "", /serial\.log$/);
    await run("workbench.action.closeAllEditors");
  });

  it("change memory, which a running machine has at its next start", async () => {
    await run("vivarium.setMemory", "hello", "320M");
    assert.deepEqual((await show("hello")).pendingChanges, ["memory"]);
  });

  it("suspend and wake", async () => {
    await run("vivarium.suspend", "hello");
    assert.equal((await show("hello")).state, "suspended");
    await run("vivarium.start", "hello");
    assert.equal((await show("hello")).state, "running");
  });

  it("come back by themselves when vivd is killed; the machine does not notice", async () => {
    const before = await show("hello");
    const pid = await withService(async (client) => client.service.pid);
    process.kill(pid, "SIGKILL");
    await run("vivarium.pause", "hello");
    const after = await show("hello");
    assert.deepEqual([after.state, after.pid], ["paused", before.pid]);
    assert.notEqual(await withService(async (client) => client.service.pid), pid);
    await run("vivarium.resume", "hello");
  });

  it("stop, rename, remove, and bring back", async () => {
    await run("vivarium.stop", "hello");
    assert.equal((await show("hello")).state, "stopped");
    await run("vivarium.rename", "hello", "world");
    await run("vivarium.remove", "world");
    assert.deepEqual(await list(), []);
    await run("vivarium.restoreRemoved", "world");
    assert.deepEqual(
      (await list()).map(({ name }) => name),
      ["world"],
    );
  });

  it("collect a support bundle without keys", async () => {
    const file = vscode.Uri.file(join(folder, "support.zip"));
    await run("vivarium.supportBundle", file);
    const bytes = await readFile(file.fsPath);
    assert.equal(bytes.subarray(0, 2).toString(), "PK");
    assert.ok(bytes.includes("machines/world/vm.json") && !bytes.includes("PRIVATE KEY"));
  });

  it("show the host report as a page", async () => {
    const report = await run<{ accelerators: unknown[] }>("vivarium.hostReport");
    assert.ok(report.accelerators.length > 0);
    await run("workbench.action.closeAllEditors");
  });

  it("open vm.json of a machine that is damaged", async () => {
    await writeFile(join((await show("world")).folder, "vm.json"), "{ nope");
    for (let tries = 0; tries < 50 && (await list())[0]?.state !== "damaged"; tries += 1)
      await new Promise((wake) => setTimeout(wake, 100));
    await run("vivarium.editDefinition", "world");
    // On a busy host the window tells which editor is active a moment after it was opened.
    for (let tries = 0; tries < 50 && vscode.window.activeTextEditor === undefined; tries += 1)
      await new Promise((wake) => setTimeout(wake, 100));
    assert.equal(vscode.window.activeTextEditor?.document.getText(), "{ nope");
    await run("workbench.action.closeAllEditors");
  });

  it("install viv as a launcher that works", async () => {
    const file = await run<string>("vivarium.installCli", folder);
    const { execFile } = await import("node:child_process");
    const { promisify } = await import("node:util");
    const { stdout } = await promisify(execFile)(file, ["version", "--json"]);
    assert.match(stdout, /"version"/);
  });
});
