import type { GuestAgent } from "../../qemu/index.ts";

/**
 * POSIX sh, in the guest, started before it is frozen (what it needs is in memory then): thaws after $1 seconds, unless a
 * later freeze took its place. qemu-guest-agent has no end of its own to a freeze.
 */
const thawLater = `fsfreeze --help > /dev/null 2>&1 || exit 1
mounts=$(awk '$1 ~ "^/dev/" { print $2 }' /proc/mounts)
note=/run/vivarium-thaw
echo $$ > "$note" || exit 1
(sleep "$1"; [ "$(cat "$note")" = $$ ] && for mount in $mounts; do fsfreeze --unfreeze "$mount"; done) > /dev/null 2>&1 < /dev/null &`;

/**
 * The guest thaws itself, should nobody be left to do it.
 * @returns whether it can: it needs `sh`, `awk` and `fsfreeze`, and an agent that may run them.
 */
export async function startThawWatch(
  agent: GuestAgent,
  seconds: number,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<boolean> {
  const { exitCode } = await agent.exec({ program: "/bin/sh", args: ["-c", thawLater, "viv", String(seconds)] }, options);
  return exitCode === 0;
}
