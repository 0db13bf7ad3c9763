import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa, type Options } from "execa";
import { BundleError } from "./errors.ts";
import { ignoreOutput, run } from "./run.ts";

/**
 * Makes a folder into a root file system for `inEmptyRoot`. It holds nothing but the mount points of
 * /proc and /dev/null: whatever else a program opens has to come from the bundle unpacked into it.
 */
export async function prepareEmptyRoot(root: string): Promise<void> {
  await mkdir(join(root, "proc"), { recursive: true });
  await mkdir(join(root, "dev"), { recursive: true });
  await mkdir(join(root, "tmp"), { recursive: true });
  await writeFile(join(root, "dev", "null"), "");
  const probe = inEmptyRootArgs(root, ["/nothing-here"]);
  const result = await execa(probe.command, probe.args, { reject: false });
  // chroot(1) itself answers 127 for a command which does not exist: all before it worked.
  if (result.exitCode === 127 && result.code === undefined) return;
  throw new BundleError(
    "no-namespace",
    `An empty root cannot be made here: ${result.stderr || result.shortMessage}`,
    "Run as root, or allow user namespaces: sudo sysctl -w kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0",
  );
}

const script = 'set -e; root=$1; shift; mount -t proc proc "$root/proc"; mount --bind /dev/null "$root/dev/null"; exec chroot "$root" "$@"';

/** The command that runs `argv` (paths inside the root) with nothing else in sight: own mounts, own processes. */
export function inEmptyRootArgs(root: string, argv: string[]): { command: string; args: string[] } {
  const asUser = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const namespaces = [...asUser, "--mount", "--pid", "--fork", "--kill-child", "--"];
  return { command: "unshare", args: [...namespaces, "sh", "-c", script, "sh", root, ...argv] };
}

/** Starts a program in the empty root. Its environment is `env` and a PATH for the tools which enter the root. */
export function inEmptyRoot(root: string, argv: string[], env: Record<string, string>, options: Options = {}) {
  const { command, args } = inEmptyRootArgs(root, argv);
  const path = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  return execa(command, args, { ...options, reject: false, extendEnv: false, env: { ...path, ...env } });
}

/** Fails early, with words, when the tools are missing. */
export async function requireTools(): Promise<void> {
  for (const tool of ["unshare", "chroot", "mount"]) {
    await run({ command: tool, args: ["--version"], parse: ignoreOutput });
  }
}
