import { machineArgument } from "../arguments.ts";
import { snapshotLine } from "../snapshots.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "snapshot create",
  summary: "Take a snapshot: with the memory of a machine that runs, or of its disks",
  usage: "NAME [TAG] [--no-memory] [--quiesce | --no-quiesce] [--note TEXT]",
  details: "A guest that runs goes on; it stands still for some tens of milliseconds.",
  arguments: { name: machineArgument, tag: { label: "TAG", summary: "What to call it; s1, s2, … without", optional: true } },
  options: {
    memory: { summary: "Fail where memory cannot be saved, instead of taking the disks alone" },
    "no-memory": { summary: "Disks only" },
    quiesce: { summary: "Disks only: fail unless the guest's agent brings the file systems to rest" },
    "no-quiesce": { summary: "Disks only: as after a power cut" },
    note: { summary: "A text kept with it", value: "TEXT" },
  },
  examples: [
    ["viv snapshot create hello", "s1, with memory if it runs"],
    ["viv snapshot create hello before-upgrade --note 'all well'", "with a name and a note"],
    ["viv snapshot create hello --no-memory", "disks, at rest where the agent answers"],
  ],
  async run(work) {
    const { name, tag } = work.args;
    const { options } = work;
    const memory = options["no-memory"] ? false : options.memory ? true : undefined;
    const quiesce = options["no-quiesce"] ? false : options.quiesce ? true : undefined;
    const view = await work.call(
      "snapshot.create",
      {
        machine: name,
        ...(tag === undefined ? {} : { name: tag }),
        ...(memory === undefined ? {} : { memory }),
        ...(quiesce === undefined ? {} : { quiesce }),
        ...(options.note === undefined ? {} : { note: options.note }),
      },
      name,
    );
    work.print(view, () => snapshotLine(name, view));
    return 0;
  },
});
