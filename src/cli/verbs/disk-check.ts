import type { Result } from "../../api/index.ts";
import { machineArgument } from "../arguments.ts";
import { diskArgument } from "../disks.ts";
import { defineVerb } from "../verb.ts";

const repairs = ["leaks", "all"] as const;

export const verb = defineVerb({
  name: "disk check",
  summary: "Check the images of a stopped machine's disks, and repair them",
  usage: "NAME [DISK] [--repair leaks|all]",
  details:
    "Every layer is checked. Repairing leaks gives wasted space back and is always safe. Repairing all mends damaged tables; what they had lost stays lost. Layers that images or linked clones share are not repaired.",
  arguments: { name: machineArgument, disk: { ...diskArgument, optional: true } },
  options: { repair: { summary: "leaks, or all", value: "WHAT", choices: repairs } },
  examples: [["viv disk check hello", "all its disks"]],
  async run(work) {
    const { name } = work.args;
    const disks = work.args.disk === undefined ? (await work.call("disk.list", { machine: name })).map(({ id }) => id) : [work.args.disk];
    const repair = (work.options.repair ?? "no") as "no" | (typeof repairs)[number];
    const found: (Result<"disk.check"> & { disk: string })[] = [];
    for (const disk of disks) found.push({ disk, ...(await work.call("disk.check", { machine: name, disk, repair }, name)) });
    work.print(found, () => found.map(line).join(""));
    return found.every(({ sound }) => sound) ? 0 : 1;
  },
});

function line({ disk, sound, corruptions, leaks, repaired }: Result<"disk.check"> & { disk: string }): string {
  const state = sound ? "sound" : `DAMAGED (${corruptions} errors)`;
  const wasted = leaks === 0 ? "" : `, ${leaks} leaked clusters (--repair leaks)`;
  return `${disk}: ${state}${wasted}${repaired ? ", repaired" : ""}\n`;
}
