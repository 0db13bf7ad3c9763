import { createConnection } from "node:net";

/** Does an SSH server greet there within the time? slirp accepts for a guest that does not listen, so only the banner counts. */
export function answersSsh(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const finish = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(timeoutMs, () => finish(false));
    socket.once("data", (data: Buffer) => finish(data.toString("latin1", 0, 4) === "SSH-"));
    socket.once("error", () => finish(false));
    socket.once("close", () => finish(false));
  });
}
