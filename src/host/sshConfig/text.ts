/** ssh_config(5) as text; pure. What it is quoted for: OpenSSH from 7.3 (Include) on, Microsoft's port included. */

export interface SshHost {
  readonly name: string;
  readonly user: string;
  readonly identityFile: string;
  readonly knownHostsFile: string;
  readonly hostKeyAlias: string;
}

export interface HostsFacts {
  readonly home: string;
  /** What runs `viv`: `<home>/bin/viv`, or on Windows `viv.cmd`. */
  readonly launcher: string;
  readonly platform: NodeJS.Platform;
}

export const ownMark = "# Vivarium's machines for ssh, written by vivd for the home ";
const includeMark = "# Vivarium: machines as NAME.viv (viv ssh-config remove takes these two lines away)";

/** Our own file: a block for each machine, then what all of them have. */
export function hostsText(hosts: readonly SshHost[], facts: HostsFacts): string {
  const lines = [
    `${ownMark}${oneLine(facts.home)}`,
    "# Changes are lost: it is written anew when a machine comes, goes or is renamed.",
    "",
  ];
  for (const host of hosts) {
    lines.push(
      `Host ${host.name}.viv`,
      `  User ${host.user}`,
      `  IdentityFile ${quotedPath(host.identityFile, facts.platform)}`,
      `  UserKnownHostsFile ${quotedPath(host.knownHostsFile, facts.platform)}`,
      `  HostKeyAlias ${host.hostKeyAlias}`,
      `  ProxyCommand ${proxyCommand(host.name, facts)}`,
      "",
    );
  }
  // A guest is not trusted: what `Host *` of the user's own gives to others is kept from it.
  lines.push(
    "Host *.viv",
    "  IdentitiesOnly yes",
    "  GlobalKnownHostsFile none",
    "  StrictHostKeyChecking yes",
    "  PasswordAuthentication no",
    "  ForwardAgent no",
    "  ForwardX11 no",
    "",
  );
  return lines.join("\n");
}

/** Run by the user's shell (by cmd.exe on Windows): a machine's own name stands in it, never what somebody typed (`%n`). */
function proxyCommand(name: string, { launcher, platform }: HostsFacts): string {
  const path = oneLine(launcher).replaceAll("%", "%%");
  const program = platform === "win32" ? `"${path}"` : `'${path.replaceAll("'", "'\\''")}'`;
  return `${program} ssh --stdio ${name}`;
}

/** `%` begins a token. Windows' own separator would escape what follows. A quote cannot be in a quoted word of older versions. */
export function quotedPath(path: string, platform: NodeJS.Platform): string {
  const text = oneLine(platform === "win32" ? path.replaceAll("\\", "/") : path).replaceAll("%", "%%");
  return `"${text}"`;
}

/** `Include` takes patterns; a path with their characters is named relative to ~/.ssh, where it is. */
export function includeLine(ownFile: string, platform: NodeJS.Platform): string {
  const name = ownFile.split(/[\\/]/).at(-1) ?? ownFile;
  if (platform === "win32" || /[*?[\]"\\\n]/.test(ownFile)) return `Include ${name}`;
  return `Include ${/\s/.test(ownFile) ? `"${ownFile}"` : ownFile}`;
}

/** The user's file with our two lines at its top, where no `Host` block holds them; one that has them stays as it is. */
export function withInclude(text: string, include: string): string {
  if (hasInclude(text, include)) return text;
  const end = /\r\n/.test(text) ? "\r\n" : "\n";
  return `${includeMark}${end}${include}${end}${text === "" ? "" : `${end}${withoutInclude(text)}`}`;
}

export function hasInclude(text: string, include: string): boolean {
  return text.split(/\r?\n/).some((line) => line.trim() === include);
}

/** Without our lines, wherever they were moved, and the empty line that parted them from the rest; all else byte for byte. */
export function withoutInclude(text: string): string {
  const lines = text.split("\n");
  const kept: string[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    if (lines[at]?.trim() !== includeMark) {
      kept.push(lines[at] ?? "");
      continue;
    }
    if (/^\s*Include\s/i.test(lines[at + 1] ?? "")) at += 1;
    if (kept.length === 0 && lines[at + 1]?.trim() === "" && at + 2 < lines.length) at += 1;
  }
  return kept.join("\n");
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, "");
}
