import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Step } from "../../src/machine/snapshots/plan.ts";
import { loadMemory } from "../../src/machine/snapshots/plan.ts";
import { ignoreSharedMemory, loadDeviceState, saveDeviceState, takeUplinksOff } from "../../src/machine/templates/plan.ts";
import { commandLine, commandText } from "../../src/qemu/index.ts";
import { contextOf, goldenCases } from "./commandLine.ts";

/** What is said to QEMU for templates and forks, and how their command lines differ from a machine's that boots. */

const folder = "/home/me/.vivarium/templates/base";
const starter = goldenCase("direct-kernel");

function goldenCase(wanted: string) {
  const found = goldenCases().find(({ name }) => name === wanted);
  assert.ok(found);
  return found;
}

const sequences: Record<string, readonly (Step | string)[]> = {
  "make-template": [
    "[QEMU started with the template's file as its memory and -incoming defer]",
    ...loadMemory("/home/me/.vivarium/machines/web/snapshots/0123456789ab/memory", true),
    "[MIGRATION completed]",
    ...takeUplinksOff(starter.definition),
    ...saveDeviceState(`${folder}/state`),
    "[MIGRATION completed; QEMU is killed, its guest never ran]",
  ],
  fork: [
    "[QEMU started with the template's file mapped privately and -incoming defer]",
    ...loadDeviceState(`${folder}/state`),
    "[MIGRATION completed]",
    { execute: "cont", arguments: {} },
    ignoreSharedMemory(false),
  ],
};

describe("templates and forks: what is said to QEMU", () => {
  for (const [name, steps] of Object.entries(sequences))
    it(name, () => isAsAgreed(`${name}.txt`, steps.map((step) => `${typeof step === "string" ? step : JSON.stringify(step)}\n`).join("")));

  for (const platform of ["linux", "darwin"] as const)
    for (const mapping of ["shared", "private"] as const)
      it(`command line, memory ${mapping}, ${platform}`, () => {
        const context = contextOf(starter, platform);
        const plain = commandLine(starter.definition, { ...context, incoming: true });
        const words = commandLine(starter.definition, { ...context, incoming: true, memoryFile: { file: `${folder}/memory`, mapping } });
        isAsAgreed(`${mapping}-${platform}.sh`, commandText(["qemu-system-x86_64"], words));
        const gone = plain.filter((word) => !words.includes(word));
        // Only memory, and in a fork the kernel and what a restart does.
        const allowed = mapping === "shared" ? 1 : 8;
        assert.ok(gone.length <= allowed, gone.join(" "));
      });

  it("memory is no file on Windows", () => {
    const context = contextOf(starter, "win32");
    assert.throws(() => commandLine(starter.definition, { ...context, memoryFile: { file: "C:\\memory", mapping: "private" } }), {
      code: "host-cannot",
    });
  });
});

function isAsAgreed(name: string, text: string): void {
  const file = join(import.meta.dirname, "forks", name);
  if (process.env["UPDATE_GOLDEN"]) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  assert.ok(existsSync(file), `${name} is missing; UPDATE_GOLDEN=1 writes it`);
  assert.equal(text, readFileSync(file, "utf8"));
}
