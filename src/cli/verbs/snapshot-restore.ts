import { machineArgument } from "../arguments.ts";
import { tagArgument } from "../snapshots.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "snapshot restore",
  summary: "Put a machine back to a snapshot, or make a new machine of it",
  usage: "NAME TAG [--into NEW] [--no-safety] [--start | --no-start]",
  details:
    "The present is kept in an automatic snapshot first. With memory the guest goes on where it was; with --into it goes on in a machine of its own, with another host name, machine-id and SSH host keys.",
  arguments: { name: machineArgument, tag: tagArgument },
  options: {
    into: { summary: "Make a new machine of that name instead; this one stays as it is", value: "NEW" },
    "no-safety": { summary: "Do not keep the present" },
    start: { summary: "Run it afterwards; without, when the snapshot has memory or the machine runs" },
    "no-start": { summary: "Do not run it afterwards" },
  },
  examples: [
    ["viv snapshot restore hello s1", "back to s1"],
    ["viv snapshot restore hello s1 --into hello2", "s1 as a machine of its own, beside hello"],
  ],
  async run(work) {
    const { name, tag } = work.args;
    const { options } = work;
    const start = options["no-start"] ? false : options.start ? true : undefined;
    const result = await work.call(
      "snapshot.restore",
      {
        machine: name,
        snapshot: tag,
        safety: !options["no-safety"],
        ...(options.into === undefined ? {} : { into: options.into }),
        ...(start === undefined ? {} : { start }),
      },
      name,
    );
    work.print(result, () => {
      const kept = result.safety === null ? "" : `; what was before is snapshot ${result.safety}`;
      return options.into === undefined ? `${name}: back at ${tag}${kept}\n` : `${result.machine}: made of ${tag} of ${name}\n`;
    });
    return 0;
  },
});
