import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { highWaterBytes } from "../../../src/webviews/console/messages.ts";
import { aheadBytes, Relay } from "../../../src/webviews/console/relay.ts";

describe("the console's relay", () => {
  let folder: string;
  let path: string;
  let server: Server;
  let peer: Promise<Socket>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-relay-"));
    path = join(folder, "vnc.sock");
    server = createServer();
    peer = new Promise((resolve) => server.once("connection", resolve));
    await new Promise<void>((resolve) => server.listen(path, resolve));
  });
  afterEach(async () => {
    (await Promise.race([peer, undefined]))?.destroy();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  interface Heard {
    readonly relay: Relay;
    readonly chunks: ArrayBuffer[];
    readonly closed: Promise<string>;
    bytes(): number;
  }

  async function relay(): Promise<Heard> {
    const chunks: ArrayBuffer[] = [];
    let made: Relay | undefined;
    const closed = Promise.withResolvers<string>();
    await new Promise<void>((onOpen) => {
      made = new Relay(path, { onOpen, onData: (bytes) => chunks.push(bytes), onClose: closed.resolve });
    });
    assert.ok(made);
    return { relay: made, chunks, closed: closed.promise, bytes: () => chunks.reduce((sum, { byteLength }) => sum + byteLength, 0) };
  }

  async function settled(heard: Heard): Promise<number> {
    for (let before = -1; before !== heard.bytes(); ) {
      before = heard.bytes();
      await new Promise((wake) => setTimeout(wake, 60));
    }
    return heard.bytes();
  }

  it("hands over buffers that hold the bytes and nothing else", async () => {
    const heard = await relay();
    (await peer).write(Buffer.from("RFB 003.008\n"));
    await settled(heard);
    assert.deepEqual(
      heard.chunks.map((chunk) => Buffer.from(chunk).toString()),
      ["RFB 003.008\n"],
    );
    heard.relay.dispose();
  });

  it("carries what the page says to the machine", async () => {
    const heard = await relay();
    const said = new Promise<Buffer>((resolve) => void peer.then((socket) => socket.once("data", resolve)));
    heard.relay.send(new Uint8Array([1, 2, 3]).buffer);
    assert.deepEqual([...(await said)], [1, 2, 3]);
    heard.relay.dispose();
  });

  it("stops reading when the page has not drawn a mebibyte, and goes on when it has", async () => {
    const heard = await relay();
    const total = 8 * highWaterBytes;
    (await peer).write(Buffer.alloc(total, 7));
    const first = await settled(heard);
    assert.ok(first > highWaterBytes && first < 2 * highWaterBytes, `${first} bytes came unacknowledged`);
    assert.ok(heard.relay.isPaused);
    let acknowledged = 0;
    while (heard.bytes() < total) {
      heard.relay.acknowledge(heard.bytes() - acknowledged);
      acknowledged = heard.bytes();
      await new Promise((wake) => setTimeout(wake, 5));
      assert.ok(heard.relay.unacknowledgedBytes < 2 * highWaterBytes);
    }
    assert.equal(heard.bytes(), total);
    heard.relay.dispose();
  });

  describe("asks ahead for the next picture", () => {
    const request = Uint8Array.from([3, 1, 0, 0, 0, 0, 4, 0, 3, 0]);
    const picture = Buffer.alloc(1000, 7);

    /** The requests QEMU has been given since the last call. */
    async function requests(): Promise<number> {
      await new Promise((wake) => setTimeout(wake, 60));
      const { byteLength } = ((await peer).read() as Buffer | null) ?? Buffer.alloc(0);
      return byteLength / request.byteLength;
    }

    it("when one begins to arrive, in the page's own words", async () => {
      const { relay: made } = await relay();
      made.send(request.slice().buffer);
      assert.equal(await requests(), 1);
      (await peer).write(picture);
      await new Promise((wake) => setTimeout(wake, 60));
      assert.deepEqual([...((await peer).read() as Buffer)], [...request]);
      made.dispose();
    });

    it("only after the page has asked for changes itself", async () => {
      const { relay: made } = await relay();
      made.send(Uint8Array.from([3, 0, 0, 0, 0, 0, 4, 0, 3, 0]).buffer);
      assert.equal(await requests(), 1);
      (await peer).write(picture);
      assert.equal(await requests(), 0);
      made.dispose();
    });

    it("not while the page is behind", async () => {
      const { relay: made } = await relay();
      made.send(request.slice().buffer);
      (await peer).write(Buffer.alloc(aheadBytes, 7));
      await requests();
      (await peer).write(picture);
      assert.equal(await requests(), 0);
      made.acknowledge(aheadBytes + picture.byteLength);
      (await peer).write(picture);
      assert.equal(await requests(), 1);
      made.dispose();
    });

    it("never between the parts of a long message", async () => {
      const { relay: made } = await relay();
      made.send(request.slice().buffer);
      made.send(new ArrayBuffer(10 * 1024));
      await requests();
      (await peer).write(picture);
      assert.equal(await requests(), 0);
      made.send(request.slice().buffer);
      assert.equal(await requests(), 1);
      made.dispose();
    });
  });

  it("says when the machine closes, after its last bytes", async () => {
    const heard = await relay();
    (await peer).end(Buffer.from("bye"));
    assert.equal(await heard.closed, "closed");
    assert.equal(heard.bytes(), 3);
  });

  it("says why there is nobody", async () => {
    const reason = await new Promise<string>((onClose) => {
      new Relay(join(folder, "no.sock"), { onOpen: () => undefined, onData: () => undefined, onClose });
    });
    assert.match(reason, /ENOENT/);
  });

  it("is silent once it is disposed", async () => {
    const heard = await relay();
    (await peer).on("error", () => undefined).write(Buffer.from("late"));
    heard.relay.dispose();
    assert.equal(await settled(heard), 0);
  });
});
