import * as vscode from "vscode";
import { type Editor, factsOf, impairmentWords, isNetworkRef, type NetworkLinkRef, plain } from "../../editor/index.ts";
import type { Impairment } from "../../model/index.ts";
import type { Command } from "../command.ts";
import { pickLinks } from "./pick.ts";

const { l10n } = vscode;

/** Slow, lossy or cut, from now on and for the machines' next starts. */
export const impair: Command = async ({ editor }, ...args) => {
  const links = await pickLinks(editor, args, l10n.t("Machines Whose Link to Make Bad"));
  if (!links) return undefined;
  const given = isGiven(args[1]) ? args[1] : await ask(editor, links);
  return given === undefined ? undefined : set(editor, links, given);
};

/** Every given link is good again. */
export const heal: Command = async ({ editor }, ...args) => {
  const links = await pickLinks(editor, args, l10n.t("Machines Whose Link to Make Good"));
  return links && set(editor, links, null);
};

function set({ service }: Editor, links: readonly NetworkLinkRef[], impairment: Impairment | null): Promise<unknown> {
  return Promise.all(links.map(({ network, onNetwork }) => service.call("network.impair", { network, machine: onNetwork, impairment })));
}

/** From other code; a tree passes its selection there. */
function isGiven(value: unknown): value is Impairment | null {
  return value === null || (typeof value === "object" && !Array.isArray(value) && !isNetworkRef(value));
}

async function ask(editor: Editor, links: readonly NetworkLinkRef[]): Promise<Impairment | null | undefined> {
  const { impairmentInput, parseImpairment, presets } = await import("./impairment.ts");
  const title = l10n.t("Link of {0}", links.map(({ onNetwork }) => plain(onNetwork)).join(", "));
  const own = l10n.t("Own Values…");
  const items: (vscode.QuickPickItem & { impairment?: Impairment | null })[] = [
    { label: l10n.t("Good"), description: l10n.t("nothing added, nothing lost"), impairment: null },
    { label: l10n.t("3G"), impairment: presets.mobile },
    { label: l10n.t("Satellite"), impairment: presets.satellite },
    { label: l10n.t("Lossy"), impairment: presets.lossy },
    { label: l10n.t("Cut Off"), impairment: presets.partition },
  ];
  const choices = items.map((item) => (item.impairment ? { description: impairmentWords(item.impairment), ...item } : item));
  const chosen = await vscode.window.showQuickPick([...choices, { label: own }], { title, placeHolder: l10n.t("Each way, from now on") });
  if (!chosen || "impairment" in chosen) return chosen?.impairment;
  const text = await vscode.window.showInputBox({
    title,
    prompt: l10n.t("delay, jitter (ms), loss (%), rate (bytes a second), partition (a word), seed; nothing: a good link"),
    value: impairmentInput((await now(editor, links[0])) ?? { delayMs: 50, lossPercent: 2 }),
    validateInput: (typed) => {
      try {
        parseImpairment(typed);
        return undefined;
      } catch (error) {
        return plain(factsOf(error).message, 300);
      }
    },
  });
  if (text === undefined) return undefined;
  return text.trim() === "" ? null : parseImpairment(text);
}

async function now({ networks }: Editor, link: NetworkLinkRef | undefined): Promise<Impairment | undefined> {
  if (!link) return undefined;
  const { ports } = await networks.now(link.network);
  return ports.find(({ machine }) => machine === link.onNetwork)?.impairment;
}
