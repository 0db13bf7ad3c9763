import { readFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import type { CreateRequest } from "../../api/index.ts";
import { plain } from "../../editor/index.ts";
import { type Answer, pickStep, type StepPlace, textStep } from "./step.ts";

const { l10n } = vscode;

export type FirstBootChoice = NonNullable<CreateRequest["firstBoot"]>;

/** What is asked, each in a line of its own; everything else of a first boot is in vm.json. */
export interface FirstBootAnswers {
  user?: string;
  keys?: readonly string[];
  packages?: readonly string[];
  scripts?: readonly string[];
  timeZone?: string;
  keyboard?: string;
  locale?: string;
}

interface Row extends vscode.QuickPickItem {
  /** Absent: it is done. */
  ask?(): Promise<Partial<FirstBootAnswers> | undefined>;
}

/** What the guest becomes at its first start: one page of rows, each asked for only when it is chosen. */
export async function firstBootStep(place: StepPlace, before: FirstBootAnswers = {}): Promise<Answer<FirstBootAnswers>> {
  const { FirstBoot } = await import("../../model/index.ts");
  let answers = before;
  const line =
    (key: keyof FirstBootAnswers, prompt: string, value: string, take: (text: string) => Partial<FirstBootAnswers>) => async () => {
      const typed = await textStep<string>(() => ({
        ...place,
        value,
        prompt,
        problem: (text) => FirstBoot.safeParse(firstBootRequest({ ...answers, ...take(text) })).error?.issues[0]?.message,
        accept: (text) => text,
      }));
      if (typeof typed === "symbol") return undefined;
      return typed === "" ? { [key]: undefined } : take(typed);
    };
  for (;;) {
    const { user, keys = [], packages = [], scripts = [], timeZone, keyboard, locale } = answers;
    const unset = l10n.t("as the image has it");
    const rows: Row[] = [
      { label: l10n.t("Create and Start"), iconPath: new vscode.ThemeIcon("play") },
      { label: l10n.t("At the First Start"), kind: vscode.QuickPickItemKind.Separator },
      {
        label: l10n.t("User"),
        description: user ?? unset,
        iconPath: new vscode.ThemeIcon("account"),
        ask: line("user", l10n.t("A user who may log in and become root"), user ?? ownName(), (text) =>
          text === "" ? {} : { user: text },
        ),
      },
      {
        label: l10n.t("SSH Keys…"),
        description: keys.length === 0 ? l10n.t("the machine's own") : l10n.t("{0} of {1}", keys.length, user ?? ownName()),
        iconPath: new vscode.ThemeIcon("key"),
        ask: () => chooseKeys(user ?? ownName()),
      },
      {
        label: l10n.t("Packages"),
        description: packages.join(" ") || unset,
        iconPath: new vscode.ThemeIcon("package"),
        ask: line("packages", l10n.t("Names with spaces between them"), packages.join(" "), (text) => ({ packages: words(text) })),
      },
      {
        label: l10n.t("Scripts…"),
        description: scripts.length === 0 ? unset : l10n.t("{0} chosen", scripts.length),
        iconPath: new vscode.ThemeIcon("terminal"),
        ask: chooseScripts,
      },
      {
        label: l10n.t("Time Zone"),
        description: timeZone ?? unset,
        iconPath: new vscode.ThemeIcon("globe"),
        ask: line("timeZone", l10n.t("Such as Europe/Berlin; empty: as the image has it"), timeZone ?? ownTimeZone(), (text) =>
          text === "" ? {} : { timeZone: text },
        ),
      },
      {
        label: l10n.t("Keyboard"),
        description: keyboard ?? unset,
        iconPath: new vscode.ThemeIcon("keyboard"),
        ask: line("keyboard", l10n.t("A layout such as de or us"), keyboard ?? "us", (text) => (text === "" ? {} : { keyboard: text })),
      },
      {
        label: l10n.t("Locale"),
        description: locale ?? unset,
        iconPath: new vscode.ThemeIcon("symbol-text"),
        ask: line("locale", l10n.t("Such as de_DE.UTF-8"), locale ?? "C.UTF-8", (text) => (text === "" ? {} : { locale: text })),
      },
    ];
    const chosen = await pickStep({ ...place, placeHolder: l10n.t("What shall be different after the first start?"), items: rows });
    if (typeof chosen === "symbol") return chosen;
    if (!chosen.ask) return answers;
    answers = { ...answers, ...(await chosen.ask()) };
  }
}

/** As the service takes it; nothing that was not asked for. Pure. */
export function firstBootRequest({
  user,
  keys = [],
  packages = [],
  scripts = [],
  timeZone,
  keyboard,
  locale,
}: FirstBootAnswers): FirstBootChoice {
  const name = user ?? (keys.length > 0 ? ownName() : undefined);
  return {
    ...(name === undefined ? {} : { users: [{ name, sshKeys: [...keys] }] }),
    ...(packages.length === 0 ? {} : { packages: [...packages] }),
    ...(scripts.length === 0 ? {} : { scripts: [...scripts] }),
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(keyboard === undefined ? {} : { keyboard }),
    ...(locale === undefined ? {} : { locale }),
  };
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

/** The person's own name here, where a guest takes it. */
function ownName(): string {
  const name = userInfo().username.toLowerCase();
  return name !== "root" && /^[a-z_][a-z0-9_-]{0,31}$/.test(name) ? name : "dev";
}

function ownTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

async function chooseKeys(user: string): Promise<Partial<FirstBootAnswers> | undefined> {
  const files = await vscode.window.showOpenDialog({
    title: l10n.t("Public keys that may log in as {0}", plain(user)),
    openLabel: l10n.t("Use These Keys"),
    canSelectMany: true,
    defaultUri: vscode.Uri.file(join(homedir(), ".ssh")),
    filters: { [l10n.t("Public keys")]: ["pub"], [l10n.t("All files")]: ["*"] },
  });
  if (!files) return undefined;
  const keys = (await Promise.all(files.map(({ fsPath }) => readFile(fsPath, "utf8")))).flatMap((text) =>
    text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#")),
  );
  const { FirstBoot } = await import("../../model/index.ts");
  const problem = FirstBoot.safeParse(firstBootRequest({ user, keys })).error?.issues[0]?.message;
  if (problem !== undefined) {
    void vscode.window.showWarningMessage(l10n.t("That is no public key: it {0}.", problem));
    return undefined;
  }
  return { user, keys };
}

async function chooseScripts(): Promise<Partial<FirstBootAnswers> | undefined> {
  const files = await vscode.window.showOpenDialog({
    title: l10n.t("Scripts to run once, as root, in this order"),
    openLabel: l10n.t("Use These Scripts"),
    canSelectMany: true,
  });
  return files && { scripts: await Promise.all(files.map(({ fsPath }) => readFile(fsPath, "utf8"))) };
}
