// The tests' hand inside the window: changes settings and runs commands for them, asked over a socket in JSON lines.
const { createServer } = require("node:net");
const { rmSync } = require("node:fs");
const { createInterface } = require("node:readline");
const vscode = require("vscode");

async function answer({ kind, name, value, args }) {
  if (kind === "setting") return vscode.workspace.getConfiguration().update(name, value, vscode.ConfigurationTarget.Global);
  if (kind === "command") return vscode.commands.executeCommand(name, ...(args ?? []));
  throw new Error(`unknown request ${kind}`);
}

function plain(value) {
  try {
    return JSON.parse(JSON.stringify(value ?? null));
  } catch {
    return null;
  }
}

exports.activate = (context) => {
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
