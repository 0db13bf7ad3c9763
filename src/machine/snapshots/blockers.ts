import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import { pluggedShares } from "../shares/devices.ts";

/** QEMU's reasons why memory cannot be saved now (`query-migrate`), in words a person can act on. */
export async function memoryBlockers(machine: Machine, session: Session): Promise<string[]> {
  if (machine.state.run?.accelerator === "whpx") return ["Windows' hypervisor (WHPX) does not let go of a guest's memory"];
  const { "blocked-reasons": reasons = [] } = await session.qmp.execute("query-migrate");
  // Our own shared folders are taken out before memory is saved, and put back.
  const own = pluggedShares(machine).length > 0 ? /VirtFS|vhost-user/i : undefined;
  return reasons.filter((reason) => !own?.test(reason)).map(plainReason);
}

const known: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/9p|VirtFS|virtfs/i, "the guest has a shared folder (9p) mounted; unmount it in the guest"],
  [/vdagent/i, "the shared clipboard (vdagent) is on, which this QEMU cannot save"],
  [/WHPX/i, "Windows' hypervisor (WHPX) does not let go of a guest's memory"],
  [/vfio/i, "a device of the host is passed through to the guest"],
  [/invtsc|invariant/i, "the guest's processor has an invariant time stamp counter"],
  [/virgl|virtio-gpu|rutabaga|blob/i, "the guest's screen uses 3D acceleration"],
  [/tpm|swtpm/i, "this swtpm cannot save its state"],
  [/SEV|TDX|confidential/i, "the guest's memory is encrypted"],
  [/vhost-user|vhost/i, "a device outside QEMU (vhost) cannot be saved"],
];

/** What we do not know is said as QEMU says it. */
export function plainReason(reason: string): string {
  return known.find(([pattern]) => pattern.test(reason))?.[1] ?? reason;
}
