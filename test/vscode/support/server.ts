/** VS Code's own server on the loopback interface, with folders of its own, ended with everything it started. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { cp, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { InstalledEditor } from "../../../scripts/setup/vscode.ts";

export interface ServerOptions {
  readonly editor: InstalledEditor;
  /** The server's own data; short, because sockets are made in it. */
  readonly folder: string;
  /** A VSIX to install, or a folder to take as an installed extension; absent: none. */
  readonly extension?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Lets a page name an extension to test (`payload`). */
  readonly development?: boolean;
}

export interface Server {
  /** `http://localhost:PORT`: webviews need a secure context, which 127.0.0.1 without TLS is not. */
  readonly origin: string;
  readonly authority: string;
  readonly token: string;
  readonly pid: number;
  dispose(): Promise<void>;
}

const startTimeoutMs = 60_000;

export async function startServer(options: ServerOptions): Promise<Server> {
  const extensions = join(options.folder, "extensions");
  await mkdir(extensions, { recursive: true });
  await installExtension(options, join(import.meta.dirname, "driver"));
  if (options.extension !== undefined) await installExtension(options, options.extension);
  const token = randomBytes(16).toString("hex");
  const tokenFile = join(options.folder, "token");
  await writeFile(tokenFile, token, { mode: 0o600 });
  const child = run(options, [
    "--accept-server-license-terms",
    "--host",
    "127.0.0.1",
    "--port",
    "0",
    "--connection-token-file",
    tokenFile,
    ...(options.development ? ["--enable-smoke-test-driver"] : []),
  ]);
  const port = await listening(child, join(options.folder, "server.log"));
  const authority = `localhost:${port}`;
  return { origin: `http://${authority}`, authority, token, pid: child.pid ?? 0, dispose: () => end(child) };
}

/** A folder becomes an installed extension by a copy; a VSIX by VS Code's own installer. */
async function installExtension(options: ServerOptions, extension: string): Promise<void> {
  if (!extension.endsWith(".vsix")) {
    const manifest = JSON.parse(await readFile(join(extension, "package.json"), "utf8")) as {
      publisher: string;
      name: string;
      version: string;
    };
    await copyExtension(extension, join(options.folder, "extensions", `${manifest.publisher}.${manifest.name}-${manifest.version}`));
    return;
  }
  const child = run(options, ["--install-extension", extension]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0 || !/was successfully installed/.test(output)) throw new Error(`VS Code did not install ${extension}:\n${output}`);
}

/** As a VSIX would have it, but for what is large, which is linked: a build that runs meanwhile changes nothing here. */
async function copyExtension(from: string, to: string): Promise<void> {
  await mkdir(join(to, "dist"), { recursive: true });
  for (const name of await readdir(from)) {
    if (/^(package.*\.json|media|l10n|.*\.cjs)$/.test(name)) await cp(join(from, name), join(to, name), { recursive: true });
  }
  for (const name of await readdir(join(from, "dist")).catch(() => [])) {
    const [source, target] = [join(from, "dist", name), join(to, "dist", name)];
    if (name === "bundle" || name === "guest") await symlink(source, target);
    else if (/^(extension|viv|package\.json|webviews)/.test(name)) await cp(source, target, { recursive: true });
  }
}

function run({ editor, folder, env }: ServerOptions, args: readonly string[]): ChildProcess {
  const data = ["--server-data-dir", folder, "--extensions-dir", join(folder, "extensions"), "--telemetry-level", "off"];
  // A group of its own: its extension hosts and terminals end with it.
  return spawn(editor.node, [editor.server, ...data, ...args], {
    cwd: editor.root,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    // No gallery: nothing is asked of the network.
    env: { ...process.env, EXTENSIONS_GALLERY: "{}", ...env },
  });
}

async function listening(child: ChildProcess, logFile: string): Promise<number> {
  const log = createWriteStream(logFile);
  let output = "";
  return new Promise<number>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`VS Code's server ${why}:\n${output.slice(-4000)}`));
    const timer = setTimeout(() => fail(`did not listen within ${startTimeoutMs / 1000} s`), startTimeoutMs);
    const read = (chunk: Buffer) => {
      log.write(chunk);
      output = (output + chunk).slice(-20_000);
      const port = /Extension host agent listening on (\d+)/.exec(output)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(`ended with ${code ?? "a signal"}`);
    });
    child.once("error", reject);
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "exit");
  process.kill(-child.pid, "SIGKILL");
  await closed;
}
