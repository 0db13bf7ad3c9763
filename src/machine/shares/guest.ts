import { type PluggedShare, vivError } from "../../model/index.ts";
import { guestScript } from "../guestCare/script.ts";
import type { Machine } from "../machine.ts";
import type { GuestWays } from "./choose.ts";

/** The guest's side of a share: what its kernel can mount, mounting, unmounting. /etc/fstab is never touched. */

const scriptTimeoutMs = 60_000;

/** A file system that is a module is in /proc/filesystems once it is loaded. */
const waysScript = `has() { grep -qw "$1" /proc/filesystems; }
for kind in virtiofs 9p; do
  has $kind || modprobe $kind 2>/dev/null
  [ $kind = 9p ] && { modprobe 9pnet_virtio 2>/dev/null; [ -d /sys/bus/virtio/drivers/9pnet_virtio ] || continue; }
  has $kind && echo "way $kind"
done
echo "kernel $(uname -r)"
echo "user $(id -u "$1" 2>/dev/null || echo 0) $(id -g "$1" 2>/dev/null || echo 0)"`;

export interface GuestFacts extends GuestWays {
  /** Whom files of the host's user belong to in the guest. */
  readonly uid: number;
  readonly gid: number;
}

export async function guestFacts(machine: Machine, signal: AbortSignal): Promise<GuestFacts> {
  const { stdout } = await guestScript(machine, { script: waysScript, words: [guestUser(machine)], timeoutMs: scriptTimeoutMs, signal });
  return parseGuestFacts(stdout);
}

function guestUser(machine: Machine): string {
  return machine.effectiveDefinition?.guestUser ?? "root";
}

/** Of what a guest says, only the form is believed. */
export function parseGuestFacts(text: string): GuestFacts {
  const ways = new Set([...text.matchAll(/^way (virtiofs|9p)$/gm)].map(([, way]) => way));
  const kernel = /^kernel ([\w.+~-]{1,80})$/m.exec(text)?.[1] ?? "unknown";
  const [, uid = "0", gid = "0"] = /^user (\d{1,9}) (\d{1,9})$/m.exec(text) ?? [];
  return { virtiofs: ways.has("virtiofs"), "9p": ways.has("9p"), kernel, uid: Number(uid), gid: Number(gid) };
}

/**
 * Mounted already is well. The driver takes a moment to find a device that was just plugged.
 * 9p: `cache=mmap` keeps nothing that the host may have changed, and programs can still map files.
 */
const mountScript = `kind=$1 tag=$2 point=$3 access=$4
grep -q "^$tag $(printf %s "$point" | sed 's/ /\\\\\\\\040/g') $kind " /proc/mounts && exit 0
mkdir -p "$point" || exit 1
grep -q " $(printf %s "$point" | sed 's/ /\\\\\\\\040/g') " /proc/mounts && { echo "something else is mounted at $point" >&2; exit 1; }
options=$access
[ "$kind" = 9p ] && options="$access,trans=virtio,version=9p2000.L,msize=512000,cache=mmap"
tries=0
until said=$(mount -t "$kind" -o "$options" "$tag" "$point" 2>&1); do
  tries=$((tries + 1))
  [ $tries -lt 100 ] || { echo "$said" >&2; exit 1; }
  sleep 0.2
done`;

export async function mountShare(
  machine: Machine,
  share: Pick<PluggedShare, "kind" | "tag" | "mountPoint"> & { readonly readOnly: boolean },
  signal: AbortSignal,
): Promise<void> {
  const words = [share.kind, share.tag, share.mountPoint, share.readOnly ? "ro" : "rw"];
  await guestScript(machine, { script: mountScript, words, timeoutMs: scriptTimeoutMs, signal });
}

/** Who keeps it busy is named: the program's name and id, of those whose folder or open files are in it. */
const unmountScript = `tag=$1 kind=$2 point=$3
points=$(awk -v tag="$tag" -v kind="$kind" '$1 == tag && $3 == kind { print $2 }' /proc/mounts)
[ -n "$points" ] || exit 0
umount "$point" 2>/dev/null && exit 0
for process in /proc/[0-9]*; do
  for link in $process/cwd $process/root $process/exe $process/fd/*; do
    case $(readlink "$link" 2>/dev/null) in
      "$point"|"$point"/*) echo "$(cat $process/comm) (\${process#/proc/})"; break;;
    esac
  done
done | head -n 5 | tr '\\n' ',' | sed 's/,$//; s/,/, /g'
exit 0`;

/** @throws VivError `wrong-state` with the programs that keep it busy. */
export async function unmountShare(
  machine: Machine,
  share: Pick<PluggedShare, "kind" | "tag" | "mountPoint">,
  signal: AbortSignal,
): Promise<void> {
  const { kind, tag, mountPoint } = share;
  await guestScript(machine, { script: unmountScript, words: [tag, kind, mountPoint], timeoutMs: scriptTimeoutMs, signal }).then(
    ({ stdout }) => {
      const left = stdout.trim();
      if (left === "") return;
      throw busy(machine, share, left);
    },
  );
}

function busy(machine: Machine, { tag, mountPoint }: Pick<PluggedShare, "tag" | "mountPoint">, holders: string): Error {
  const who = holders.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
  return vivError(
    "wrong-state",
    `The shared folder ${tag} (${mountPoint}) is in use in the guest of ${machine.name}, by ${who}.`,
    "Close these programs in the guest, or leave the folder there, and try again.",
  );
}
