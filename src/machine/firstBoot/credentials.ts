import type { FirstBootFacts } from "./cloudConfig.ts";

/**
 * systemd's own way (systemd.system-credentials(7), 252 and newer), for guests without cloud-init: strings of SMBIOS
 * type 11, each a file that QEMU reads, so that nothing is in its arguments. What has no credential of its own in 252
 * (host name, SSH host key) is written by systemd-tmpfiles. Pure.
 */
export function credentials(facts: FirstBootFacts): { readonly name: string; readonly value: string }[] {
  const { firstBoot } = facts;
  const hostname = firstBoot.hostname ?? facts.name;
  const rootKeys = firstBoot.users.find(({ name }) => name === "root")?.sshKeys ?? [];
  const keys = [facts.authorizedKey.trim(), ...rootKeys];
  return [
    { name: "system.hostname", value: hostname },
    { name: "ssh.authorized_keys.root", value: `${keys.join("\n")}\n` },
    { name: "tmpfiles.extra", value: tmpfiles(facts, hostname) },
    ...(facts.passwords.root === undefined ? [] : [{ name: "passwd.hashed-password.root", value: facts.passwords.root }]),
    ...(firstBoot.timeZone === undefined ? [] : [{ name: "firstboot.timezone", value: firstBoot.timeZone }]),
    ...(firstBoot.locale === undefined ? [] : [{ name: "firstboot.locale", value: firstBoot.locale }]),
    ...(firstBoot.keyboard === undefined ? [] : [{ name: "firstboot.keymap", value: firstBoot.keyboard }]),
  ];
}

/** tmpfiles.d(5): `~` is base64, `+` writes over what is there. */
function tmpfiles({ hostKey }: FirstBootFacts, hostname: string): string {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return [
    `f+~ /etc/ssh/ssh_host_ed25519_key 0600 root root - ${base64(hostKey.private)}`,
    `f+~ /etc/ssh/ssh_host_ed25519_key.pub 0644 root root - ${base64(hostKey.public)}`,
    `f+ /etc/hostname 0644 root root - ${hostname}`,
    `w /proc/sys/kernel/hostname - - - - ${hostname}`,
    "",
  ].join("\n");
}

/** One string of SMBIOS type 11. */
export function smbiosString({ name, value }: { readonly name: string; readonly value: string }): string {
  return `io.systemd.credential.binary:${name}=${Buffer.from(value).toString("base64")}`;
}
