import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface WebServer {
  /** With a slash at its end. */
  readonly url: string;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  close(): Promise<void>;
}

export type Answer = Buffer | string | ((request: IncomingMessage, response: ServerResponse) => void);

/** A server on loopback that has these paths (`/linux`), and 404 for everything else. */
export async function webServer(answers: Readonly<Record<string, Answer>>): Promise<WebServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const answer = answers[request.url ?? ""];
    if (answer === undefined) response.writeHead(404, { "content-type": "text/plain" }).end("nothing here");
    else if (typeof answer === "function") answer(request, response);
    else response.writeHead(200, { "content-type": "application/octet-stream", "content-length": Buffer.byteLength(answer) }).end(answer);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

export function redirectTo(location: string): Answer {
  return (_request, response) => response.writeHead(302, { location }).end();
}
