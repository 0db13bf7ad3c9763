import * as z from "zod";

/**
 * What a guest becomes the first time it starts: `firstBoot` of vm.json. No secret is in it: passwords come by
 * themselves and lie in the machine's `keys/` until the guest has them.
 */

/** shadow's and Debian's rule for names; what a guest's useradd takes anywhere. */
export const guestUserPattern = /^[a-z_][a-z0-9_-]{0,31}$/;

/** The most of a cloud-config file or a script; all of a seed has `seedBytes`. */
export const userDataLimitBytes = 512 * 1024;
const scriptLimitCharacters = 128 * 1024;

const GuestUserName = z.string().regex(guestUserPattern, "must be a user name such as dev (a-z, 0-9, - and _)");
const HostName = z
  .string()
  .max(253)
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i,
    "must be a host name such as web or web.example.org",
  );

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const oneLine = /^[^\u0000-\u001f\u007f]+$/;

/** One line of authorized_keys, without options: what stands before the type could run commands. */
const SshKey = z
  .string()
  .max(16_384)
  .regex(oneLine, "must be one line")
  .regex(
    /^(ssh-(ed25519|rsa|dss)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]+={0,2}( .*)?$/,
    "must be a public key as ssh-keygen writes it, such as “ssh-ed25519 AAAA… me”",
  );

export const FirstBootUser = z.strictObject({
  name: GuestUserName,
  sudo: z.boolean().default(true).describe("May become root without a password"),
  groups: z.array(GuestUserName).max(32).default([]),
  shell: z
    .string()
    .max(255)
    .regex(/^\/[\w./+-]+$/, "must be an absolute path such as /bin/bash")
    .optional(),
  sshKeys: z.array(SshKey).max(64).default([]).describe("Public keys that may log in, besides the machine's own"),
});
export type FirstBootUser = z.infer<typeof FirstBootUser>;

const TimeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, { error: ({ input }) => `“${String(input).slice(0, 64)}” is no time zone; write for example Europe/Berlin or UTC` });

/** A name of the IANA database, written as it is there. Offsets such as +02:00 are no names of it. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Z][A-Za-z0-9_+-]*(\/[A-Z][A-Za-z0-9_+-]*){0,2}$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const Script = z
  .string()
  .min(1)
  .max(scriptLimitCharacters)
  .refine((text) => !text.includes("\0"), "must be text (it contains a NUL byte)");

export const firstBootWays = ["auto", "cloud-init", "agent", "credentials"] as const;

export const FirstBoot = z.strictObject({
  by: z
    .enum(firstBootWays)
    .default("auto")
    .describe(
      "Who does it in the guest: cloud-init (a seed CD's content on a small disk), Vivarium's agent, or systemd's own credentials; auto: the agent in the starter guest, elsewhere cloud-init",
    ),
  hostname: HostName.optional().describe("Absent: the machine's name"),
  users: z.array(FirstBootUser).max(32).default([]),
  packages: z
    .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.+_:@/-]{0,127}$/, "must be a package's name"))
    .max(256)
    .default([]),
  scripts: z.array(Script).max(32).default([]).describe("Run once, in this order, as root; without #! by /bin/sh"),
  timeZone: TimeZone.optional(),
  keyboard: z
    .string()
    .regex(/^[a-z]{2,8}(-[a-z0-9]{1,16})?$/, "must be a layout such as de or us")
    .optional(),
  locale: z
    .string()
    .regex(/^(C|POSIX|[a-z]{2,3}(_[A-Z]{2})?)(\.[A-Za-z0-9-]{1,16})?(@[a-z]{1,16})?$/, "must be a locale such as de_DE.UTF-8")
    .optional(),
  userData: z
    .string()
    .min(1)
    .max(4096)
    .regex(oneLine, "must not contain control characters")
    .optional()
    .describe("A cloud-config file of your own, merged into ours; relative to the machine's folder"),
  growRoot: z.boolean().default(true).describe("The root file system takes all of its disk"),
});
export type FirstBoot = z.infer<typeof FirstBoot>;

/** Who does it in this guest. The starter boots a kernel of the host's and has our agent, but no cloud-init. */
export function firstBootWay(definition: {
  readonly firstBoot?: Pick<FirstBoot, "by"> | undefined;
  readonly firmware: { readonly type: string };
}): Exclude<FirstBoot["by"], "auto"> | undefined {
  const by = definition.firstBoot?.by;
  if (by !== "auto") return by;
  return definition.firmware.type === "direct-kernel" ? "agent" : "cloud-init";
}

/** What is known of a machine's first boot: facts of `state.json`. */
export const FirstBootRecord = z.object({
  /** When the guest said that it was done. */
  doneAt: z.string(),
  by: z.enum(["cloud-init", "agent", "credentials"]),
  /** What went wrong in the guest, in its own words. */
  problems: z.array(z.string()).default([]),
});
export type FirstBootRecord = z.infer<typeof FirstBootRecord>;

/** What of it was so at a moment (of a snapshot); absent: now. Before it was over, the guest is still to be set up. */
export function firstBootAt(record: FirstBootRecord | undefined, at: string | undefined): { firstBoot?: FirstBootRecord } {
  return record === undefined || (at !== undefined && at < record.doneAt) ? {} : { firstBoot: record };
}
