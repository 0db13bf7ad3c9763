import assert from "node:assert/strict";
import { vivError } from "../../../src/model/index.ts";
import { stub } from "./support/load.ts";

const { factsOf, presentError, remediesFor } = await import("../../../src/editor/errors.ts");

const buttons = (code: Parameters<typeof vivError>[0], live?: boolean): string[] =>
  remediesFor(factsOf(vivError(code, "…")), live).map(({ command }) => command);

describe("an error in the editor", () => {
  afterEach(() => stub.reset());

  it("shows what happened and the next step", async () => {
    await presentError(vivError("exists", "There is a machine web already.", "Choose another name."));
    assert.equal(stub.shown[0]?.text, "There is a machine web already. Choose another name.");
  });

  it("offers what mends it", () => {
    assert.deepEqual(buttons("not-responding"), ["vivarium.kill", "vivarium.showLogs"]);
    assert.deepEqual(buttons("invalid-definition"), ["vivarium.editDefinition"]);
    assert.deepEqual(buttons("wrong-state", false), ["vivarium.start"]);
    assert.deepEqual(buttons("wrong-state", true), ["vivarium.stop"]);
    assert.deepEqual(buttons("wrong-state"), []);
    assert.deepEqual(buttons("qemu-missing"), ["vivarium.hostReport"]);
  });

  it("does to the same machine what its button says", async () => {
    stub.answers.set("web does not answer.", "Kill");
    await presentError(vivError("not-responding", "web does not answer."), { machine: "id-of-web" });
    assert.deepEqual(stub.shown.at(-1), { kind: "command", text: "vivarium.kill", details: ["id-of-web"] });
  });

  it("is silent when the user cancelled", async () => {
    await presentError(vivError("cancelled", "Cancelled."));
    assert.deepEqual(stub.shown, []);
  });

  it("can be tried again when the service went away", async () => {
    stub.answers.set("Gone.", "Try Again");
    let tries = 0;
    await presentError(vivError("daemon-unavailable", "Gone."), { retry: async () => (tries += 1) });
    assert.equal(tries, 1);
  });
});
