import assert from "node:assert/strict";
import { ipv4Number, ipv4Text, macNumber, subnetOf } from "../../../src/segment/addresses.ts";
import { checksum } from "../../../src/segment/build.ts";
import { randomFrom } from "../../../src/segment/conditioner.ts";
import { answerDhcp, type DhcpServer, parseDhcp } from "../../../src/segment/dhcp.ts";
import { answerDns, type Names } from "../../../src/segment/dns.ts";
import { Leases } from "../../../src/segment/leases.ts";

const subnet = subnetOf("10.77.0.0/28");
const mac = macNumber("52:54:00:00:00:01");

function dhcpMessage(type: number, sender = mac, options: number[] = []): Buffer {
  const message = Buffer.alloc(240);
  message.set([1, 1, 6]);
  message.writeUInt32BE(0xabad1dea, 4);
  message.writeUIntBE(sender, 28, 6);
  message.writeUInt32BE(0x63825363, 236);
  return Buffer.concat([message, Buffer.from([53, 1, type, ...options, 255])]);
}

function serverOf(leases: Leases): DhcpServer {
  return {
    address: ipv4Number("10.77.0.1"),
    subnet,
    domain: "lab.internal",
    known: (sender) => leases.find(sender),
    lease: (sender, asker) => leases.request(sender, asker, 0),
    release: (sender) => leases.release(sender),
  };
}

function ask(leases: Leases, message: Buffer) {
  const request = parseDhcp(message);
  assert.ok(request);
  return answerDhcp(request, "port", serverOf(leases));
}

function typeOf(answer: Buffer | undefined): number | undefined {
  return answer?.[242];
}

describe("DHCP", () => {
  it("offers an address, gives it, and gives the same one again", () => {
    const leases = new Leases(subnet);
    const offer = ask(leases, dhcpMessage(1));
    assert.equal(typeOf(offer), 2);
    const address = offer?.readUInt32BE(16) ?? 0;
    assert.equal(ipv4Text(address), "10.77.0.4");
    const taken = ask(leases, dhcpMessage(3, mac, [50, 4, 10, 77, 0, 4, 54, 4, 10, 77, 0, 1]));
    assert.equal(typeOf(taken), 5);
    assert.ok(taken?.includes("lab.internal"));
    assert.equal(ask(new Leases(subnet, leases.list()), dhcpMessage(1))?.readUInt32BE(16), address);
  });

  it("refuses an address that is another's, and keeps silent when another server is meant", () => {
    const leases = new Leases(subnet);
    leases.reserve(macNumber("52:54:00:00:00:02"), 0);
    assert.equal(typeOf(ask(leases, dhcpMessage(3, mac, [50, 4, 10, 77, 0, 4]))), 6);
    assert.equal(ask(leases, dhcpMessage(3, mac, [50, 4, 10, 77, 0, 5, 54, 4, 10, 77, 0, 9])), undefined);
  });

  it("keeps a machine's address from a flood of made-up ones", () => {
    const leases = new Leases(subnetOf("10.77.0.0/24"));
    for (let index = 0; index < 1000; index += 1) leases.request(0x020000000000 + index, "hostile", index);
    assert.equal(leases.list().length, 16);
    assert.ok(leases.reserve(mac, 0));
    const small = new Leases(subnet);
    for (let index = 0; index < 50; index += 1) small.request(0x020000000000 + index, `p${index}`, 0);
    assert.equal(small.reserve(mac, 0), undefined);
    assert.ok(small.request(mac, "later", 3_600_001), "leases end, and their addresses come back");
  });

  it("stands any bytes", () => {
    const random = randomFrom(11);
    const leases = new Leases(subnet);
    for (let round = 0; round < 50_000; round += 1) {
      const message = round % 2 === 0 ? Buffer.from(dhcpMessage(1 + (round % 8))) : Buffer.alloc(Math.floor(random() * 400));
      for (let changes = 0; changes < 8; changes += 1)
        if (message.length > 0) message[Math.floor(random() * message.length)] = Math.floor(random() * 256);
      const request = parseDhcp(message.subarray(0, Math.ceil(random() * message.length)));
      if (request) answerDhcp(request, "port", serverOf(leases));
    }
    assert.ok(leases.list().length <= 16);
  });
});

describe("names", () => {
  const names: Names = {
    domain: "lab.internal",
    address: (machine) => (machine === "web" ? ipv4Number("10.77.0.4") : undefined),
    machine: (address) => (address === ipv4Number("10.77.0.4") ? "web" : undefined),
  };
  const query = (name: string, type = 1) => {
    const head = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
    return Buffer.concat([head, Buffer.from([...labels, 0, 0, type, 0, 1])]);
  };

  it("answers for machines, both ways, in any case", () => {
    const answer = answerDns(query("WEB.lab.Internal"), names);
    assert.equal(answer?.readUInt16BE(6), 1);
    assert.equal(ipv4Text(answer?.readUInt32BE(answer.length - 4) ?? 0), "10.77.0.4");
    assert.ok(answerDns(query("4.0.77.10.in-addr.arpa", 12), names)?.includes("\x03web\x03lab\x08internal\0"));
  });

  it("says that others do not exist, and that a machine has no IPv6 address", () => {
    assert.equal((answerDns(query("example.com"), names)?.[3] ?? 0) & 15, 3);
    assert.equal((answerDns(query("db.lab.internal"), names)?.[3] ?? 0) & 15, 3);
    const six = answerDns(query("web.lab.internal", 28), names);
    assert.deepEqual([(six?.[3] ?? 0) & 15, six?.readUInt16BE(6)], [0, 0]);
  });

  it("stands any bytes, and never answers an answer", () => {
    const random = randomFrom(5);
    for (let round = 0; round < 50_000; round += 1) {
      const message = round % 2 === 0 ? query("web.lab.internal") : Buffer.alloc(Math.floor(random() * 100));
      for (let changes = 0; changes < 4; changes += 1)
        if (message.length > 0) message[Math.floor(random() * message.length)] = Math.floor(random() * 256);
      const answer = answerDns(message, names);
      assert.ok(answer === undefined || answer.length <= message.length + 64);
      if (((message[2] ?? 0) & 0x80) !== 0) assert.equal(answer, undefined);
    }
  });
});

it("a checksum over itself is zero (RFC 1071)", () => {
  const header = Buffer.from("45000073000040004011b861c0a80001c0a800c7", "hex");
  assert.equal(checksum(header, 0, header.length), 0);
});
