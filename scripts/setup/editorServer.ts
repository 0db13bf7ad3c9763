import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, openSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isAlive, type ProcessIdentity, processStartTime } from "../../src/backends/index.ts";
import { cacheFolder } from "../bundle/cache.ts";
import { run, SetupError } from "./run.ts";
import type { InstalledEditor } from "./vscode.ts";

/** A VS Code in the browser that stays when this script ends: one for a user, on the loopback interface, with a token. */
export interface EditorServer {
  /** With the token: whoever has it can do as you can. */
  readonly url: string;
  /** Holds the URL, 0600. */
  readonly urlFile: string;
}

const startTimeoutMs = 60_000;

/** Ends the server of an earlier start, installs the extension, and starts a new one on a folder. */
export async function startEditorServer(
  editor: InstalledEditor,
  vsix: string,
  workspace: string,
  environment: NodeJS.ProcessEnv,
): Promise<EditorServer> {
  const folder = join(cacheFolder(), "editor");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await endEarlier(folder);
  const common = [
    editor.server,
    "--server-data-dir",
    folder,
    "--extensions-dir",
    join(folder, "extensions"),
    "--telemetry-level",
    "off",
    "--accept-server-license-terms",
  ];
  const env = { EXTENSIONS_GALLERY: "{}", ...environment };
  await seedSettings(folder);
  await run(editor.node, [...common, "--install-extension", vsix, "--force"], { quiet: true, env });
  const token = randomBytes(24).toString("hex");
  const tokenFile = join(folder, "token");
  await rm(tokenFile, { force: true });
  await writeFile(tokenFile, token, { mode: 0o600 });
  const logFile = join(folder, "server.log");
  await writeFile(logFile, "", { mode: 0o600 });
  const log = openSync(logFile, "a");
  const child = spawn(editor.node, [...common, "--host", "127.0.0.1", "--port", "0", "--connection-token-file", tokenFile], {
    cwd: editor.root,
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, ...env },
  });
  child.unref();
  const pid = child.pid ?? 0;
  await writeFile(join(folder, "server.json"), JSON.stringify({ pid, startTime: await processStartTime(pid) }), { mode: 0o600 });
  const port = await listeningPort(logFile, pid);
  const url = `http://localhost:${port}/?tkn=${token}&folder=${encodeURIComponent(workspace)}`;
  const urlFile = join(folder, "url");
  await rm(urlFile, { force: true });
  await writeFile(urlFile, `${url}\n`, { mode: 0o600 });
  return { url, urlFile };
}

/** The whole group: extension hosts and terminals end with their server; machines do not belong to it. */
async function endEarlier(folder: string): Promise<void> {
  const text = await readFile(join(folder, "server.json"), "utf8").catch(() => undefined);
  const server = text === undefined ? undefined : (JSON.parse(text) as ProcessIdentity);
  if (!server || !(await isAlive(server))) return;
  process.kill(-server.pid, "SIGTERM");
  for (let tries = 0; tries < 500 && (await isAlive(server)); tries += 1) await new Promise((wake) => setTimeout(wake, 20));
}

/** A first window without greetings; what the user sets later stays. */
async function seedSettings(folder: string): Promise<void> {
  const settings = join(folder, "data", "Machine", "settings.json");
  if (existsSync(settings)) return;
  await mkdir(join(folder, "data", "Machine"), { recursive: true });
  const quiet = {
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.welcomePage.experimentalOnboarding": false,
    "chat.disableAIFeatures": true,
    "extensions.autoUpdate": false,
  };
  await writeFile(settings, `${JSON.stringify(quiet, null, 2)}\n`, { mode: 0o600 });
}

async function listeningPort(logFile: string, pid: number): Promise<number> {
  const deadline = Date.now() + startTimeoutMs;
  while (Date.now() < deadline) {
    const said = await readFile(logFile, "utf8");
    const port = /Extension host agent listening on (\d+)/.exec(said)?.[1];
    if (port !== undefined) return Number(port);
    if ((await processStartTime(pid)) === undefined) throw new SetupError(`VS Code's server ended:\n${said.slice(-2000)}`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new SetupError(`VS Code's server did not listen within ${startTimeoutMs / 1000} s; its log is ${logFile}.`);
}
