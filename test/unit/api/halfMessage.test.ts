import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";

const connection = join(import.meta.dirname, "../../../src/api/connection.ts");

/** A client whose service is killed in the middle of a message. */
const client = `
const { createServer, connect } = await import("node:net");
const { openConnection } = await import(${JSON.stringify(connection)});
const server = createServer((peer) => {
  peer.write("Content-Length: 1000\\r\\n\\r\\n{\\"half\\":");
  setTimeout(() => peer.destroy(), 50);
}).listen(0, "127.0.0.1", () => {
  const socket = connect(server.address().port, "127.0.0.1");
  socket.on("error", () => undefined);
  const rpc = openConnection(socket);
  rpc.onClose(() => { process.stdout.write("closed"); server.close(); });
  rpc.listen();
});
`;

describe("a connection that breaks in the middle of a message", function () {
  this.timeout(20_000);
  it("lets the process end", async () => {
    const said = await new Promise<string>((resolve, reject) => {
      execFile(process.execPath, ["--input-type=module", "-e", client], { timeout: 15_000 }, (error, stdout) =>
        error ? reject(error) : resolve(stdout),
      );
    });
    assert.equal(said, "closed");
  });
});
