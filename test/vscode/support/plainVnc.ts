/**
 * What the console is measured against: noVNC in a page of its own, over a WebSocket on the loopback interface that is
 * joined to the same VNC socket. As small as a WebSocket can be (RFC 6455): binary frames, no extensions.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { build } from "esbuild";
import { checkout } from "../../support/home.ts";

export interface PlainVnc {
  readonly address: string;
  dispose(): Promise<void>;
}

const html = `<!DOCTYPE html><meta charset="utf-8"><title>plain</title><style>html,body,#screen{margin:0;height:100%}</style><div id="screen"></div><script type="module" src="/page.js"></script>`;
const page = `import RFB from "@novnc/novnc";
const rfb = new RFB(document.getElementById("screen"), "ws://" + location.host + "/vnc");
rfb.scaleViewport = true;
rfb.compressionLevel = 0;`;

export async function plainVnc(vncSocket: string): Promise<PlainVnc> {
  const { outputFiles } = await build({
    stdin: { contents: page, resolveDir: join(checkout, "test") },
    bundle: true,
    format: "esm",
    target: "chrome138",
    minify: true,
    write: false,
  });
  const script = outputFiles[0]?.text ?? "";
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : html);
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  server.on("upgrade", (request, socket) => {
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"] ?? ""}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    connectBoth(socket as Socket, createConnection(vncSocket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    address: `http://localhost:${port}/`,
    async dispose() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function connectBoth(browser: Socket, vnc: Socket): void {
  let waiting = Buffer.alloc(0);
  browser.setNoDelay(true);
  vnc.on("data", (data: Buffer) => {
    if (!browser.write(frame(data))) vnc.pause();
  });
  browser.on("drain", () => vnc.resume());
  browser.on("data", (data: Buffer) => {
    waiting = Buffer.concat([waiting, data]);
    for (let message = unmask(waiting); message; message = unmask(waiting)) {
      waiting = waiting.subarray(message.length);
      if (message.binary) vnc.write(message.payload);
    }
  });
  for (const [one, other] of [
    [browser, vnc],
    [vnc, browser],
  ] as const) {
    one.on("error", () => other.destroy());
    one.on("close", () => other.destroy());
  }
}

function frame(data: Buffer): Buffer {
  const length = data.byteLength;
  const header =
    length < 126 ? Buffer.from([0x82, length]) : length < 65_536 ? Buffer.from([0x82, 126, length >> 8, length & 255]) : Buffer.alloc(10);
  if (length >= 65_536) {
    header.writeUInt16BE(0x827f, 0);
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, data]);
}

/** The first whole frame of what a browser sent: always masked, and small. */
function unmask(data: Buffer): { payload: Buffer; length: number; binary: boolean } | undefined {
  if (data.byteLength < 6) return undefined;
  const short = (data[1] ?? 0) & 127;
  const start = short === 126 ? 4 : 2;
  const size = short === 126 ? data.readUInt16BE(2) : short;
  const length = start + 4 + size;
  if (data.byteLength < length) return undefined;
  const mask = data.subarray(start, start + 4);
  const payload = Buffer.from(data.subarray(start + 4, length).map((byte, index) => byte ^ (mask[index & 3] ?? 0)));
  return { payload, length, binary: ((data[0] ?? 0) & 15) === 2 };
}
