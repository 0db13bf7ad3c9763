import { createHash } from "node:crypto";
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { VivClient } from "../../api/index.ts";
import { asVivError } from "../../model/index.ts";
import type { Plan } from "../file/index.ts";
import type { RunWork } from "./work.ts";

/** Warm runs: the first run leaves a template of its machine as it was after postCreateCommand, later ones are forks of it. */

/** What dependencies are installed from, where the file does not say (`rebuildOn`). */
const manifests = [
  "package.json",
  "package-lock.json",
  "npm-shrinkwrap.json",
  "yarn.lock",
  "pnpm-lock.yaml",
  "requirements.txt",
  "requirements-dev.txt",
  "pyproject.toml",
  "poetry.lock",
  "uv.lock",
  "Pipfile.lock",
  "go.mod",
  "go.sum",
  "Cargo.toml",
  "Cargo.lock",
  "Gemfile.lock",
  "composer.lock",
  "Makefile",
  "CMakeLists.txt",
];

/** A machine whose later steps run beside the tests is never in one known state. */
export function canBeWarm(plan: Plan): boolean {
  return plan.warm && plan.waitFor !== "onCreateCommand";
}

/** The name of the template that holds for a plan now: another one when anything that made it changes. */
export async function templateName(work: RunWork, plan: Plan): Promise<string> {
  const client = await work.connect();
  const images = await client.call("image.list", {}, { signal: work.signal });
  const image = images.find(({ name, architecture }) => name === plan.image && (plan.architecture ?? architecture) === architecture);
  const { image: name, architecture, cpus, memory, disk, network, forwards, workspaceFolder, workspaceMount, user, environment } = plan;
  const steps = plan.steps.filter((step) => step.name !== "postStartCommand");
  const facts = { name, architecture, cpus, memory, disk, network, forwards, workspaceFolder, workspaceMount, user, environment, steps };
  const key = digest([facts, image?.sha256 ?? image?.version, await inputsOf(plan)]);
  return `${templatePrefix(plan.folder, plan.target)}${key.slice(0, 12)}`;
}

function templatePrefix(folder: string, target: string | undefined): string {
  return `testvm-${digest(folder).slice(0, 6)}-${digest(target ?? null).slice(0, 4)}-`;
}

/** What of the workspace went into the machine by its commands: path and content. */
async function inputsOf(plan: Plan): Promise<(readonly [path: string, content: string | null])[]> {
  const words = plan.steps.flatMap(({ commands }) =>
    commands.flatMap((command) => command.words.flatMap((text) => text.split(/[\s"'`;|&<>()]+/))),
  );
  const named = words
    .map((word) => word.replace(/^\.\//, ""))
    .filter((word) => word !== "" && !word.startsWith("/") && !word.split("/").includes(".."));
  const paths = [...new Set([...named, ...(plan.rebuildOn ?? manifests)])].sort();
  const found = await Promise.all(paths.map(async (path) => [path, await contentOf(join(plan.folder, path))] as const));
  return found.filter(([, content]) => content !== null);
}

async function contentOf(file: string): Promise<string | null> {
  const facts = await lstat(file).catch(() => undefined);
  return facts?.isFile() ? digest((await readFile(file)).toString("base64")) : null;
}

function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

/** Whether there is such a template; one that no longer fits this computer is removed. */
export async function hasTemplate(work: RunWork, template: string): Promise<boolean> {
  const client = await work.connect();
  const found = (await client.call("template.list", {}, { signal: work.signal })).find(({ name }) => name === template);
  if (found?.problem === undefined) return found !== undefined;
  work.onNote(`the warm machine is made anew: ${found.problem}`);
  await client.call("template.remove", { template });
  return false;
}

/** Keeps a machine as it is for later runs, in place of what was kept for the plan before. What fails here is a note. */
export async function keepWarm(work: RunWork, plan: Plan, machine: string, template: string): Promise<void> {
  const client = await work.connect();
  work.onProgress({ kind: "test", step: "keeping it warm" });
  try {
    const note = `viv test in ${plan.folder}${plan.target === undefined ? "" : `, ${plan.target}`}`;
    await client.call("template.create", { machine, name: template, note }, { signal: work.signal });
    await removeTemplates(client, templatePrefix(plan.folder, plan.target), template);
  } catch (error) {
    const { code, message } = asVivError(error);
    if (code === "cancelled") throw error;
    // Another run in this folder was quicker.
    if (code !== "exists") work.onNote(`later runs will not be warm: ${message}`);
  }
}

/** A folder's templates, but those that machines run on and the one to keep. Gives their names. */
export async function removeTemplates(client: VivClient, prefix: string, keep?: string): Promise<string[]> {
  const old = (await client.call("template.list", {})).filter(
    ({ name, forks }) => name.startsWith(prefix) && name !== keep && !forks.some(({ running }) => running),
  );
  for (const { name } of old) await client.call("template.remove", { template: name });
  return old.map(({ name }) => name);
}

/** What the names of all templates of a folder begin with. */
export function folderTemplatePrefix(folder: string): string {
  return `testvm-${digest(folder).slice(0, 6)}-`;
}

/** A machine that goes on where the template stood; its agent answers. @throws VivError as `fork.create`, `agent-unavailable`. */
export async function forkWarm(work: RunWork, template: string, name: string): Promise<void> {
  const client = await work.connect();
  work.onProgress({ kind: "test", step: "forking" });
  await client.call("fork.create", { source: template, names: [name], group: "Test machines" }, { signal: work.signal });
}
