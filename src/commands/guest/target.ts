import * as vscode from "vscode";
import { isRunning } from "../../editor/index.ts";

const { l10n } = vscode;

/** A machine whose guest can be spoken to. */
export const runningGuest = { title: () => l10n.t("Machine"), fits: isRunning, none: () => l10n.t("No machine is running.") };
