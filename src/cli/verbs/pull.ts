import { homeFolder } from "../../api/index.ts";
import { parsePlace } from "../../copy/index.ts";
import { vivError } from "../../model/index.ts";
import { type PreparedPull, type Pulled, preparePull } from "../../sync/index.ts";
import { safeBlock, safeText } from "../safe.ts";
import { defineVerb, type Work } from "../verb.ts";

export const verb = defineVerb({
  name: "pull",
  summary: "Bring a guest's changes back into a folder",
  usage: "NAME:/path DIR [--dry-run] [--force] [--delete] [--only PATTERN]…",
  details:
    "Files that changed in /path since the last viv sync (or that are new there) come to DIR. A file that changed here too is never replaced silently: nothing is written, and the difference is shown. " +
    "What sync leaves out is not pulled, unless --only names it; nothing ever gets into .git or .vscode. What is gone in the guest stays here, unless --delete.",
  arguments: {
    source: { label: "NAME:/path", summary: "A folder of the guest", completes: "machine" },
    target: { label: "DIR", summary: "A folder of this host", completes: "folder" },
  },
  options: {
    "dry-run": { short: "n", summary: "Only say what would be done, with the differences" },
    force: { summary: "Replace also what changed here" },
    delete: { summary: "Remove here what was removed in the guest, and did not change here" },
    only: { value: "PATTERN", many: true, summary: "Only what this names, as a line of .gitignore; also what sync leaves out" },
    exclude: { value: "PATTERN", many: true, summary: "As in viv sync" },
    git: { summary: "As in viv sync" },
  },
  examples: [
    ["viv pull hello:/work .", "what changed in the guest"],
    ["viv pull hello:/work . --dry-run", "a look at it first"],
    ["viv pull hello:/work . --only 'coverage/**'", "what a run made there"],
  ],
  async run(work) {
    const source = parsePlace(work.args.source);
    if (source.kind === "host")
      throw vivError(
        "usage",
        `${JSON.stringify(source.path)} is not in a guest.`,
        "For example viv pull hello:/work .; there goes viv sync.",
      );
    const { force, delete: remove, only, exclude, git } = work.options;
    const prepared = await preparePull(
      { client: await work.client(), home: homeFolder(), signal: work.signal },
      {
        folder: work.path(work.args.target),
        machine: source.machine,
        path: source.path,
        exclude,
        git,
        ...(only.length > 0 ? { outputs: only } : {}),
      },
    );
    try {
      if (work.options["dry-run"]) {
        tellPlan(work, prepared);
        return 0;
      }
      if (prepared.conflicts.length > 0 && !force) {
        for (const { diff } of prepared.conflicts.slice(0, shownDiffs)) work.note(safeBlock(diff));
        throw vivError(
          "wrong-state",
          `Changed here and in the guest: ${list(prepared.conflicts.map(({ path }) => path))}. Nothing was written.`,
          "Take the guest's with --force, send this host's with viv sync, or make them one by hand.",
        );
      }
      const pulled = await prepared.apply({ force, remove });
      work.print(pulled, () => pulledText(pulled));
      return 0;
    } finally {
      await prepared.dispose();
    }
  },
});

const shownDiffs = 20;
const shownNames = 5;

function list(paths: readonly string[]): string {
  const shown = paths.slice(0, shownNames).map((path) => JSON.stringify(path));
  return paths.length > shownNames ? `${shown.join(", ")} and ${paths.length - shownNames} more` : shown.join(", ");
}

function tellPlan(work: Work, { take, conflicts, gone, leftOut }: PreparedPull): void {
  const told = conflicts.map(({ path, diff }) => ({ path, diff }));
  work.print({ take, conflicts: told, gone, leftOut }, () => {
    const lines = [
      ...take.map((path) => `take     ${safeText(path)}`),
      ...gone.map((path) => `gone     ${safeText(path)}`),
      ...leftOut.map(({ path, reason }) => `left out ${safeText(path)}: ${safeText(reason)}`),
      ...conflicts.map(({ path, diff }) => `both     ${safeText(path)}\n${safeBlock(diff)}`),
    ];
    return `${lines.length === 0 ? "nothing to pull" : lines.join("\n")}\n`;
  });
}

function pulledText({ taken, gone, removed, leftOut }: Pulled): string {
  const lines = [
    ...leftOut.map(({ path, reason }) => `left out: ${safeText(path)}: ${safeText(reason)}`),
    ...(gone.length > removed.length ? [`gone in the guest, kept here (--delete removes them): ${gone.length - removed.length}`] : []),
    ...taken.map((path) => safeText(path)),
    `${taken.length} pulled${removed.length > 0 ? `, ${removed.length} removed` : ""}`,
  ];
  return `${lines.join("\n")}\n`;
}
