import { readFile } from "node:fs/promises";
import { homedir, release } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
import { type Editor, factsOf, withCancellableProgress } from "../editor/index.ts";
import type { Command } from "./command.ts";
import { withoutSecrets } from "./secrets.ts";

const { l10n } = vscode;

/** At most this much of each log, from its end. */
const logBytes = 512 * 1024;

/**
 * One zip with what somebody who helps wants to know: versions, host report, definitions, logs. Keys, tokens, the
 * user's name and what guests printed on their consoles stay out.
 */
export const supportBundle: Command = async ({ editor }, given) => {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[:T]/g, "-");
  const target =
    given instanceof vscode.Uri
      ? given
      : await vscode.window.showSaveDialog({
          title: l10n.t("Save the support bundle"),
          defaultUri: vscode.Uri.file(join(homedir(), `vivarium-support-${stamp}.zip`)),
          filters: { Zip: ["zip"] },
        });
  if (!target) return undefined;
  const files = await withCancellableProgress(l10n.t("Collecting"), () => collect(editor));
  const { zip } = await import("./zip.ts");
  await vscode.workspace.fs.writeFile(target, zip(files));
  if (!(given instanceof vscode.Uri))
    void vscode.window.showInformationMessage(
      l10n.t("Saved {0}. Look inside before you send it: it should have no secrets.", target.fsPath),
    );
  return target;
};

async function collect(editor: Editor): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const add = async (name: string, make: () => Promise<string>): Promise<void> => {
    // What cannot be had is itself worth knowing.
    const text = await make().catch((error: unknown) => `not available: ${factsOf(error).message}\n`);
    files.set(name, withoutSecrets(text, homedir()));
  };
  await add("versions.json", async () => json(versions(editor)));
  await add("service.json", async () => json(await editor.service.call("daemon.status", {})));
  await add("host-report.json", async () => json(await editor.service.call("host.report", { fresh: false })));
  await add("machines.json", async () => json(await editor.service.call("machine.list", {})));
  await add("logs/vivd.log", async () =>
    tail(await readFile(join((await editor.service.call("daemon.status", {})).home, "logs", "vivd.log"), "utf8")),
  );
  await add("logs/extension.log", async () =>
    tail(await readFile(vscode.Uri.joinPath(editor.context.logUri, "Vivarium.log").fsPath, "utf8")),
  );
  await editor.machines.reload().catch(() => undefined);
  for (const machine of editor.machines.all) await addMachine(editor, machine, add);
  return files;
}

async function addMachine(
  editor: Editor,
  { id, name }: MachineSummary,
  add: (name: string, make: () => Promise<string>) => Promise<void>,
): Promise<void> {
  await add(`machines/${name}/vm.json`, async () => (await editor.service.call("machine.definition", { machine: id })).text);
  await add(`machines/${name}/show.json`, async () => json(await editor.service.call("machine.show", { machine: id })));
  for (const log of ["qemu", "events"] as const) {
    await add(
      `machines/${name}/${log}.log`,
      async () => (await editor.service.call("machine.logs", { machine: id, log, maximumBytes: logBytes })).text,
    );
  }
}

function versions(editor: Editor): Record<string, unknown> {
  const { version } = editor.context.extension.packageJSON as { version?: string };
  const { remoteName, uiKind, appName, appHost, language } = vscode.env;
  return {
    vivarium: version,
    vscode: vscode.version,
    appName,
    appHost,
    language,
    remoteName,
    uiKind,
    platform: process.platform,
    architecture: process.arch,
    system: release(),
    node: process.version,
  };
}

function tail(text: string): string {
  return text.slice(-logBytes);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
