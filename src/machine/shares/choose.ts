import type { Share, ShareKind } from "../../model/index.ts";

/** Which kind a share gets, from what host and guest can, with the reason a person reads. Pure. */

/** Why this host cannot serve a kind to this process of QEMU; undefined: it can. */
export type HostWays = Readonly<Record<ShareKind, Refusal | undefined>>;

export interface Refusal {
  readonly reason: string;
  /** The next start of the machine has it. */
  readonly atNextStart?: true;
}

/** What the running guest's kernel can mount. */
export interface GuestWays {
  readonly virtiofs: boolean;
  readonly "9p": boolean;
  /** `6.1.0-30-cloud-amd64` */
  readonly kernel: string;
}

export type Choice =
  | { readonly kind: ShareKind; readonly reason: string }
  | { readonly kind: undefined; readonly reason: string; readonly hint: string; readonly atNextStart: boolean };

const inOrder = ["virtiofs", "9p"] as const satisfies readonly ShareKind[];

export function chooseKind(wanted: Share["kind"], host: HostWays, guest: GuestWays): Choice {
  const candidates = wanted === "auto" ? inOrder : [wanted];
  const refused: { kind: ShareKind; refusal: Refusal }[] = [];
  for (const kind of candidates) {
    const refusal = host[kind] ?? guestRefusal(kind, guest);
    if (!refusal) return { kind, reason: reasonFor(kind, wanted, refused, guest) };
    refused.push({ kind, refusal });
  }
  const atNextStart = refused.some(({ refusal }) => refusal.atNextStart);
  return {
    kind: undefined,
    reason: refused.map(({ kind, refusal }) => `${kind}: ${refusal.reason}`).join("; "),
    hint: atNextStart ? "Restart the machine." : "Keep the folder in step instead: viv sync DIR NAME:/path --watch",
    atNextStart,
  };
}

function guestRefusal(kind: ShareKind, guest: GuestWays): Refusal | undefined {
  return guest[kind] ? undefined : { reason: `the guest's kernel (${guest.kernel}) has no ${kind}` };
}

function reasonFor(
  kind: ShareKind,
  wanted: Share["kind"],
  refused: readonly { kind: ShareKind; refusal: Refusal }[],
  guest: GuestWays,
): string {
  const caveat =
    kind === "9p" && isBroken9p(guest.kernel) ? "; Linux 6.9 to 6.11 may read wrong data by 9p: update the guest's kernel" : "";
  if (wanted !== "auto") return `as vm.json says${caveat}`;
  if (kind === "virtiofs") return "the fastest that host and guest have";
  return `${refused.map(({ refusal }) => refusal.reason).join("; ")}${caveat}`;
}

/** Reads of 9p were broken when it moved to netfslib (Linux 6.9) until 6.12. */
export function isBroken9p(kernel: string): boolean {
  const [major, minor] = kernel.split(".").map((part) => Number.parseInt(part, 10));
  return major === 6 && minor !== undefined && minor >= 9 && minor <= 11;
}
