import type { Machine } from "../machine.ts";
import { guestScript, type ScriptOutcome } from "./script.ts";

export interface GuestSystem {
  readonly hostname: string;
  readonly osName: string;
  readonly kernel: string;
  readonly interfaces: readonly { readonly name: string; readonly mac: string; readonly addresses: readonly string[] }[];
  readonly users: readonly { readonly name: string; readonly terminal: string }[];
  readonly way: ScriptOutcome["way"];
}

/** Each line begins with what it is; nothing of it is believed but its form. */
const script = `printf 'host %s\\n' "$(uname -n)"
printf 'kernel %s\\n' "$(uname -r)"
( . /etc/os-release 2>/dev/null && printf 'os %s\\n' "\${PRETTY_NAME:-$NAME}" )
for each in /sys/class/net/*; do printf 'link %s %s\\n' "\${each##*/}" "$(cat "$each/address" 2>/dev/null)"; done
ip -o addr show 2>/dev/null | while read -r _ name family address _; do
  case $family in inet|inet6) printf 'address %s %s\\n' "$name" "$address";; esac
done
who 2>/dev/null | while read -r name terminal _; do printf 'user %s %s\\n' "$name" "$terminal"; done
exit 0`;

const textLimit = 200;

export async function guestSystem(machine: Machine, signal: AbortSignal): Promise<GuestSystem> {
  const { stdout, way } = await guestScript(machine, { script, signal });
  return { ...parseSystem(stdout), way };
}

export function parseSystem(text: string): Omit<GuestSystem, "way"> {
  const single = { host: "", kernel: "", os: "" };
  const links = new Map<string, { name: string; mac: string; addresses: string[] }>();
  const users: { name: string; terminal: string }[] = [];
  for (const line of text.split("\n").slice(0, 2000)) {
    const [kind = "", first = "", second = ""] = line.split(" ");
    const rest = line.slice(kind.length + 1, kind.length + 1 + textLimit);
    if (kind === "host" || kind === "kernel" || kind === "os") single[kind] = rest;
    else if (kind === "link") links.set(first, { name: first.slice(0, textLimit), mac: second.slice(0, textLimit), addresses: [] });
    else if (kind === "address") links.get(first)?.addresses.push(second.slice(0, textLimit));
    else if (kind === "user") users.push({ name: first.slice(0, textLimit), terminal: second.slice(0, textLimit) });
  }
  return { hostname: single.host, kernel: single.kernel, osName: single.os, interfaces: [...links.values()], users };
}
