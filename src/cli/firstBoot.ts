import { readFile, stat } from "node:fs/promises";
import type { CreateRequest } from "../api/index.ts";
import { FirstBoot, humanBytes, userDataLimitBytes, vivError } from "../model/index.ts";
import { readInput } from "./stdin.ts";
import type { OptionValues, Work } from "./verb.ts";

/** The options of `viv create` that say what a guest becomes at its first start. */
export const firstBootOptions = {
  user: { value: "NAME", many: true, summary: "A user of the guest, who may sudo; the first is whom `viv ssh` logs in as" },
  "ssh-key": { value: "FILE|KEY", many: true, summary: "A public key that may log in as the first user", completes: "file" },
  "password-stdin": { summary: "The first user's password, as one line on stdin" },
  package: { value: "NAME", many: true, summary: "A package to install" },
  script: { value: "FILE", many: true, summary: "A script to run once, as root", completes: "file" },
  "time-zone": { value: "ZONE", summary: "Such as Europe/Berlin" },
  keyboard: { value: "LAYOUT", summary: "Such as de" },
  locale: { value: "LOCALE", summary: "Such as de_DE.UTF-8" },
  "user-data": { value: "FILE", summary: "A cloud-config file of your own, merged in", completes: "file" },
} as const;

type FirstBootOptions = OptionValues<typeof firstBootOptions>;

/** @throws VivError `usage` for what a guest cannot be told, `not-found` for files. */
export async function firstBootRequest(
  work: Work,
  given: FirstBootOptions,
): Promise<Pick<CreateRequest, "firstBoot" | "userData" | "password">> {
  const userData = given["user-data"] === undefined ? undefined : await textOf(work, given["user-data"]);
  const password = given["password-stdin"] ? await readPassword(work) : undefined;
  const settings = await settingsOf(work, given);
  return {
    ...(Object.keys(settings).length === 0 ? {} : { firstBoot: checked(settings) }),
    ...(userData === undefined ? {} : { userData }),
    ...(password === undefined ? {} : { password }),
  };
}

async function settingsOf(work: Work, given: FirstBootOptions): Promise<Record<string, unknown>> {
  const keys = await Promise.all(given["ssh-key"].map((text) => keyOf(work, text)));
  if (keys.length > 0 && given.user.length === 0)
    throw vivError("usage", "--ssh-key needs a user.", "For example --user ada --ssh-key ~/.ssh/id_ed25519.pub.");
  const scripts = await Promise.all(given.script.map((file) => textOf(work, file)));
  return {
    ...(given.user.length === 0 ? {} : { users: given.user.map((name, index) => ({ name, ...(index === 0 ? { sshKeys: keys } : {}) })) }),
    ...(given.package.length === 0 ? {} : { packages: given.package }),
    ...(scripts.length === 0 ? {} : { scripts }),
    ...(given["time-zone"] === undefined ? {} : { timeZone: given["time-zone"] }),
    ...(given.keyboard === undefined ? {} : { keyboard: given.keyboard }),
    ...(given.locale === undefined ? {} : { locale: given.locale }),
  };
}

const optionOf: Readonly<Record<string, string>> = {
  users: "--user",
  packages: "--package",
  scripts: "--script",
  timeZone: "--time-zone",
  keyboard: "--keyboard",
  locale: "--locale",
};

function checked(settings: Record<string, unknown>): FirstBoot {
  const parsed = FirstBoot.safeParse(settings);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const [first = "", , last] = issue?.path ?? [];
  const option = last === "sshKeys" ? "--ssh-key" : (optionOf[String(first)] ?? String(first));
  throw vivError("usage", `${option}: ${issue?.message ?? "cannot be used"}.`, "viv help create lists the options with examples.");
}

/** A key as it is, or the first line of the file it lies in. A private key is refused before it goes anywhere. */
async function keyOf(work: Work, text: string): Promise<string> {
  if (/^(ssh|ecdsa|sk)-/.test(text)) return text.trim();
  const content = await textOf(work, text);
  if (/PRIVATE KEY/.test(content)) throw vivError("usage", `${text} is a private key.`, `Give the public one: ${text}.pub`);
  return content.trim().split("\n")[0]?.trim() ?? "";
}

async function textOf(work: Work, given: string): Promise<string> {
  const file = work.path(given);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) throw vivError("not-found", `There is no file ${given}.`);
  if (found.size > userDataLimitBytes)
    throw vivError("usage", `${given} is too large: ${humanBytes(found.size)}, at most ${humanBytes(userDataLimitBytes)}.`);
  return readFile(file, "utf8");
}

const passwordHint = "For example: printf '%s' \"$PASSWORD\" | viv create web --image debian:12 --user ada --password-stdin";

async function readPassword(work: Work): Promise<string> {
  const input = await readInput(work.host.stdin, { maximumBytes: 1024, signal: work.signal, hint: passwordHint });
  const password = input?.toString("utf8").replace(/\r?\n$/, "") ?? "";
  if (password === "" || /[\r\n\0]/.test(password)) throw vivError("usage", "--password-stdin: one line is needed on stdin.", passwordHint);
  return password;
}
