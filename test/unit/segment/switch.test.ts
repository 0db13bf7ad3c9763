import assert from "node:assert/strict";
import { ipv4Number, macNumber } from "../../../src/segment/addresses.ts";
import { randomFrom } from "../../../src/segment/conditioner.ts";
import { FrameReader, FramingError, headerBytes } from "../../../src/segment/frames.ts";
import { MacTable } from "../../../src/segment/macTable.ts";
import { Switch, stormFramesPerSecond } from "../../../src/segment/switch.ts";
import { inject, plainFrame, TestPort, udp } from "./support.ts";

const [a, b, c] = ["52:54:00:00:00:0a", "52:54:00:00:00:0b", "52:54:00:00:00:0c"];
const everyone = "ff:ff:ff:ff:ff:ff";

function threePorts() {
  const fabric = new Switch();
  const ports = [new TestPort("alpha", a), new TestPort("beta", b), new TestPort("gamma", c)] as const;
  for (const port of ports) fabric.add(port);
  return { fabric, ports };
}

describe("frames of a stream", () => {
  it("come out whole however the stream is cut", () => {
    const random = randomFrom(1);
    const frames = Array.from({ length: 200 }, (_, index) => Buffer.alloc(Math.floor(random() * 2000), index));
    const stream = Buffer.concat(frames.flatMap((frame) => [Buffer.from([0, 0, frame.length >> 8, frame.length & 255]), frame]));
    for (let round = 0; round < 30; round += 1) {
      const reader = new FrameReader();
      const out: Buffer[] = [];
      for (let at = 0; at < stream.length; ) {
        const size = 1 + Math.floor(random() * (round % 3 === 0 ? 3 : 5000));
        reader.push(stream.subarray(at, at + size), (buffer, start, end) => {
          assert.equal(buffer.readUInt32BE(start - headerBytes), end - start);
          out.push(Buffer.from(buffer.subarray(start, end)));
        });
        at += size;
      }
      // A frame of no bytes that ends a chunk has nobody to be given to.
      assert.deepEqual(
        out.filter(({ length }) => length > 0),
        frames.filter(({ length }) => length > 0),
      );
    }
  });

  it("end with the first length that cannot be true", () => {
    const reader = new FrameReader();
    assert.throws(() => reader.push(Buffer.from([0, 1, 0, 1, 9]), () => undefined), FramingError);
    const slowly = new FrameReader();
    slowly.push(Buffer.from([0xff, 0xff]), () => undefined);
    assert.throws(() => slowly.push(Buffer.from([0xff, 0xff]), () => undefined), FramingError);
  });
});

describe("the switch", () => {
  it("gives a frame to the machine it is for, and to nobody else", () => {
    const { fabric, ports } = threePorts();
    inject(fabric, ports[0], plainFrame(a, b));
    assert.deepEqual(
      ports.map((port) => port.received.length),
      [0, 1, 0],
    );
  });

  it("gives broadcasts to everyone else", () => {
    const { fabric, ports } = threePorts();
    inject(fabric, ports[0], plainFrame(a, everyone));
    assert.deepEqual(
      ports.map((port) => port.received.length),
      [0, 1, 1],
    );
  });

  it("learns where an address is that is no machine's own", () => {
    const { fabric, ports } = threePorts();
    const nested = "02:00:00:00:00:01";
    inject(fabric, ports[0], plainFrame(a, nested));
    assert.deepEqual(
      ports.map((port) => port.received.length),
      [0, 1, 1],
    );
    inject(fabric, ports[1], plainFrame(nested, a));
    inject(fabric, ports[2], plainFrame(c, nested));
    assert.deepEqual(
      ports.map((port) => port.received.length),
      [1, 2, 1],
    );
  });

  it("takes no frame under another machine's address", () => {
    const { fabric, ports } = threePorts();
    inject(fabric, ports[0], plainFrame(b, c));
    assert.equal(ports[2].received.length, 0);
    assert.equal(ports[0].counters.drops.spoofed, 1);
    inject(fabric, ports[2], plainFrame(c, b));
    assert.equal(ports[1].received.length, 1);
  });

  it("keeps isolated machines and partitions apart", () => {
    const { fabric, ports } = threePorts();
    fabric.isolation = true;
    inject(fabric, ports[0], plainFrame(a, b));
    assert.equal(ports[1].received.length, 0);
    fabric.isolation = false;
    ports[1].settings = { ...ports[1].settings, impairment: { partition: "other" } };
    fabric.add(ports[1]);
    inject(fabric, ports[0], plainFrame(a, everyone));
    assert.deepEqual(
      ports.map((port) => port.received.length),
      [0, 0, 1],
    );
  });

  it("lets a storm of broadcasts through no faster than the limit", () => {
    const { fabric, ports } = threePorts();
    const frame = plainFrame(a, everyone);
    const began = performance.now();
    for (let sent = 0; sent < 5 * stormFramesPerSecond; sent += 1) inject(fabric, ports[0], frame);
    const allowed = stormFramesPerSecond + ((performance.now() - began) / 1000) * stormFramesPerSecond + 1;
    assert.ok(ports[1].received.length >= stormFramesPerSecond && ports[1].received.length <= allowed, `${ports[1].received.length}`);
    assert.equal(ports[0].counters.drops.storm, 5 * stormFramesPerSecond - ports[1].received.length);
  });

  it("stops what a rule forbids, by machine, address, protocol and port, also behind VLAN tags and in fragments", () => {
    const { fabric, ports } = threePorts();
    const ends = {
      sourceMac: macNumber(a),
      destinationMac: macNumber(b),
      source: ipv4Number("10.77.0.4"),
      destination: ipv4Number("10.77.0.5"),
    };
    fabric.rules = [
      { action: "allow", from: "alpha", to: "beta", protocol: "udp", port: 53 },
      { action: "deny", from: "10.77.0.0/29", to: "beta", protocol: "udp" },
    ];
    inject(fabric, ports[0], udp(ends, 1000, 53));
    assert.equal(ports[1].received.length, 1);
    const forbidden = udp(ends, 1000, 54);
    inject(fabric, ports[0], forbidden);
    const tagged = Buffer.concat([forbidden.subarray(0, 16), Buffer.from([0x81, 0, 0, 5]), forbidden.subarray(16)]);
    tagged.writeUInt32BE(tagged.length - headerBytes, 0);
    inject(fabric, ports[0], tagged);
    const fragment = Buffer.from(udp(ends, 1000, 53));
    fragment.writeUInt16BE(1, headerBytes + 14 + 6);
    inject(fabric, ports[0], fragment);
    assert.equal(ports[1].received.length, 1);
    assert.equal(ports[0].counters.drops.denied, 3);
    inject(fabric, ports[0], udp({ ...ends, source: ipv4Number("10.77.0.9") }, 1000, 54));
    assert.equal(ports[1].received.length, 2);
  });

  it("loses the same frames with the same seed, about as many as it is told", () => {
    const lossOf = (seed: number) => {
      const fabric = new Switch();
      const from = new TestPort("alpha", a, { lossPercent: 30, seed });
      const to = new TestPort("beta", b);
      fabric.add(from);
      fabric.add(to);
      for (let index = 0; index < 5000; index += 1) inject(fabric, from, plainFrame(a, b, String(index)));
      return to.received.map((frame) => frame.toString("latin1", 14));
    };
    const first = lossOf(7);
    assert.deepEqual(lossOf(7), first);
    assert.notDeepEqual(lossOf(8), first);
    assert.ok(Math.abs(first.length - 3500) < 150, `${first.length} of 5000 arrived`);
  });

  it("holds frames for as long as it is told, and keeps their order under jitter", async () => {
    const fabric = new Switch();
    const from = new TestPort("alpha", a, { delayMs: 40, jitterMs: 20, seed: 3 });
    const to = new TestPort("beta", b);
    fabric.add(from);
    fabric.add(to);
    const began = performance.now();
    for (let index = 0; index < 50; index += 1) inject(fabric, from, plainFrame(a, b, String(index)));
    assert.equal(to.received.length, 0);
    while (to.received.length < 50) await new Promise((wake) => setTimeout(wake, 1));
    assert.ok(performance.now() - began >= 39);
    assert.deepEqual(
      to.received.map((frame) => Number.parseInt(frame.toString("latin1", 14), 10)),
      Array.from({ length: 50 }, (_, index) => index),
    );
  });

  it("stands any bytes: nothing is thrown, nothing grows, nothing comes back to who sent it", () => {
    const random = randomFrom(42);
    const fabric = new Switch();
    const from = new TestPort("alpha", a);
    const to = new TestPort("beta", b);
    fabric.add(from);
    fabric.add(to);
    fabric.rules = [
      { action: "deny", protocol: "tcp", port: 80 },
      { action: "deny", to: "fd00::/8" },
    ];
    const kinds = [0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8];
    for (let round = 0; round < 100_000; round += 1) {
      const frame = Buffer.alloc(headerBytes + Math.floor(random() * 120));
      for (let at = headerBytes; at < frame.length; at += 1) frame[at] = Math.floor(random() * 256);
      if (frame.length >= headerBytes + 14) frame.writeUInt16BE(kinds[round % kinds.length] ?? 0, headerBytes + 12);
      frame.writeUInt32BE(frame.length - headerBytes, 0);
      inject(fabric, from, frame);
      to.received.length = 0;
    }
    assert.equal(from.received.length, 0);
    assert.ok(fabric.learntAddresses <= 4096);
  });
});

describe("the table of addresses", () => {
  it("forgets what it has not seen for long, and the first when it is full", () => {
    const table = new MacTable<string>(2, 100);
    table.learn(1, "x", 0);
    table.learn(2, "x", 50);
    assert.equal(table.find(1, 101), undefined);
    table.learn(3, "y", 101);
    table.learn(4, "y", 102);
    assert.equal(table.size, 2);
    assert.equal(table.find(2, 103), undefined);
    assert.equal(table.find(4, 103), "y");
  });
});
