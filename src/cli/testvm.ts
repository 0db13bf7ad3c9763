import { homeFolder } from "../api/index.ts";
import { vivError } from "../model/index.ts";
import {
  askedEnvironment,
  type LoadedFile,
  loadFile,
  type Plan,
  problemsError,
  type RunWork,
  resolvePlan,
  shownIn,
  TrustStore,
  targetsOf,
} from "../testvm/index.ts";
import { ask } from "./ask.ts";
import { connecting } from "./connecting.ts";
import { safeText } from "./safe.ts";
import type { OptionValues, Work } from "./verb.ts";
import { webOf } from "./web.ts";

/** What the verbs of the test-VM file share. */
export const folderOption = { value: "DIR", summary: "The repository (default: where you stand)", completes: "folder" } as const;

export const planOptions = {
  folder: folderOption,
  target: { value: "TARGET", many: true, summary: "Only this target of the file" },
  trust: { summary: "Run the file as it is, without a question, this once (CI)" },
  "allow-env": { value: "NAME", many: true, summary: "Let the guest have this variable of the environment, this once" },
} as const;

type PlanOptions = OptionValues<typeof planOptions>;

/** @throws VivError `not-found`, `invalid-definition`. */
export async function loadedFile(work: Work, folder: string | undefined): Promise<LoadedFile> {
  const loaded = await loadFile(work.path(folder ?? "."));
  if ("problems" in loaded) throw problemsError(loaded.problems, shownIn(loaded.folder));
  return loaded;
}

/** The plans that are asked for, of a file that is trusted. @throws VivError `untrusted-input`, `not-found`, `invalid-definition`. */
export async function trustedPlans(work: Work, options: PlanOptions): Promise<{ loaded: LoadedFile; plans: Plan[] }> {
  const loaded = await loadedFile(work, options.folder);
  const allowed = new Set([...(await trusted(work, loaded, options.trust)), ...options["allow-env"]]);
  const known = targetsOf(loaded);
  for (const target of options.target)
    if (!known.includes(target))
      throw vivError(
        "not-found",
        `The file has no target ${JSON.stringify(target)}.`,
        known.length === 0 ? "It has none." : `There is ${known.join(", ")}.`,
      );
  const targets = options.target.length > 0 ? [...new Set(options.target)] : known.length > 0 ? known : [undefined];
  const resolved = targets.map((target) => resolvePlan(loaded, target, { environment: work.host.environment, allowed }));
  const problems = resolved.flatMap((one) => ("problems" in one ? one.problems : []));
  if (problems.length > 0) throw problemsError(distinct(problems), shownIn(loaded.folder));
  return { loaded, plans: resolved.flatMap((one) => ("plan" in one ? [one.plan] : [])) };
}

/** Two targets have the same problem of the file at the same place. */
function distinct<T>(problems: readonly T[]): T[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}

/** The names of the environment that were allowed with the file; a question once for each content of it. */
async function trusted(work: Work, loaded: LoadedFile, once: boolean): Promise<readonly string[]> {
  const store = new TrustStore(homeFolder());
  const entry = await store.find(loaded.folder, loaded.hash);
  if (entry) return entry.allowedEnvironment;
  if (once) return [];
  const shown = loaded.chain.map(({ file }) => shownIn(loaded.folder)(file)).join(", ");
  if (work.host.stdin.isTTY === true && work.host.stderr.isTTY === true && !work.json) {
    const asked = askedEnvironment(loaded);
    const question = [
      `${safeText(loaded.folder)} wants to run commands in test machines (${safeText(shown)}).`,
      asked.length === 0
        ? "It asks for nothing of this computer's environment."
        : `Its guests get these variables of yours: ${asked.map(safeText).join(", ")}.`,
      "Trust this file as it is now?",
    ].join("\n");
    if (await ask(work, question, "no"))
      return (await store.add({ folder: loaded.folder, hash: loaded.hash, allowedEnvironment: asked })).allowedEnvironment;
  }
  throw vivError(
    "untrusted-input",
    `${shown} of ${loaded.folder} is not trusted as it is now: nothing was run.`,
    "Read it, then: viv trust add. In CI: viv test --trust",
  );
}

/** A verb's terminal as what test machines tell to: output of the tests is this process's, everything else is stderr. */
export function runWork(work: Work): RunWork {
  const { stdout, stderr } = work.host;
  return {
    connect: connecting(work),
    home: homeFolder(),
    signal: work.signal,
    web: webOf(work.host.environment, work.path),
    onProgress: (report) => work.progress(report),
    onNote: (text) => work.note(`viv: ${text}`),
    onOutput: (from, stream, data) => {
      work.endProgress();
      const output = from === "tests" && stream === "stdout" && !work.json ? stdout : stderr;
      return output.write(data) ? undefined : new Promise((drained) => output.once("drain", drained));
    },
  };
}
