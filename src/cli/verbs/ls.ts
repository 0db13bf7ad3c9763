import type { MachineSummary } from "../../api/index.ts";
import { humanBytes } from "../../model/index.ts";
import { operationText, stateColour, stateGlyph, stateText } from "../state.ts";
import { type Style, styleFor } from "../style.ts";
import { table } from "../table.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "ls",
  summary: "List the machines",
  usage: "",
  arguments: {},
  options: {},
  examples: [
    ["viv ls", "every machine with its state"],
    ["viv ls --json | jq -r '.[] | select(.state == \"running\").name'", "names of those that run"],
  ],
  async run(work) {
    const machines = await work.call("machine.list", {});
    work.print(machines, () => listText(machines, styleFor(work.host.stdout, work.host.environment)));
    return 0;
  },
});

export function listText(machines: readonly MachineSummary[], style: Style): string {
  if (machines.length === 0) return "No machines yet. Make one: viv create hello --image starter --start\n";
  const sorted = [...machines].sort((left, right) => (left.name < right.name ? -1 : 1));
  const busy = sorted.some((machine) => machine.operation !== undefined);
  const columns = [
    { title: "NAME" },
    { title: "STATE" },
    { title: "CPUS", align: "right" as const },
    { title: "MEMORY", align: "right" as const },
    { title: "ARCH" },
    { title: "ACCEL" },
    { title: "IMAGE" },
  ];
  return table(
    busy ? [...columns, { title: "DOING" }] : columns,
    sorted.map((machine) => [
      { text: machine.name, colour: "bold" },
      { text: `${style.glyphs ? `${stateGlyph(machine)} ` : ""}${stateText(machine)}`, colour: stateColour(machine) },
      machine.cpus === undefined ? "-" : String(machine.cpus),
      machine.memoryBytes === undefined ? "-" : humanBytes(machine.memoryBytes),
      machine.architecture ?? "-",
      machine.accelerator ?? "-",
      machine.image ?? "-",
      ...(busy ? [operationText(machine)] : []),
    ]),
    style,
  );
}
