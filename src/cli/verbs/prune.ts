import type { PruneItem } from "../../api/index.ts";
import { humanBytes, vivError } from "../../model/index.ts";
import { ask } from "../ask.ts";
import { safeText } from "../safe.ts";
import { styleFor } from "../style.ts";
import { table } from "../table.ts";
import { defineVerb, type Work } from "../verb.ts";

const kinds = ["machine", "snapshot", "disk", "template", "image", "bundle", "leftover"] as const satisfies readonly PruneItem["kind"][];

export const verb = defineVerb({
  name: "prune",
  summary: "Delete for good what can go, after showing what that frees",
  usage: "[NAME] [--kind KIND]… [--dry-run | --yes]",
  details:
    "Removed machines, snapshots and disks, images and QEMU builds that nobody needs, leftovers of crashes. With NAME: only what is in that machine.",
  arguments: { name: { label: "NAME", summary: "The machine's name (or id)", optional: true, completes: "machine" } },
  options: {
    kind: { value: "KIND", many: true, choices: kinds, summary: "Only these kinds" },
    "dry-run": { summary: "Only show it" },
    yes: { summary: "Do not ask", short: "y" },
  },
  examples: [
    ["viv prune --dry-run", "what would go, and what it frees"],
    ["viv prune --yes --kind machine", "empty the machines' trash"],
  ],
  async run(work) {
    const { name } = work.args;
    const { "dry-run": dryRun, yes } = work.options;
    if (dryRun && yes) throw vivError("usage", "--dry-run and --yes exclude each other.", "Usage: viv prune [NAME] [--dry-run | --yes]");
    const chosen = kinds.filter((kind) => work.options.kind.includes(kind));
    const target = name === undefined ? {} : { machine: name };
    const items = (await work.call("prune.list", target)).filter(({ kind }) => chosen.length === 0 || chosen.includes(kind));
    if (dryRun || items.length === 0) {
      work.print(items, () => (items.length === 0 ? "Nothing can go.\n" : `${itemTable(work, items)}${totalText(items)} can be freed.\n`));
      return 0;
    }
    if (!yes && !(await agreed(work, items))) return 1;
    const { freedBytes, items: gone } = await work.call("prune.run", { ...target, ...(chosen.length === 0 ? {} : { kinds: chosen }) });
    work.print({ freedBytes, items: gone }, () => `${gone.length} deleted, ${humanBytes(freedBytes)} freed.\n`);
    return 0;
  },
});

async function agreed(work: Work, items: readonly PruneItem[]): Promise<boolean> {
  if (work.json || !work.host.stdin.isTTY)
    throw vivError("usage", "Nobody can be asked here.", "Add --yes, or --dry-run to see what would go.");
  work.host.stderr.write(itemTable(work, items));
  const agreed = await ask(work, `Delete all this for good? It frees ${totalText(items)}.`, "no");
  if (!agreed) work.note("Nothing was deleted.");
  return agreed;
}

function itemTable(work: Work, items: readonly PruneItem[]): string {
  return table(
    [{ title: "KIND" }, { title: "NAME" }, { title: "FREES", align: "right" }, { title: "WHAT" }],
    items.map(({ kind, name, bytes, detail }) => [kind, safeText(name), humanBytes(bytes), safeText(detail)]),
    styleFor(work.host.stdout, work.host.environment),
  );
}

function totalText(items: readonly PruneItem[]): string {
  return humanBytes(items.reduce((sum, { bytes }) => sum + bytes, 0));
}
