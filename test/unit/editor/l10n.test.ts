import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { getL10nPseudoLocalized } from "@vscode/l10n-dev";
import { textsOfCode } from "../../../scripts/l10n.ts";
import type { MachineSummary } from "../../../src/api/index.ts";
import { running, stopped } from "../cli/support/machines.ts";
import { stub } from "./support/load.ts";

const { stateWord, machineWords } = await import("../../../src/editor/words.ts");
const { description } = await import("../../../src/vmtree/machineItem.ts");
const { machineTooltip } = await import("../../../src/vmtree/tooltip.ts");

const texts = JSON.parse(readFileSync("l10n/bundle.l10n.json", "utf8")) as Record<string, string>;
const placeholders = (text: string): string[] => [...text.matchAll(/\{\d+\}/g)].map(([found]) => found).sort();

describe("texts of the editor", () => {
  afterEach(() => stub.reset());

  it("are all in the bundle for translators", async function () {
    // A parser in WebAssembly is loaded and reads every file of the extension.
    this.timeout(60_000);

    assert.deepEqual(Object.keys(await textsOfCode()), Object.keys(texts), "run npm run l10n");
  });

  it("are taken from pages too, which have no vscode", () => {
    assert.ok("No snapshot yet" in texts && "Layers below it" in texts);
  });

  it("keep their placeholders in another language", () => {
    const pseudo = getL10nPseudoLocalized(texts) as Record<string, string>;
    for (const [text, translated] of Object.entries(pseudo)) {
      assert.deepEqual(placeholders(String(translated)), placeholders(text), text);
      if (/[a-z]/.test(text)) assert.notEqual(translated, text);
    }
  });

  it("are shown in the other language wherever a person reads", () => {
    for (const [text, translated] of Object.entries(getL10nPseudoLocalized(texts))) stub.bundle.set(text, String(translated));
    const machine = running("hello");
    const english = /\b(running|emulated|Uptime|Ports|Disks|paused|and)\b/;
    for (const shown of [stateWord(machine), machineWords([machine, stopped("web")]), description(machine, machine)])
      assert.doesNotMatch(shown, english);
    const tooltip = machineTooltip(machine as MachineSummary, machine).value;
    assert.doesNotMatch(tooltip, /\b(Up since|Accelerator|Hardware|Ports|Disks|Folder|Emulated)\b/);
  });
});
