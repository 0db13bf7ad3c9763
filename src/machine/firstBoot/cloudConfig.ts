import type { FirstBoot } from "../../model/index.ts";
import type { CloudConfig } from "./userData.ts";

/** What the guest becomes, with the keys that are the machine's own. */
export interface FirstBootFacts {
  readonly id: string;
  readonly name: string;
  readonly firstBoot: FirstBoot;
  /** Whom `viv ssh` logs in as. */
  readonly guestUser: string;
  /** The machine's login key, as in authorized_keys. */
  readonly authorizedKey: string;
  /** The guest's SSH host key, which is pinned already. */
  readonly hostKey: { readonly private: string; readonly public: string };
  /** crypt(3) hashes by user. */
  readonly passwords: Readonly<Record<string, string>>;
  /** Of users that name none. */
  readonly shell: string;
  /** The seed has viv-agent on it. */
  readonly hasAgent: boolean;
}

/** On the serial console when cloud-init has done all. */
export const doneMark = "vivarium: first boot done";

export const seedLabel = "CIDATA";

/** Our part of the user-data. Pure. */
export function cloudConfig(facts: FirstBootFacts): CloudConfig {
  const { firstBoot, hostKey, authorizedKey, guestUser } = facts;
  const host = firstBoot.hostname ?? facts.name;
  return {
    hostname: host.split(".")[0],
    ...(host.includes(".") ? { fqdn: host } : {}),
    manage_etc_hosts: "localhost",
    users: users(facts),
    // Root may log in by key where it is the machine's user; else as the image has it.
    ...(guestUser === "root" ? { disable_root: false, ssh_authorized_keys: [authorizedKey.trim()] } : {}),
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: hostKey.private, ed25519_public: hostKey.public.trim() },
    ...(firstBoot.growRoot
      ? { growpart: { mode: "auto", devices: ["/"] }, resize_rootfs: true }
      : { growpart: { mode: "off" }, resize_rootfs: false }),
    ...(firstBoot.timeZone === undefined ? {} : { timezone: firstBoot.timeZone }),
    ...(firstBoot.locale === undefined ? {} : { locale: firstBoot.locale }),
    ...(firstBoot.keyboard === undefined ? {} : { keyboard: keyboard(firstBoot.keyboard) }),
    ...(firstBoot.packages.length === 0 ? {} : { package_update: true, packages: firstBoot.packages }),
    ...(firstBoot.scripts.length === 0 ? {} : { write_files: firstBoot.scripts.map(scriptFile) }),
    ...(facts.hasAgent ? { bootcmd: [["sh", "-c", installAgent]] } : {}),
    final_message: `${doneMark} after $UPTIME s`,
  };
}

/** meta-data of NoCloud. The instance is the machine: a clone of it is another. */
export function metaData({ id, name, firstBoot }: Pick<FirstBootFacts, "id" | "name" | "firstBoot">): string {
  return `${JSON.stringify({ "instance-id": id, "local-hostname": firstBoot.hostname ?? name })}\n`;
}

function users({ firstBoot, guestUser, authorizedKey, passwords, shell }: FirstBootFacts): unknown[] {
  const listed = firstBoot.users.map((user) => ({
    name: user.name,
    ...(user.name === "root" ? {} : { shell: user.shell ?? shell }),
    ...(user.name === "root" || !user.sudo ? {} : { sudo: "ALL=(ALL) NOPASSWD:ALL" }),
    ...(user.groups.length === 0 ? {} : { groups: user.groups }),
    ...password(user.name, passwords),
    ssh_authorized_keys: [...(user.name === guestUser ? [authorizedKey.trim()] : []), ...user.sshKeys],
  }));
  const isListed = firstBoot.users.some(({ name }) => name === guestUser);
  const own = isListed
    ? []
    : guestUser === "root"
      ? passwords.root === undefined
        ? []
        : [{ name: "root", ...password("root", passwords) }]
      : [
          {
            name: guestUser,
            shell,
            sudo: "ALL=(ALL) NOPASSWD:ALL",
            ...password(guestUser, passwords),
            ssh_authorized_keys: [authorizedKey.trim()],
          },
        ];
  // The image's own user is made unless others were asked for, as cloud-init has it.
  return [...(listed.length === 0 ? ["default"] : []), ...listed, ...own];
}

function password(name: string, passwords: FirstBootFacts["passwords"]): Record<string, unknown> {
  const hash = passwords[name];
  // An account that is locked takes keys, but root's is left as the image has it.
  if (hash === undefined) return name === "root" ? { lock_passwd: false } : {};
  return { lock_passwd: false, hashed_passwd: hash };
}

function keyboard(text: string): Record<string, string> {
  const [layout = text, variant] = text.split("-");
  return { layout, ...(variant === undefined ? {} : { variant }) };
}

/** cloud-init runs what lies there once, in order of the names, and says what failed. */
function scriptFile(text: string, index: number): Record<string, string> {
  const content = text.startsWith("#!") ? text : `#!/bin/sh\n${text}`;
  const name = String(index + 1).padStart(2, "0");
  return {
    path: `/var/lib/cloud/scripts/per-once/vivarium-${name}`,
    owner: "root:root",
    permissions: "0700",
    content: content.endsWith("\n") ? content : `${content}\n`,
  };
}

/** The seed is gone at the next boot; what is not there is no trouble. */
const installAgent = `seed=$(blkid -L ${seedLabel}) || exit 0
from=$(mktemp -d) && mount -o ro "$seed" "$from" || exit 0
sh "$from/vivarium/install" "$from/vivarium"
status=$?
umount "$from"
rmdir "$from"
exit $status`;
