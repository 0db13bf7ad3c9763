/**
 * `npm start`: from a fresh checkout to a real machine. Installs what is missing, makes the bundle and the starter
 * guest, builds, makes and boots the machine `hello`, runs `uname -a` in it, and reports. Can be repeated.
 *
 * Then it packs the extension, installs it into your VS Code (`code` on PATH) or into a VS Code in the browser from npm,
 * and opens it on a sample folder with the machine's console.
 *
 *   --headless   no editor
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import which from "which";
import { build, ensureBundle, ensureGuests, hostGuestArchitecture } from "./setup/artefacts.ts";
import { startEditorServer } from "./setup/editorServer.ts";
import { checkout, run, runScript, SetupError } from "./setup/run.ts";
import { buildPrograms, ensureSystemPrograms } from "./setup/systemPackages.ts";
import { editorPrograms, ensureEditor } from "./setup/vscode.ts";

interface HostReport {
  qemu: { version: string; source: string } | null;
  accelerators: { name: string; title: string; chosen: boolean; relativeSpeed: number | null; reason: string; hint?: string }[];
}
interface Details {
  name: string;
  state: string;
  accelerator: string | null;
  readiness: Record<string, number>;
}
interface Failure {
  code?: number;
  stderr?: string;
}

const machine = "hello";
const execute = promisify(execFile);

async function viv(...args: string[]): Promise<string> {
  const { stdout } = await execute(process.execPath, [join(checkout, "dist", "viv.js"), ...args], { maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}

async function vivJson<T>(...args: string[]): Promise<T> {
  return JSON.parse(await viv(...args, "--json")) as T;
}

async function ensureMachine(): Promise<void> {
  try {
    await viv("show", machine);
  } catch (error) {
    if ((error as Failure).code !== 3) throw error;
    console.log(`Creating the machine “${machine}” from the starter image …`);
    await viv("create", machine, "--image", "starter", "--memory", "512M");
  }
}

async function main(): Promise<void> {
  await ensureSystemPrograms(buildPrograms);
  await ensureBundle();
  await ensureGuests([hostGuestArchitecture()]);
  await build();
  const host = await vivJson<HostReport>("doctor");
  await ensureMachine();
  console.log(`Starting “${machine}” …`);
  await viv("start", machine);
  await viv("wait", machine, "--for", "agent", "--timeout", "120s");
  const answer = (await viv("exec", machine, "--", "uname", "-a")).trim();
  const details = await vivJson<Details>("show", machine);
  report(host, details, answer);
  if (!process.argv.includes("--headless")) await openEditor();
}

/** Into the user's own VS Code where there is one; otherwise a VS Code for the browser, on localhost with a token. */
async function openEditor(): Promise<void> {
  const vsix = await packExtension();
  const sample = join(checkout, "samples", "hello");
  const code = await which("code", { nothrow: true });
  if (code !== null) {
    console.log("Installing the extension into VS Code …");
    await run(code, ["--install-extension", vsix, "--force"], { quiet: true });
    await run(code, [sample], { quiet: true });
    console.log(`VS Code opens on ${sample}: look for “${machine}” in its Vivarium view.`);
    return;
  }
  await ensureSystemPrograms(editorPrograms);
  const server = await startEditorServer(await ensureEditor("current"), vsix, sample, {});
  console.log(`VS Code runs for your browser. Open (the link holds the key; it is also in ${server.urlFile}):\n\n    ${server.url}\n`);
}

async function packExtension(): Promise<string> {
  console.log("Packing the extension …");
  const target = `${process.platform}-${process.arch}`;
  await runScript("scripts/package.ts", ["--target", target]);
  const { version } = JSON.parse(await readFile(join(checkout, "package.json"), "utf8")) as { version: string };
  return join(checkout, "dist", `vivarium-${version}-${target}.vsix`);
}

function report(host: HostReport, details: Details, answer: string): void {
  const lines = [
    "",
    `QEMU ${host.qemu?.version ?? "?"} (${host.qemu?.source ?? "?"})`,
    "Accelerators",
    ...host.accelerators.map(
      (one) => `  ${one.chosen ? "→" : " "} ${one.title.padEnd(34)} ${speed(one.relativeSpeed)}  ${one.chosen ? "chosen" : one.reason}`,
    ),
    `Readiness of “${details.name}” (${details.accelerator ?? "?"}), milliseconds since the start request`,
    ...Object.entries(details.readiness).map(([step, ms]) => `    ${step.padEnd(10)} ${String(Math.round(ms)).padStart(6)}`),
    "The guest's answer to uname -a",
    `    ${answer}`,
    "Next",
    "    npm run --silent viv -- ssh hello          a shell in the machine",
    "    npm run --silent viv -- serial hello       its serial console (leave with Ctrl+])",
    "    npm run --silent viv -- stop hello         stop it",
    "    npm run --silent viv -- help               everything else",
    "",
  ];
  console.log(lines.join("\n"));
}

function speed(relative: number | null): string {
  return relative === null ? "      –" : `${relative.toFixed(2)}×`.padStart(7);
}

main().catch((error: unknown) => {
  const { stderr } = error as Failure;
  console.error(error instanceof SetupError ? error.message : (stderr ?? (error instanceof Error ? error.stack : String(error))));
  process.exitCode = 1;
});
