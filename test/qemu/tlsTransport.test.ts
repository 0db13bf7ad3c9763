import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { killVivd } from "../support/faults.ts";
import { guest, starterMachine, testHome } from "../support/home.ts";

/** Windows has no unix sockets for Node; its way, loopback TCP with a key of the machine's own, runs here as well. */
describe("a machine whose sockets are TCP with a key", function () {
  this.timeout(180_000);

  it("runs, is adopted after kill -9 of vivd, and answers nobody without the key", async () => {
    const home = await testHome({ environment: { VIVARIUM_TRANSPORT: "tls" } });
    try {
      let client = await home.client();
      const { id, pid } = await starterMachine(client, "psk", { start: true });
      assert.equal(await guest(client, "psk", "hostname"), "psk");
      await killVivd(home);
      await client.closed;
      client = await home.client();
      const adopted = await client.call("machine.show", { machine: "psk" });
      assert.deepEqual([adopted.state, adopted.pid], ["running", pid]);
      assert.equal(await guest(client, "psk", "echo", "again"), "again");

      const run = join(home.folder, "run", id.slice(0, 8));
      assert.equal((await stat(join(run, "keys.psk"))).mode & 0o777, 0o600);
      const { ports } = JSON.parse(await readFile(join(run, "channels.json"), "utf8")) as { ports: Record<string, number> };
      assert.equal(await plainGreeting(ports.rescue ?? 0), "");
    } finally {
      await home.dispose();
    }
  });
});

/** What a program without the key is told by a monitor: it asks in plain QMP. */
function plainGreeting(port: number): Promise<string> {
  return new Promise((resolve) => {
    let heard = "";
    const socket = createConnection({ host: "127.0.0.1", port });
    socket.on("data", (data: Buffer) => {
      heard += data.toString("latin1").replaceAll(/[^\x20-\x7e]/g, "");
    });
    socket.once("connect", () => socket.write('{"execute":"qmp_capabilities"}\n'));
    socket.on("error", () => undefined);
    socket.once("close", () => resolve(heard.includes("QMP") ? heard : ""));
    socket.setTimeout(3000, () => socket.destroy());
  });
}
