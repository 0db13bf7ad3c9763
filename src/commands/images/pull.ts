import * as vscode from "vscode";
import type { CatalogEntry, Params, Result } from "../../api/index.ts";
import { type Editor, isImageRef, plain, webSettings, withCancellableProgress } from "../../editor/index.ts";
import type { Command } from "../command.ts";

const { l10n } = vscode;

interface Row extends vscode.QuickPickItem {
  readonly name?: string;
}

/** An image of the catalog, or any address with its SHA-256. Given a row of the tree: what its publisher has now. */
export const pullImage: Command = async ({ editor }, given) => {
  if (isImageRef(given)) {
    const { name, architecture, origin } = given.image;
    return pull(editor, { source: origin?.catalog ?? name, name, architecture });
  }
  if (typeof given === "string") return pull(editor, { source: given });
  const entries = await editor.service.call("image.catalog", webSettings());
  const chosen = await vscode.window.showQuickPick(rowsOf(entries), {
    title: l10n.t("Pull Image"),
    placeHolder: l10n.t("Which system? It is fetched from its publisher and checked."),
    matchOnDescription: true,
  });
  if (!chosen) return undefined;
  if (chosen.name !== undefined) return pull(editor, { source: chosen.name });
  const address = await askAddress();
  return address && pull(editor, address);
};

function rowsOf(entries: readonly CatalogEntry[]): Row[] {
  const rows = entries.flatMap((entry): Row[] => {
    const file = ownFile(entry);
    if (file?.url === undefined) return [];
    return [
      { label: plain(entry.title), description: catalogWords(entry), name: entry.name, iconPath: new vscode.ThemeIcon("cloud-download") },
    ];
  });
  const other: Row = {
    label: l10n.t("Address…"),
    description: l10n.t("any image, with its SHA-256"),
    iconPath: new vscode.ThemeIcon("link"),
  };
  return [...rows, { label: "", kind: vscode.QuickPickItemKind.Separator }, other];
}

/** The file of this computer's architecture. */
export function ownFile(entry: CatalogEntry): CatalogEntry["architectures"][number] | undefined {
  const own = process.arch === "arm64" ? "aarch64" : "x86_64";
  return entry.architectures.find(({ architecture }) => architecture === own);
}

/** `debian:12 · signed list · here already` */
export function catalogWords(entry: CatalogEntry): string {
  const file = ownFile(entry);
  return [plain(entry.name), file?.signed ? l10n.t("signed") : l10n.t("checked by https"), file?.here ? l10n.t("here already") : undefined]
    .filter((part) => part !== undefined)
    .join(" · ");
}

async function askAddress(): Promise<Params<"image.pull"> | undefined> {
  const source = await vscode.window.showInputBox({
    title: l10n.t("Address of the Image"),
    placeHolder: "https://example.org/disk.qcow2",
    ignoreFocusOut: true,
    validateInput: (text) =>
      /^https?:\/\//i.test(text.trim()) && URL.canParse(text.trim()) ? undefined : l10n.t("An address starts with http:// or https://"),
  });
  if (source === undefined) return undefined;
  const digest = await vscode.window.showInputBox({
    title: l10n.t("SHA-256 of the Image"),
    prompt: l10n.t("What its publisher says: 64 hex digits, or the 128 of a SHA-512. Without it the image could be anybody's."),
    ignoreFocusOut: true,
    validateInput: (text) => (/^([0-9a-f]{64}|[0-9a-f]{128})$/i.test(text.trim()) ? undefined : l10n.t("64 or 128 hex digits")),
  });
  return digest === undefined ? undefined : { source: source.trim(), digest: digest.trim() };
}

/** With progress that can be cancelled; what came stays for the next try. */
export async function pull(editor: Editor, params: Params<"image.pull">): Promise<Result<"image.pull">> {
  const pulled = await fetchImage(editor, params);
  const { image, fetched } = pulled;
  const create = l10n.t("Create Machine");
  const text = fetched
    ? l10n.t("{0} is here and checked.", plain(image.name))
    : l10n.t("{0} is what its publisher has.", plain(image.name));
  void vscode.window.showInformationMessage(text, create).then((chosen) => {
    if (chosen === create) void vscode.commands.executeCommand("vivarium.image.create", { image });
  });
  return pulled;
}

export async function fetchImage(editor: Editor, params: Params<"image.pull">): Promise<Result<"image.pull">> {
  const pulled = await withCancellableProgress(l10n.t("Pulling {0}", plain(params.name ?? params.source, 80)), (options) =>
    editor.service.call("image.pull", { ...params, ...webSettings() }, options),
  );
  editor.images.pulled(pulled.image);
  return pulled;
}
