import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import type { VivClient } from "../../../src/api/index.ts";
import { remoteUri } from "../../../src/commands/openInMachine.ts";

/** Runs inside a real extension host, against a real guest: `vm://NAME/path` as VS Code itself uses it. */

const run = <T>(command: string, ...args: unknown[]): Thenable<T> => vscode.commands.executeCommand<T>(`vivarium.${command}`, ...args);
const { fs } = vscode.workspace;
const at = (path: string) => vscode.Uri.from({ scheme: "vm", authority: "box", path });
const text = async (uri: vscode.Uri) => Buffer.from(await fs.readFile(uri)).toString("utf8");
const failsAs = (code: string) => (error: unknown) => {
  assert.equal((error as vscode.FileSystemError).code, code, String(error));
  return true;
};

describe("files of a guest in the extension host", function () {
  this.timeout(240_000);
  let client: VivClient;
  let folder = "";

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "vvf-"));
    assert.equal(await run("connectService"), "connected");
    const { connect } = await import("../../../src/api/index.ts");
    client = await connect({});
    await client.call("machine.create", { name: "box", image: "starter", memory: "256M", set: ["display.type=none"] });
    await client.call("machine.start", { machine: "box" });
    await client.call("machine.wait", { machine: "box", for: "agent", timeoutMs: 180_000 });
    await guest("mkdir -p /work/sub && echo one > /work/one.txt");
  });
  after(async () => {
    await client?.call("machine.kill", { machine: "box" }).catch(() => undefined);
    client?.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  async function guest(line: string): Promise<string> {
    const result = await client.call("machine.exec", { machine: "box", command: ["/bin/sh", "-c", line] });
    return Buffer.from(result.stdoutBase64, "base64").toString("utf8");
  }

  it("are browsed, edited in an editor and saved", async () => {
    assert.deepEqual(
      await fs.readDirectory(at("/work")),
      [
        ["one.txt", vscode.FileType.File],
        ["sub", vscode.FileType.Directory],
      ].sort(),
    );
    const document = await vscode.workspace.openTextDocument(at("/work/one.txt"));
    await vscode.window.showTextDocument(document);
    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, new vscode.Position(1, 0), "two\n");
    assert.ok(await vscode.workspace.applyEdit(edit));
    // In a browser VS Code saves by itself after a second: then there is nothing left to save.
    await document.save();
    assert.equal(document.isDirty, false);
    assert.equal(await guest("cat /work/one.txt"), "one\ntwo\n");
  });

  it("an editor sees what the guest changes", async () => {
    const document = await vscode.workspace.openTextDocument(at("/work/one.txt"));
    await vscode.window.showTextDocument(document);
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(at("/work"), "*"));
    const seen = new Promise<string>((resolve) => watcher.onDidCreate((uri) => resolve(uri.path)));
    // The watcher is set up behind the API: the change is made until it is seen.
    const timer = setInterval(() => void guest("echo made > /work/made-$$"), 1000);
    try {
      assert.match(await seen, /^\/work\/made-/);
    } finally {
      clearInterval(timer);
      watcher.dispose();
    }
    const changed = new Promise<void>((resolve) => {
      const listening = vscode.workspace.onDidChangeTextDocument(({ document: one }) => {
        if (one === document && one.getText() === "by the guest\n") {
          listening.dispose();
          resolve();
        }
      });
    });
    await guest("echo by the guest > /work/one.txt");
    await changed;
  });

  it("have every name, and errors that VS Code knows", async () => {
    await guest("printf x > \"$(printf '/work/sub/caf\\351')\"; printf y > \"$(printf '/work/sub/a\\nb')\"; ln -s nowhere /work/sub/l");
    const names = (await fs.readDirectory(at("/work/sub"))).map(([name]) => name).sort();
    assert.deepEqual(names, ["a\ufffd0Ab", "caf\ufffdE9", "l"]);
    assert.equal(await text(at("/work/sub/caf\ufffdE9")), "x");
    assert.equal(await text(at("/work/sub/a\ufffd0Ab")), "y");
    await assert.rejects(async () => fs.stat(at("/work/none")), failsAs("FileNotFound"));
    await assert.rejects(async () => fs.readFile(at("/work/sub")), failsAs("FileIsADirectory"));
    await assert.rejects(async () => fs.rename(at("/work/sub/l"), at("/work/one.txt"), { overwrite: false }), failsAs("FileExists"));
    await assert.rejects(async () => fs.stat(vscode.Uri.parse("vm://nobody/x")), failsAs("Unavailable"));
  });

  it("are made, copied, renamed and deleted", async () => {
    await fs.createDirectory(at("/work/deep/er"));
    await fs.writeFile(at("/work/deep/er/f"), Buffer.from("f"));
    await fs.copy(at("/work/deep"), at("/work/copy"));
    await fs.rename(at("/work/copy"), at("/work/moved"));
    assert.equal(await guest("cat /work/moved/er/f; ls -d /work/copy 2>/dev/null"), "f");
    await fs.delete(at("/work/moved"), { recursive: true });
    assert.equal(await guest("ls -d /work/moved 2>/dev/null"), "");
  });

  it("are uploaded and downloaded", async () => {
    await writeFile(join(folder, "up.txt"), "up");
    await run("files.upload", "box", "/work", vscode.Uri.file(join(folder, "up.txt")));
    assert.equal(await guest("cat /work/up.txt"), "up");
    await guest("echo down > /work/down.txt");
    await run("files.download", "box", "/work/down.txt", vscode.Uri.file(folder));
    assert.equal(await readFile(join(folder, "down.txt"), "utf8"), "down\n");
  });

  it("a folder in the machine has the URI that Remote - SSH opens", () => {
    assert.equal(remoteUri("box", "/srv/my app").toString(), "vscode-remote://ssh-remote%2Bbox.viv/srv/my%20app");
    assert.equal(remoteUri("box", "/srv").authority, "ssh-remote+box.viv");
  });

  it("are unavailable while the machine does not run, and there again when it does", async () => {
    await client.call("machine.kill", { machine: "box" });
    await assert.rejects(async () => fs.stat(at("/work/one.txt")), failsAs("Unavailable"));
    await client.call("machine.start", { machine: "box" });
    // A guest that boots is waited for.
    for (const end = Date.now() + 120_000; ; await new Promise((wake) => setTimeout(wake, 500))) {
      const there = await Promise.resolve(fs.stat(at("/etc"))).catch(() => undefined);
      if (there) break;
      assert.ok(Date.now() < end);
    }
  });
});
