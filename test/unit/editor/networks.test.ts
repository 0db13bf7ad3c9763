import assert from "node:assert/strict";
import type { NetworkPort, SegmentDetails } from "../../../src/api/index.ts";
import "./support/load.ts";

const { linkItem, linkTooltip, networkItem } = await import("../../../src/vmtree/networkItems.ts");
const { impairmentInput, parseImpairment, presets } = await import("../../../src/commands/networks/impairment.ts");

const noDrops = { malformed: 0, spoofed: 0, storm: 0, denied: 0, impaired: 0, congested: 0 };

function portOf(machine: string, more: Partial<NetworkPort> = {}): NetworkPort {
  const counters = { framesIn: 3, bytesIn: 300, framesOut: 4, bytesOut: 400 };
  return { machine, mac: "52:54:00:00:00:01", address: "10.77.0.2", connected: true, ...counters, drops: noDrops, problem: null, ...more };
}

const lab: SegmentDetails = {
  name: "lab",
  kind: "segment",
  subnet: "10.77.0.0/24",
  domain: "lab.internal",
  dhcp: true,
  isolation: false,
  rules: [],
  machines: ["web"],
  pid: 7,
  ports: [portOf("web")],
  leases: [],
  capture: null,
};

describe("rows of networks", () => {
  const labelOf = (item: { accessibilityInformation?: { label: string } | undefined }) => item.accessibilityInformation?.label;

  it("say what a network is, and offer a capture only while its process runs", () => {
    const live = networkItem({ kind: "network", network: "lab", view: lab });
    assert.equal(labelOf(live), "Network lab, 10.77.0.0/24 · 1 machine");
    assert.equal(live.contextValue, "network whole live");
    const idle = networkItem({ kind: "network", network: "lab", view: { ...lab, machines: [], isolation: true, dhcp: false, pid: null } });
    assert.equal(labelOf(idle), "Network lab, 10.77.0.0/24 · no machine · isolated · no DHCP");
    assert.equal(idle.contextValue, "network whole");
  });

  it("offer nothing but removal where network.json cannot be used", () => {
    const item = networkItem({ kind: "network", network: "lab", view: { ...lab, problem: "no JSON", pid: null } });
    assert.equal(item.contextValue, "network broken");
    assert.equal(item.tooltip, "no JSON");
  });

  it("say what a link suffers", () => {
    const item = linkItem(
      {
        kind: "link",
        network: "lab",
        onNetwork: "web",
        ports: [portOf("web", { impairment: { delayMs: 100, lossPercent: 1, bytesPerSecond: 2048 } })],
      },
      undefined,
    );
    assert.equal(labelOf(item), "web on lab, 10.77.0.2 · 100 ms later, 1 % lost, 2 KiB a second");
    assert.equal(item.contextValue, "link live impaired");
  });

  it("say what was dropped and why, when a tooltip opens; a hostile problem stays text", () => {
    const port = portOf("web", { drops: { ...noDrops, denied: 2, storm: 5 }, problem: "<img src=x> [a](command:b)" });
    const { value } = linkTooltip("web", { ...lab, ports: [port, portOf("db")] });
    assert.match(value, /5 too many broadcasts, 2 against a rule|5 too many broadcasts&#44; 2 against a rule/);
    assert.doesNotMatch(value, /<img|\]\(/);
  });
});

describe("an impairment that is typed", () => {
  it("has the words of viv net impair", () => {
    const typed = "delay=50 jitter=10 loss=2.5 rate=1M partition=away seed=7";
    const impairment = { delayMs: 50, jitterMs: 10, lossPercent: 2.5, bytesPerSecond: 1024 ** 2, partition: "away", seed: 7 };
    assert.deepEqual(parseImpairment(typed), impairment);
    assert.deepEqual(parseImpairment(impairmentInput(impairment)), impairment);
    for (const preset of Object.values(presets)) assert.deepEqual(parseImpairment(impairmentInput(preset)), preset);
  });

  for (const wrong of [
    "delay",
    "delay=",
    "delay=soon",
    "loss=101",
    "rate=fast",
    "rate=1",
    "partition=A B",
    "speed=1",
    "toString=1",
    "seed=-1",
  ])
    it(`refuses “${wrong}”`, () => {
      assert.throws(() => parseImpairment(wrong), { code: "usage" });
    });
});
