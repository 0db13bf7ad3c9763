import * as z from "zod";
import { change, type Method, none, read } from "./method.ts";

/** Machines as `NAME.viv` for ssh and for what is built on it (docs/files.md). */
export const SshConfigView = z.object({
  installed: z.boolean(),
  /** The user's own file, which gets one Include line. */
  userFile: z.string(),
  ownFile: z.string(),
  include: z.string(),
  text: z.string(),
});
export type SshConfigView = z.infer<typeof SshConfigView>;

export const sshConfigMethods = {
  "sshConfig.show": read("What ssh is told of the machines, and whether it is told", none, SshConfigView),
  "sshConfig.install": change(
    "Name every machine NAME.viv for ssh: one Include line at the top of the user's ~/.ssh/config (backed up), and a file of ours beside it that is kept current",
    none,
    SshConfigView,
  ),
  "sshConfig.remove": change("Take the Include line and our file away again", none, SshConfigView),
} as const satisfies Record<string, Method>;
