import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** Programs the build runs, and the Debian package that brings each. */
const TOOLS = {
  "apt-get": "apt",
  "dpkg-deb": "dpkg",
  gzip: "gzip",
  xz: "xz-utils",
  mke2fs: "e2fsprogs",
  debugfs: "e2fsprogs",
  e2fsck: "e2fsprogs",
} as const;

export type Tool = keyof typeof TOOLS;
export type Tools = Readonly<Record<Tool, string>>;

/** Finds every tool before any work starts; one error names all that are missing and the command that installs them. */
export async function findTools(): Promise<Tools> {
  const found: Partial<Record<Tool, string>> = {};
  const missing: Tool[] = [];
  for (const tool of Object.keys(TOOLS) as Tool[]) {
    const path = await onPath(tool);
    if (path) found[tool] = path;
    else missing.push(tool);
  }
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((tool) => TOOLS[tool]))].sort().join(" ");
    throw new Error(`the starter guest's build needs ${missing.join(", ")}; install with: sudo apt-get install -y ${packages}`);
  }
  return found as Tools;
}

async function onPath(tool: string): Promise<string | undefined> {
  // Debian keeps mke2fs and debugfs out of a normal user's PATH.
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  for (const folder of folders.filter(Boolean)) {
    const path = join(folder, tool);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

export interface RunOptions {
  readonly input?: Buffer | string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs a program to its end and gives its standard output; a failure carries what it wrote to standard error. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, LC_ALL: "C", TZ: "UTC", ...options.environment } });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(Buffer.concat(out));
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code ?? signal}: ${Buffer.concat(err).toString().trim()}`));
    });
    // A program that ends early closes its input; its exit code tells the story.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input);
  });
}
