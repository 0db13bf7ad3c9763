import assert from "node:assert/strict";
import { awaitedStep, type LadderFacts, type Readiness, readinessLadder } from "../../../src/model/index.ts";

function facts(readiness: Readiness, changes: Partial<LadderFacts> = {}): LadderFacts {
  return { name: "web", readiness, history: [], probes: [], running: true, inFirstBoot: false, ...changes };
}
const stepOf = (wanted: string, of: LadderFacts) => readinessLadder(of).find(({ step }) => step === wanted);

describe("the readiness ladder", () => {
  const usual = { qmp: 100, firmware: 300, kernel: 1000, init: 2000, network: 2500, agent: 3000, ssh: 4000 };
  const past = [0, 40, -30, 20, -50].map((noise) => ({ ...usual, kernel: 1000 + noise, ssh: 4000 + noise }));

  it("has each step with what it took, and what it took in past starts", () => {
    const ladder = readinessLadder(facts(usual, { history: past }));
    assert.deepEqual(
      ladder.map(({ step, tookMs }) => [step, tookMs]),
      [
        ...[
          ["qmp", 100],
          ["firmware", 200],
          ["kernel", 700],
          ["init", 1000],
          ["network", 500],
          ["agent", 500],
          ["ssh", 1000],
        ],
      ],
    );
    assert.equal(ladder.find(({ step }) => step === "kernel")?.medianMs, 700);
    assert.ok(ladder.every(({ slowerMs }) => slowerMs === null));
  });

  it("warns of the step that regressed, and not of those after it", () => {
    const slow = { ...usual, init: 5000, network: 5500, agent: 6000, ssh: 7000 };
    const ladder = readinessLadder(facts(slow, { history: past }));
    assert.deepEqual(
      ladder.flatMap(({ step, slowerMs }) => (slowerMs === null ? [] : [[step, slowerMs]])),
      [["init", 3000]],
    );
  });

  it("takes noise for noise: a little, with few starts, or where starts differ among themselves", () => {
    assert.equal(stepOf("kernel", facts({ ...usual, kernel: 1400 }, { history: past }))?.slowerMs, null);
    assert.equal(stepOf("kernel", facts({ ...usual, kernel: 9000 }, { history: past.slice(0, 2) }))?.slowerMs, null);
    const wild = [500, 4000, 1000, 6000, 2500].map((kernel) => ({ ...usual, kernel: 300 + kernel }));
    assert.equal(stepOf("kernel", facts({ qmp: 100, firmware: 300, kernel: 5800 }, { history: wild }))?.slowerMs, null);
    // A start that was woken has no kernel step: it does not compare.
    const woken = Array.from({ length: 5 }, () => ({ qmp: 50, agent: 60 }));
    assert.equal(stepOf("agent", facts(usual, { history: woken }))?.medianMs, null);
  });

  it("names the step that is awaited, with what to look at", () => {
    const awaited = (readiness: Readiness, changes: Partial<LadderFacts> = {}) => awaitedStep(facts(readiness, changes));
    assert.equal(awaited({ qmp: 1 })?.step, "firmware");
    assert.match(awaited({ qmp: 1, firmware: 2 })?.hint ?? "", /boot order.*firmware\.type=uefi/s);
    assert.match(awaited({ qmp: 1, firmware: 2, kernel: 3 })?.hint ?? "", /viv logs web --serial/);
    // Of what a later step went past nothing is awaited.
    assert.equal(awaited({ qmp: 1, kernel: 3, init: 4 })?.step, "network");
    const probe = { name: "http", http: { port: 80, path: "/health" }, timeoutSeconds: 60, description: "the shop answers" };
    assert.equal(awaited({ ...usual }, { probes: [probe] })?.step, "probe:http");
    assert.match(awaited({ ...usual }, { probes: [probe] })?.hint ?? "", /the shop answers: http on port 80 of the guest, \/health/);
    assert.equal(awaited({ ...usual }, { inFirstBoot: true })?.step, "first-boot");
    assert.equal(awaited({ ...usual, ready: 5000 }), undefined);
    assert.equal(awaited(usual, { running: false }), undefined);
  });
});
