import { machineArgument } from "../arguments.ts";
import { defineVerb } from "../verb.ts";

const kinds = ["auto", "virtiofs", "9p"] as const;

export const verb = defineVerb({
  name: "share add",
  summary: "Share a folder of this host with a machine, as one live tree",
  usage: "NAME DIR",
  details:
    "Mounted by the guest's agent (or over SSH) at /mnt/TAG, again after each start; /etc/fstab is not touched. A machine that was started with shared folders takes another one at once by virtiofs; otherwise it comes with the next start. A copy that is kept in step needs none of this and is faster in the guest: viv sync.",
  arguments: { name: machineArgument, dir: { label: "DIR", summary: "The folder", completes: "file" } },
  options: {
    tag: { summary: "Its name (default the folder's)", value: "TAG" },
    at: { summary: "Where the guest has it (default /mnt/TAG)", value: "PATH" },
    kind: { summary: "How (default auto: virtiofs where host and guest have it, else 9p)", value: "KIND", choices: kinds },
    "read-only": { summary: "The guest cannot change anything in it" },
  },
  examples: [
    ["viv share add hello .", "this folder, at /mnt/ and its name"],
    ["viv share add hello ~/data --at /data --read-only", "to look at only"],
  ],
  async run(work) {
    const { name, dir } = work.args;
    const { tag, at, kind } = work.options;
    const share = await work.call(
      "share.add",
      {
        machine: name,
        path: work.path(dir),
        readOnly: work.options["read-only"],
        ...(tag === undefined ? {} : { tag }),
        ...(at === undefined ? {} : { mountPoint: at }),
        ...(kind === undefined ? {} : { kind: kind as (typeof kinds)[number] }),
      },
      name,
    );
    work.print(share, () =>
      share.state === "mounted"
        ? `${share.tag}: ${share.mountPoint} in the guest, by ${share.kind} (${share.reason})\n`
        : `${share.tag}: ${share.mountPoint}; ${share.reason}${share.hint === undefined ? "" : ` (${share.hint})`}\n`,
    );
    return 0;
  },
});
