import { vivError } from "../../model/index.ts";
import type { Machine } from "../machine.ts";
import { guestScript, type ScriptOutcome } from "./script.ts";

type Way = { readonly way: ScriptOutcome["way"] };

/** useradd(8), and what other systems take. @throws VivError `usage` */
export function requireUserName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(name)) return name;
  throw vivError("usage", `${JSON.stringify(name)} is no user's name.`);
}

/** A line of authorized_keys as people have it: kind, base64, comment; no options, which could run commands. @throws VivError `usage` */
export function requirePublicKey(text: string): string {
  const line = text.trim();
  if (/^(ssh-(rsa|ed25519)|ecdsa-sha2-nistp\d+|sk-[\w-]+@openssh\.com) [A-Za-z0-9+/]{16,}={0,3}( [^\r\n]*)?$/.test(line)) return line;
  throw vivError("usage", "That is no SSH public key.", "One line, as in ~/.ssh/id_ed25519.pub.");
}

const findFile = `set -e
home=$(awk -F: -v user="$1" '$1 == user { print $6 }' /etc/passwd)
[ -n "$home" ] || home=$(getent passwd "$1" 2>/dev/null | cut -d: -f6)
[ -n "$home" ] || { echo "there is no user $1" >&2; exit 1; }
file=$home/.ssh/authorized_keys
`;

/** Its folder must not be a link that the user put there: root writes. */
const checkFolder = `[ ! -L "$home/.ssh" ] && [ ! -L "$file" ] || { echo "$home/.ssh or its file is a link" >&2; exit 1; }
`;

export async function listKeys(machine: Machine, user: string, signal: AbortSignal): Promise<Way & { keys: string[] }> {
  const script = `${findFile}[ -f "$file" ] || exit 0; cat "$file"`;
  const { stdout, way } = await guestScript(machine, { script, words: [requireUserName(user)], signal });
  const keys = stdout
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  return { keys, way };
}

export async function addKey(machine: Machine, user: string, key: string, signal: AbortSignal): Promise<Way & { added: boolean }> {
  const script = `${findFile}${checkFolder}umask 077
IFS= read -r key
if [ -f "$file" ] && grep -qxF -e "$key" "$file"; then echo there; exit 0; fi
[ -d "$home/.ssh" ] || { mkdir "$home/.ssh"; chown "$1" "$home/.ssh"; }
{ [ ! -f "$file" ] || { cat "$file"; [ -z "$(tail -c1 "$file")" ] || echo; }; printf '%s\\n' "$key"; } > "$file.viv"
chown "$1" "$file.viv"
mv -f "$file.viv" "$file"
echo added`;
  const stdin = Buffer.from(`${requirePublicKey(key)}\n`);
  const { stdout, way } = await guestScript(machine, { script, words: [requireUserName(user)], stdin, signal });
  return { added: stdout.includes("added"), way };
}

/** `key` is a whole line, or the base64 of one. */
export async function removeKey(machine: Machine, user: string, key: string, signal: AbortSignal): Promise<Way & { removed: number }> {
  const blob = /[A-Za-z0-9+/]{16,}={0,3}/.exec(key.replace(/^\S+ (?=\S)/, ""))?.[0];
  if (blob === undefined) throw vivError("usage", "That is no SSH public key.", "A line of `viv key ls`, or its long middle part.");
  const script = `${findFile}${checkFolder}umask 077
IFS= read -r blob
[ -f "$file" ] || { echo removed 0; exit 0; }
count=$(grep -cF -e " $blob" "$file" || true)
grep -vF -e " $blob" "$file" > "$file.viv" || true
chown "$1" "$file.viv"
mv -f "$file.viv" "$file"
echo "removed $count"`;
  const { stdout, way } = await guestScript(machine, { script, words: [requireUserName(user)], stdin: Buffer.from(`${blob}\n`), signal });
  return { removed: Number(/^removed (\d+)$/m.exec(stdout)?.[1] ?? 0), way };
}

const setScript = `command -v chpasswd > /dev/null || { echo "this guest has no chpasswd" >&2; exit 1; }
exec chpasswd > /dev/null`;

/** By chpasswd's stdin: the password is in no list of processes and no log. */
export async function setPassword(machine: Machine, user: string, password: string, signal: AbortSignal): Promise<Way> {
  if (password === "" || /[\r\n\0]/.test(password)) throw vivError("usage", "A password is one line, and not empty.");
  const stdin = Buffer.from(`${requireUserName(user)}:${password}\n`);
  const { way } = await guestScript(machine, { script: setScript, stdin, signal });
  return { way };
}
