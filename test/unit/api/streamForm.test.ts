import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { openConnection, streamData, wholeOf } from "../../../src/api/index.ts";
import { decodeMessage, encodeMessage } from "../../../src/api/streamForm.ts";

describe("the bytes of a stream", () => {
  const content = Buffer.from([0, 1, 2, 253, 254, 255]);
  const message = { jsonrpc: "2.0", method: "stream.data", params: { stream: 70_000, data: content } };

  for (const binary of [false, true]) {
    it(`are the same after a way as ${binary ? "bytes" : "base64"}`, () => {
      const { method, params } = decodeMessage(encodeMessage(message, binary)) as unknown as typeof message;
      assert.equal(method, "stream.data");
      assert.equal(params.stream, 70_000);
      assert.ok(Buffer.from(params.data).equals(content));
    });
  }

  it("travel as JSON with base64 to a side that did not ask for bytes", () => {
    const text = encodeMessage(message, false).toString("utf8");
    assert.deepEqual(JSON.parse(text), {
      jsonrpc: "2.0",
      method: "stream.data",
      params: { stream: 70_000, dataBase64: content.toString("base64") },
    });
  });

  it("take five bytes more than they are, and parts are joined", () => {
    const parts = { ...message, params: { stream: 1, data: [content, content.subarray(0, 2)] } };
    const encoded = encodeMessage(parts, true);
    assert.equal(encoded.length, 5 + 8);
    assert.equal(encoded.toString("hex"), `0001000000${content.toString("hex")}0001`);
  });

  it("leave every other message as it is", () => {
    const other = { jsonrpc: "2.0", id: 1, method: "machine.list", params: {} };
    assert.deepEqual(decodeMessage(encodeMessage(other as never, true)), other);
  });

  it("refuse what is neither form", () => {
    for (const bad of [Buffer.alloc(0), Buffer.from([0, 1]), Buffer.from("x")]) assert.throws(() => decodeMessage(bad), SyntaxError);
  });

  it("arrive whole and in order between sides that write differently", async () => {
    const { near, far, end } = await pair();
    const [binary, plain] = [openConnection(near, { binary: true }), openConnection(far)];
    const got: Buffer[] = [];
    const answered = new Promise<Buffer>((come) => {
      plain.onNotification(streamData, ({ stream, data }) => {
        got.push(wholeOf(data));
        if (got.length === 3) void plain.sendNotification(streamData, { stream, data: Buffer.concat(got) });
      });
      binary.onNotification(streamData, ({ data }) => come(wholeOf(data)));
    });
    binary.listen();
    plain.listen();
    for (const size of [0, 300_000, 7]) void binary.sendNotification(streamData, { stream: 9, data: Buffer.alloc(size, size % 251) });
    assert.ok((await answered).equals(Buffer.concat([Buffer.alloc(300_000, 300_000 % 251), Buffer.alloc(7, 7)])));
    for (const connection of [binary, plain]) connection.dispose();
    end();
  });
});

async function pair(): Promise<{ near: Socket; far: Socket; end: () => void }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const { connect } = await import("node:net");
  const near = connect(address.port, "127.0.0.1");
  const [far] = (await once(server, "connection")) as [Socket];
  return {
    near,
    far,
    end: () => {
      near.destroy();
      far.destroy();
      server.close();
    },
  };
}
