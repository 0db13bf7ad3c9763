import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

export type DriverRequest =
  | { readonly kind: "setting"; readonly name: string; readonly value: unknown }
  /** Opens an empty webview; gives the milliseconds until it was on screen. */
  | { readonly kind: "bareWebview"; readonly name: string }
  | { readonly kind: "command"; readonly name: string; readonly args?: readonly unknown[] };

/** Asks the tests' own extension (driver/) in the window; waits while the extension host comes up or is restarted. */
export async function askDriver(path: string, request: DriverRequest, timeoutMs = 30_000): Promise<unknown> {
  const deadline = Date.now() + timeoutMs;
  const socket = await dial(path, deadline);
  try {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`The window did not answer ${request.kind} ${request.name}.`)),
        deadline - Date.now(),
      );
      createInterface({ input: socket }).once("line", (line) => {
        clearTimeout(timer);
        const { result, error } = JSON.parse(line) as { result?: unknown; error?: string };
        if (error === undefined) resolve(result);
        else reject(new Error(error));
      });
      socket.once("error", reject);
      socket.write(`${JSON.stringify({ id: 1, ...request })}\n`);
    });
  } finally {
    socket.destroy();
  }
}

async function dial(path: string, deadline: number): Promise<Socket> {
  for (;;) {
    try {
      return await new Promise((resolve, reject) => {
        const socket = connect(path, () => resolve(socket));
        socket.once("error", reject);
      });
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((wake) => setTimeout(wake, 100));
    }
  }
}
