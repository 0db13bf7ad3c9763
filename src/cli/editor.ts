import type { ChildEnd, Host } from "./host.ts";

/** The user's editor: VISUAL, else EDITOR, else what the system always has. */
export function editorOf(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  return environment["VISUAL"] || environment["EDITOR"] || (platform === "win32" ? "notepad" : "vi");
}

/** Opens a file and waits. The setting may hold arguments (`code --wait`): a shell reads it, as git does. */
export function openEditor(
  host: Pick<Host, "environment" | "run">,
  file: string,
  platform: NodeJS.Platform = process.platform,
): Promise<ChildEnd> {
  const editor = editorOf(host.environment, platform);
  if (platform === "win32") return host.run(host.environment["ComSpec"] ?? "cmd.exe", ["/d", "/s", "/c", `${editor} "${file}"`]);
  return host.run("/bin/sh", ["-c", `${editor} "$@"`, editor, file]);
}
