import assert from "node:assert/strict";
import { checkDefinition, type Definition } from "../../../../src/model/index.ts";
import { readDefinition } from "../../../../src/webviews/settings/document.ts";
import { type FormFacts, formState } from "../../../../src/webviews/settings/state.ts";
import { host, sampleText } from "./support/sample.ts";

const running = { state: "running", live: true, emulated: true };

function state(facts: Partial<FormFacts> = {}) {
  return formState({
    version: 1,
    text: sampleText,
    lastGood: undefined,
    machine: undefined,
    running: undefined,
    host,
    disks: [],
    ...facts,
  });
}

function definition(text: string): Definition {
  const read = readDefinition(text);
  assert.ok(read.kind === "read" && read.definition, text);
  return read.definition;
}

describe("the state of the form", () => {
  it("carries the values as they are written, and no note where nothing is to say", () => {
    const { values, notes, otherProblems } = state();
    assert.equal(values["memory"], "1G");
    assert.equal(notes["memory"], undefined);
    assert.deepEqual(otherProblems, []);
  });

  it("names line and column of a text that is no JSON, and shows what it said before", () => {
    const text = sampleText.replace('"cpus": 2,', '"cpus": 2');
    const { broken, values } = state({ text, lastGood: { name: "web" } });
    assert.deepEqual(broken, { sentence: "This file is not JSON: line 10, column 3: a comma is missing.", hasValues: true });
    assert.deepEqual(values, { name: "web" });
  });

  for (const [text, problem] of [
    ["", "a value is missing"],
    ["{", "a closing brace is missing"],
    ['{ "a" 1 }', "a colon is missing"],
    ["[1", "a closing bracket is missing"],
    ['{ "a": "b }', "a text has no closing quotation mark"],
    ["{} {}", "there is more after the end"],
    ["[]", "the file must be an object in braces"],
    ["null", "the file must be an object in braces"],
  ] as const) {
    it(`has one sentence for ${JSON.stringify(text)}`, () => {
      assert.match(state({ text }).broken?.sentence ?? "", new RegExp(`^This file is not JSON: line 1, column \\d+: ${problem}\\.$`));
    });
  }

  it("puts a problem that was written by hand at its field, others above the form", () => {
    const text = sampleText.replace('"cpus": 2', '"cpus": 900').replace('"note"', '"colour": 1, "note"');
    const { notes, otherProblems } = state({ text });
    assert.equal(notes["cpus"]?.problem, "A whole number from 1 to 256.");
    assert.equal(otherProblems.length, 1);
    assert.match(otherProblems[0] ?? "", /colour/);
  });

  it("warns of what this host bears badly, and refuses what it cannot", () => {
    assert.equal(
      state({ text: sampleText.replace('"cpus": 2', '"cpus": 8') }).notes["cpus"]?.warning,
      "More than this host's 4 cores: they take turns.",
    );
    assert.equal(
      state({ text: sampleText.replace('"1G"', '"7G"') }).notes["memory"]?.warning,
      "More than three quarters of this host's 8 GiB.",
    );
    assert.equal(state({ text: sampleText.replace('"1G"', '"9G"') }).notes["memory"]?.problem, "This host has 8 GiB of memory.");
  });
});

describe("the badge of a field", () => {
  it("says what this host does not have, and why", () => {
    const { notes } = state();
    assert.deepEqual(notes["devices.tpm"]?.badge, { kind: "not-here", reason: "The program swtpm was not found." });
    assert.equal(notes["devices.vsock"]?.badge, undefined);
    assert.deepEqual(notes["accelerator"]?.missingChoices, { kvm: "No permission for /dev/kvm.", hvf: "", whpx: "" });
    assert.equal(notes["firmware.type"], undefined, "one way to Secure Boot is enough");
  });

  it("is there for a choice that is made and does not exist here", () => {
    const text = sampleText.replace('"note"', '"accelerator": "kvm", "note"');
    assert.deepEqual(state({ text }).notes["accelerator"]?.badge, { kind: "not-here", reason: "No permission for /dev/kvm." });
  });

  it("is silent about restarts while the machine does not run", () => {
    assert.equal(state({ machine: { ...running, live: false } }).notes["group"]?.badge, undefined);
  });

  it("tells what applies now from what needs a restart", () => {
    const { notes } = state({ machine: running });
    for (const path of ["group", "note", "onHostShutdown", "disks.0.limits.readsPerSecond"])
      assert.deepEqual(notes[path]?.badge, { kind: "now" }, path);
    for (const path of ["memory", "cpus", "networks.0.mac", "devices.rng"])
      assert.deepEqual(notes[path]?.badge, { kind: "restart", pending: false }, path);
    assert.equal(notes["name"]?.badge, undefined, "a fact has none");
  });
});

describe("pending changes", () => {
  const seen = definition(sampleText);
  const withRunning = (text: string) => state({ text, machine: running, running: seen });

  it("are named to the very field, with what the running guest has", () => {
    const { pending, notes } = withRunning(
      sampleText
        .replace('"1G"', '"2G"')
        .replace('"note"', '"devices": { "tpm": true }, "note"')
        .replace('"hostPort": 2222', '"hostPort": 2022'),
    );
    assert.deepEqual(pending, [
      { path: "memory", before: "1G", after: "2G" },
      { path: "networks.0.forwards.0.hostPort", before: "2222", after: "2022" },
      { path: "devices.tpm", before: "off", after: "on" },
    ]);
    assert.deepEqual(notes["memory"]?.badge, { kind: "restart", pending: true });
    assert.deepEqual(notes["devices.rng"]?.badge, { kind: "restart", pending: false });
  });

  it("leave out what needs no restart, and end when the value is back", () => {
    assert.deepEqual(withRunning(sampleText.replace("by hand", "changed")).pending, []);
    const limited = sampleText.replace('"disk0.qcow2" }', '"disk0.qcow2", "limits": { "readsPerSecond": 9 } }');
    assert.deepEqual(withRunning(limited).pending, [], "limits as a whole");
    assert.equal(withRunning(sampleText.replace('"1G"', '"2G"')).pending.length, 1);
    assert.deepEqual(withRunning(sampleText).pending, []);
  });

  it("mark every field of an adapter that came", () => {
    const text = sampleText.replace('"networks": [', '"networks": [{ "mode": "none", "mac": "52:54:00:00:00:02" },');
    assert.ok(
      "definition" in checkDefinition(readDefinition(text).kind === "read" ? (readDefinition(text) as { values: unknown }).values : {}),
    );
    const { pending, notes } = withRunning(text);
    assert.deepEqual(pending, [{ path: "networks.0", before: "nothing", after: "none 52:54:00:00:00:02" }]);
    assert.deepEqual(notes["networks.0.mac"]?.badge, { kind: "restart", pending: true });
    assert.deepEqual(notes["networks.1.mac"]?.badge, { kind: "restart", pending: false });
  });

  it("list the forwards there were and there will be", () => {
    const text = sampleText.replace('"hostPort": 2222 }', '"hostPort": 2222 }, { "guestPort": 80 }');
    assert.deepEqual(withRunning(text).pending, [{ path: "networks.0.forwards", before: "2222:22", after: "2222:22, 80" }]);
  });
});
