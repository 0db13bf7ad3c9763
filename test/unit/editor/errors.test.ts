import assert from "node:assert/strict";
import { errorCodes, vivError } from "../../../src/model/index.ts";
import { stub } from "./support/load.ts";

const { commandIds, webviewCommandIds } = await import("../../../src/editor/commandIds.ts");
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
    assert.deepEqual(buttons("qemu-missing"), ["vivarium.hostReport", "workbench.action.openSettings"]);
    assert.deepEqual(buttons("agent-unavailable"), ["vivarium.openSerialConsole"]);
    assert.deepEqual(buttons("home-unusable"), ["workbench.action.openSettings"]);
  });

  it("has a button for every code that one could mend, none twice, and only commands there are", () => {
    const without = (Object.keys(errorCodes) as (keyof typeof errorCodes)[]).filter((code) => buttons(code, true).length === 0);
    // Cancelled is silent; the others are put right where the word was typed, the file was chosen, or by trying again.
    assert.deepEqual(without, [
      "cancelled",
      "untrusted-input",
      "no-permission",
      "not-a-folder",
      "is-a-folder",
      "usage",
      "invalid-name",
      "not-found",
      "exists",
      "locked",
    ]);
    const known: readonly string[] = [...commandIds, ...webviewCommandIds, "workbench.action.openSettings"];
    for (const code of Object.keys(errorCodes) as (keyof typeof errorCodes)[]) {
      const offered = buttons(code, false);
      assert.equal(new Set(offered).size, offered.length, code);
      for (const command of offered) assert.ok(known.includes(command), command);
    }
  });

  it("opens the very setting that mends it", async () => {
    stub.answers.set("It belongs to another user.", "Open Setting");
    await presentError(vivError("home-unusable", "It belongs to another user."), { machine: "web" });
    assert.deepEqual(stub.shown.at(-1), { kind: "command", text: "workbench.action.openSettings", details: ["vivarium.home"] });
  });

  it("is tried again when somebody else was at it", async () => {
    stub.answers.set("web is being removed.", "Try Again");
    let tries = 0;
    await presentError(vivError("locked", "web is being removed."), { retry: async () => (tries += 1) });
    assert.equal(tries, 1);
  });

  it("of a code that is newer than this window shows the log", () => {
    assert.deepEqual(
      remediesFor({ code: "brand-new" as never, message: "", hint: undefined }, undefined).map(({ command }) => command),
      ["vivarium.showLog"],
    );
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
