import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What random walks did, a file a seed, for the report of `npm run test:soak`. Also of one that was cut off. */
export interface WalkNote {
  readonly seed: number;
  /** Steps. */
  readonly asked: number;
  readonly done: number;
  /** Steps that began with QEMU running. */
  readonly running: number;
  readonly taken: number;
  readonly restored: number;
  readonly seconds: number;
  readonly outcome: "going on" | "passed" | "failed";
}

/** `VIVARIUM_WALK_REPORT` names the folder; without it nothing is noted. */
export function noteWalk(note: WalkNote): void {
  const folder = process.env.VIVARIUM_WALK_REPORT;
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${note.seed}.json`), JSON.stringify(note));
}

export function walkNotes(folder: string): WalkNote[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as WalkNote)
    .sort((left, right) => left.seed - right.seed);
}

/** The committed report, `test/soak/results.md`. */
export function walkReport(
  notes: readonly WalkNote[],
  facts: { readonly at: string; readonly commit: string; readonly host: string },
): string {
  const row = ({ seed, asked, done, running, taken, restored, seconds, outcome }: WalkNote) => {
    const end = outcome === "going on" ? "cut off; right as far as it went" : outcome;
    return `| ${seed} | ${done} of ${asked} | ${running} | ${taken} | ${restored} | ${Math.round(seconds / 60)} min | ${end} |`;
  };
  return `# Random walks

Written by \`npm run test:soak\` on ${facts.at.slice(0, 16).replace("T", " ")} UTC, commit ${facts.commit}, ${facts.host}. \`VIVARIUM_WALK_SEEDS=7 npm run test:soak\` repeats one. After every step the present is compared with the model, after every 15 all snapshots and images are (\`test/qemu/snapshotWalk.test.ts\`).

| seed | steps | with QEMU running | snapshots | restores | took | outcome |
| --- | --- | --- | --- | --- | --- | --- |
${notes.map(row).join("\n")}
`;
}
