import * as vscode from "vscode";
import { factsOf, plain } from "../../editor/index.ts";
import type { RuleNode } from "../../vmtree/index.ts";
import type { Command } from "../command.ts";
import { pickNetwork } from "./pick.ts";

const { l10n } = vscode;

/** A rule behind the others, in the words of `viv net rules`. */
export const addRule: Command = async ({ editor }, given, text) => {
  const network = await pickNetwork(editor, given, l10n.t("Network to Make a Rule For"));
  if (!network) return undefined;
  const { parseRule } = await import("../../model/index.ts");
  const problem = (typed: string): string | undefined => {
    try {
      parseRule(typed);
      return undefined;
    } catch (error) {
      const { message, hint } = factsOf(error);
      return plain([message, hint].filter((part) => part !== undefined).join(" "), 400);
    }
  };
  const [first = "web", second = "any"] = network.machines;
  const written =
    typeof text === "string"
      ? text
      : await vscode.window.showInputBox({
          title: l10n.t("Rule for {0}", plain(network.name)),
          prompt: l10n.t("allow|deny FROM TO [tcp|udp|icmp[:PORT]]; a machine, an address, a CIDR block or any"),
          value: `deny ${first} ${second}`,
          validateInput: problem,
        });
  if (written === undefined) return undefined;
  return editor.service.call("network.set", { network: network.name, rules: [...network.rules, parseRule(written)] });
};

/** The rule of the row, else one that is chosen. */
export const removeRule: Command = async ({ editor }, given) => {
  const network = await pickNetwork(editor, given, l10n.t("Network to Remove a Rule From"), ({ rules }) => rules.length > 0);
  if (!network) return undefined;
  const { ruleText } = await import("../../model/index.ts");
  const texts = network.rules.map(ruleText);
  // By what it says: another window may have removed one before it.
  const text = isRule(given)
    ? given.text
    : await vscode.window.showQuickPick(texts, { title: l10n.t("Rule of {0} to Remove", plain(network.name)) });
  if (text === undefined) return undefined;
  const at = isRule(given) && texts[given.rule] === text ? given.rule : texts.indexOf(text);
  if (at < 0) return undefined;
  return editor.service.call("network.set", { network: network.name, rules: network.rules.toSpliced(at, 1) });
};

function isRule(value: unknown): value is RuleNode {
  return (value as Partial<RuleNode> | undefined)?.kind === "rule";
}
