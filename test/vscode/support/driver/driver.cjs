// The tests' hand inside the window: changes settings and runs commands for them, asked over a socket in JSON lines.
const { createServer } = require("node:net");
const { rmSync } = require("node:fs");
const { createInterface } = require("node:readline");
const vscode = require("vscode");
const { memfs } = require("./memfs.cjs");

async function answer({ kind, name, value, args }) {
  if (kind === "setting") return vscode.workspace.getConfiguration().update(name, value, vscode.ConfigurationTarget.Global);
  if (kind === "command") return vscode.commands.executeCommand(name, ...(args ?? []));
  if (kind === "bareWebview") return bareWebview();
  throw new Error(`unknown request ${kind}`);
}

/** Milliseconds until a page with nothing on it but a line of text is on screen: what any webview takes here. */
async function bareWebview() {
  const begun = performance.now();
  const panel = vscode.window.createWebviewPanel("bare", "Bare", vscode.ViewColumn.Active, { enableScripts: true });
  const painted = new Promise((resolve) => panel.webview.onDidReceiveMessage(resolve));
  panel.webview.html = `<!DOCTYPE html><title>Bare</title><p>Bare</p><script>
    const host = acquireVsCodeApi();
    requestAnimationFrame(() => requestAnimationFrame(() => host.postMessage("painted")));
  </script>`;
  await painted;
  const milliseconds = performance.now() - begun;
  panel.dispose();
  return milliseconds;
}

function plain(value) {
  try {
    return JSON.parse(JSON.stringify(value ?? null));
  } catch {
    return null;
  }
}

exports.activate = (context) => {
  context.subscriptions.push(vscode.workspace.registerFileSystemProvider("memfs", memfs, { isReadonly: true }));
  const path = process.env.VIVARIUM_TEST_DRIVER;
  if (!path) return;
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    createInterface({ input: socket }).on("line", (line) => {
      const request = JSON.parse(line);
      answer(request).then(
        (result) => socket.write(`${JSON.stringify({ id: request.id, result: plain(result) })}\n`),
        (error) => socket.write(`${JSON.stringify({ id: request.id, error: String(error?.stack ?? error) })}\n`),
      );
    });
  });
  server.listen(path);
  context.subscriptions.push({ dispose: () => server.close() });
};
