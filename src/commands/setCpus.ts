import { availableParallelism } from "node:os";
import * as vscode from "vscode";
import { isWhole } from "../editor/index.ts";
import { changeSetting } from "./changeSetting.ts";
import type { Command } from "./command.ts";

const { l10n } = vscode;

/** Quick edit of `cpus`. */
export const setCpus: Command = changeSetting({
  key: "cpus",
  fits: isWhole,
  title: (name) => l10n.t("Processors of {0}", name),
  placeHolder: () => l10n.t("Pick a number or type one (this computer: {0})", availableParallelism()),
  choices: () => [1, 2, 4, 8, 16, 32].filter((count) => count <= Math.max(2, availableParallelism())).map(String),
  current: ({ cpus }) => (cpus === undefined ? undefined : String(cpus)),
  problem: (text) =>
    /^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 256 ? undefined : l10n.t("Write a whole number from 1 to 256."),
});
