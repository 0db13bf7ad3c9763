import { machineArgument } from "../arguments.ts";
import { readInput } from "../stdin.ts";
import { defineVerb } from "../verb.ts";

const maximumBytes = 65_536;

export const verb = defineVerb({
  name: "type",
  summary: "Type text on the guest's keyboard",
  usage: "NAME TEXT [--layout en-us]",
  details:
    "Key presses go to the guest's screen console, as its own keyboard layout reads them: tell it with --layout. A line end presses Return.",
  arguments: { name: machineArgument, text: { label: "TEXT", summary: "The text; - reads it from stdin" } },
  options: { layout: { value: "LAYOUT", summary: "The guest's keyboard layout, such as en-us or de (default en-us)" } },
  examples: [
    ["viv type hello root && viv keys hello ret", "log in"],
    ["viv type hello 'Grüße' --layout de", "on a German keyboard"],
    ["viv type hello - < script.sh", "from a file"],
  ],
  async run(work) {
    const { name } = work.args;
    const { layout } = work.options;
    const typed = await work.call(
      "machine.typeText",
      { machine: name, text: await text(), ...(layout === undefined ? {} : { layout }) },
      name,
    );
    work.print(typed, () => "");
    return 0;

    async function text(): Promise<string> {
      if (work.args.text !== "-") return work.args.text;
      const input = await readInput(work.host.stdin, {
        maximumBytes,
        signal: work.signal,
        hint: "A keyboard is slow: send files by viv exec NAME --stdin.",
      });
      return input?.toString("utf8") ?? "";
    }
  },
});
