import assert from "node:assert/strict";
import { hasRoute } from "../../../src/machine/guestNetwork.ts";
import { hasListener } from "../../../src/machine/probes.ts";
import { Probe } from "../../../src/model/index.ts";

describe("a probe", () => {
  it("asks exactly one thing", () => {
    assert.ok(Probe.safeParse({ name: "web", tcp: 80 }).success);
    assert.ok(Probe.safeParse({ name: "web", command: "true" }).success);
    for (const bad of [
      { name: "web" },
      { name: "web", tcp: 80, command: "true" },
      { name: "Web", tcp: 80 },
      { name: "web", tcp: 0 },
      { name: "web", command: "a\0" },
    ])
      assert.ok(!Probe.safeParse(bad).success, JSON.stringify(bad));
    assert.ok(!Probe.safeParse({ name: "web", http: { port: 80, path: "/a\r\nHost: x" } }).success);
  });

  it("finds who listens in the guest's own tables", () => {
    const table = [
      "  sl  local_address rem_address   st tx_queue",
      "   0: 00000000:0016 00000000:0000 0A 00000000:00000000",
      "   1: 0F02000A:1F90 0202000A:D431 01 00000000:00000000",
      "   0: 00000000000000000000000000000000:1F91 00000000000000000000000000000000:0000 0A 0",
    ].join("\n");
    assert.deepEqual(
      [22, 8080, 8081, 0x16f].map((port) => hasListener(table, port)),
      [true, false, true, false],
    );
  });

  it("finds an address by the routes it brings", () => {
    const head = "Iface\tDestination\tGateway\n";
    assert.ok(hasRoute(`${head}eth0\t00000000\t0202000A\t0003\n`));
    assert.ok(!hasRoute(head));
    assert.ok(!hasRoute(`${head}lo\t0000007F\t00000000\n`));
  });
});
