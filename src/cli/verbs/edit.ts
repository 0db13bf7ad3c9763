import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { MachineDetails } from "../../api/index.ts";
import { asVivError, vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { ask } from "../ask.ts";
import { waitingText } from "../card.ts";
import { editorOf, openEditor } from "../editor.ts";
import { defineVerb, type Work } from "../verb.ts";

export const verb = defineVerb({
  name: "edit",
  summary: "Edit a machine's vm.json in your editor",
  usage: "NAME",
  details: "Opens a copy in $VISUAL or $EDITOR and checks it when the editor ends. A text that is refused is kept, and you are told where.",
  arguments: { name: machineArgument },
  options: {},
  examples: [
    ["viv edit hello", "all settings, with comments kept"],
    ["EDITOR='code --wait' viv edit hello", "in another editor"],
  ],
  async run(work) {
    const { name } = work.args;
    const { text: before } = await work.call("machine.definition", { machine: name });
    const file = join(await mkdtemp(join(tmpdir(), "viv-edit-")), `${name.replace(/[^a-z0-9-]/g, "_").slice(0, 60)}.vm.json`);
    await writeFile(file, before, { mode: 0o600 });
    const machine = await editUntilTaken(work, name, file, before);
    await rm(dirname(file), { recursive: true, force: true });
    const value = machine ?? (await work.call("machine.show", { machine: name }));
    work.print(value, () =>
      machine === undefined ? `${value.name}: nothing was changed\n` : `${value.name}: changed${waitingText(value)}\n`,
    );
    return 0;
  },
});

/** Gives undefined when the text was left as it was. On failure the file stays, and the error says where. */
async function editUntilTaken(work: Work, name: string, file: string, before: string): Promise<MachineDetails | undefined> {
  for (;;) {
    await runEditor(work, file);
    const text = await readFile(file, "utf8");
    if (text === before) return undefined;
    try {
      const { text: now } = await work.call("machine.definition", { machine: name });
      if (now !== before)
        throw vivError(
          "locked",
          `${name}: vm.json was changed by somebody else in the meantime.`,
          "Run viv edit again and bring your changes over.",
        );
      return await work.call("machine.replaceDefinition", { machine: name, text }, name);
    } catch (thrown) {
      const error = asVivError(thrown);
      const again = error.code === "invalid-definition" && !work.json && work.host.stdin.isTTY === true;
      if (!again)
        throw vivError(
          error.code,
          error.message,
          [error.hint, `Your text is kept: ${file}`].filter((part) => part !== undefined).join("\n"),
          thrown,
        );
      await work.report(error);
      if (!(await ask(work, "Edit again?", "yes")))
        throw vivError("cancelled", `${name}: nothing was changed.`, `Your text is kept: ${file}`, thrown);
    }
  }
}

async function runEditor(work: Work, file: string): Promise<void> {
  const editor = editorOf(work.host.environment, process.platform);
  const end = await openEditor(work.host, file);
  // 127: what a shell says when there is no such program
  if (end.code === 127)
    throw vivError("host-cannot", `The editor ${JSON.stringify(editor)} was not found.`, "Set VISUAL or EDITOR to an editor of this host.");
  if (end.code !== 0)
    throw vivError(
      "failed",
      `The editor ended with ${end.code === null ? `signal ${end.signal}` : `exit code ${end.code}`}; nothing was changed.`,
      `Your text is kept: ${file}`,
    );
}
