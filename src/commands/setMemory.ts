import { freemem, totalmem } from "node:os";
import * as vscode from "vscode";
import { bytesWords, isWhole } from "../editor/index.ts";
import { changeSetting } from "./changeSetting.ts";
import type { Command } from "./command.ts";

const { l10n } = vscode;

const sizes = ["256M", "512M", "1G", "2G", "4G", "8G", "16G", "32G", "64G"] as const;

/** Quick edit of `memory`; anything else is typed. */
export const setMemory: Command = changeSetting({
  key: "memory",
  fits: isWhole,
  title: (name) => l10n.t("Memory of {0}", name),
  placeHolder: () =>
    l10n.t("Pick a size or type one, such as 1536M (this computer: {0}, {1} free)", bytesWords(totalmem()), bytesWords(freemem())),
  choices: () => sizes.filter((size) => Number.parseInt(size, 10) * (size.endsWith("G") ? 1024 ** 3 : 1024 ** 2) <= totalmem()),
  current: ({ memoryBytes }) => (memoryBytes === undefined ? undefined : bytesWords(memoryBytes)),
  problem: (text) => (/^\d+(\.\d+)?\s*[kmgt]?(i?b)?$/i.test(text) ? undefined : l10n.t("Write a number with a unit, such as 512M or 2G.")),
});
