import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { ErrorCodes, type MessageConnection, ResponseError } from "vscode-jsonrpc/node";
import { controlSocket, openControl, requests, type SegmentArguments } from "./control.ts";
import { Segment } from "./segment.ts";

/** The process of one segment: `segment --run FOLDER --leases FILE --id ID`. It outlives vivd and ends when it is asked to. */

function readArguments(words: readonly string[]): SegmentArguments {
  const value = (name: string) => {
    const found = words[words.indexOf(`--${name}`) + 1];
    if (!words.includes(`--${name}`) || found === undefined) throw new Error(`--${name} is missing`);
    return found;
  };
  return { run: value("run"), leases: value("leases"), id: value("id") };
}

function serve(connection: MessageConnection, segment: Segment, end: () => void): void {
  connection.onRequest(requests.configure, async (wanted) => answer(segment.configure(wanted).then(() => null)));
  connection.onRequest(requests.status, () => segment.status());
  connection.onRequest(requests.startCapture, async (options) => answer(segment.startCapture(options)));
  connection.onRequest(requests.stopCapture, async () => answer(segment.stopCapture()));
  connection.onRequest(requests.end, () => {
    setImmediate(end);
    return null;
  });
  connection.listen();
}

async function answer<T>(work: Promise<T>): Promise<T | ResponseError<void>> {
  try {
    return await work;
  } catch (error) {
    return new ResponseError<void>(ErrorCodes.InternalError, (error as Error).message);
  }
}

const given = readArguments(process.argv);
process.umask(0o177);
const segment = new Segment(given);
const path = join(given.run, controlSocket);
await rm(path, { force: true });
const end = () => void segment.end().then(() => process.exit(0));
const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  serve(openControl(socket), segment, end);
});
server.listen(path);
// A frame that nobody thought of must not take the others' network down; it is a defect to be seen.
process.on("uncaughtException", (error) => process.stderr.write(`${new Date().toISOString()} ${error.stack ?? error.message}\n`));
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, end);
