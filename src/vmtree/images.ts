import * as vscode from "vscode";
import type { ImageView } from "../api/index.ts";
import { ageWords, bytesWords, type Editor, escapeMarkdown, factsOf, type ImageRef, plain, untrustedMarkdown } from "../editor/index.ts";

const { l10n } = vscode;

export const imagesViewId = "vivarium.images";

interface ImageNode extends ImageRef {
  readonly kind: "image";
}
/** A machine that is built on an image. */
interface UserNode {
  readonly kind: "imageUser";
  readonly image: ImageView;
  readonly user: NonNullable<ImageView["usedBy"]>[number];
}
type Node = ImageNode | UserNode;

/** What machines are made from: each image with its size, its users, and whether there is a newer one. */
export function createImagesView(editor: Editor): vscode.Disposable {
  const tree = new ImagesTree(editor);
  const view = vscode.window.createTreeView<Node>(imagesViewId, { treeDataProvider: tree });
  return vscode.Disposable.from(view, tree);
}

class ImagesTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #editor: Editor;
  readonly #changed = new vscode.EventEmitter<Node | undefined>();
  readonly #subscription: vscode.Disposable;
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#subscription = editor.images.onDidChange(() => this.#changed.fire(undefined));
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node?.kind === "imageUser") return [];
    if (node) return (node.image.usedBy ?? []).map((user) => ({ kind: "imageUser", image: node.image, user }));
    try {
      return (await this.#editor.images.list()).map((image) => ({ kind: "image", image }));
    } catch (error) {
      // The Machines view above says what is wrong with the service.
      this.#editor.log.debug(`images: ${factsOf(error).message}`);
      return [];
    }
  }

  getTreeItem(node: Node): vscode.TreeItem {
    return node.kind === "image" ? imageItem(node.image, this.#editor.images.hasNewer(node.image)) : userItem(node);
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changed.dispose();
  }
}

function imageItem(image: ImageView, newer: boolean): vscode.TreeItem {
  const users = image.usedBy ?? [];
  const { None, Collapsed } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(plain(image.name, 80), users.length > 0 ? Collapsed : None);
  item.id = `image:${image.name}:${image.architecture}`;
  item.iconPath = new vscode.ThemeIcon(newer ? "arrow-circle-up" : image.origin?.kind === "pull" ? "cloud" : "package");
  item.description = imageWords(image, newer);
  item.contextValue = ["image", image.origin === undefined ? "builtin" : "stored", image.origin?.catalog === undefined ? "" : "catalog"]
    .filter((part) => part !== "")
    .join(" ");
  item.accessibilityInformation = { label: `${image.name}, ${item.description}` };
  item.tooltip = imageTooltip(image, newer);
  return item;
}

/** `update available · 1.2 GiB · 2 machines` */
export function imageWords(image: ImageView, newer: boolean): string {
  const users = image.usedBy?.length ?? 0;
  const own = process.arch === "arm64" ? "aarch64" : "x86_64";
  return [
    newer ? l10n.t("update available") : undefined,
    image.architecture === own ? undefined : image.architecture,
    bytesWords(image.bytes),
    users === 0 ? undefined : users === 1 ? l10n.t("1 machine") : l10n.t("{0} machines", users),
  ]
    .filter((part) => part !== undefined)
    .join(" · ");
}

function imageTooltip(image: ImageView, newer: boolean): vscode.MarkdownString {
  const { origin } = image;
  const age = (time: string | undefined): string | undefined =>
    time === undefined ? undefined : ageWords(time, Date.now(), vscode.env.language);
  const rows: [string, string | undefined][] = [
    [l10n.t("Name"), `${image.name} (${image.architecture})`],
    [l10n.t("Size"), l10n.t("{0} here, a disk of {1}", bytesWords(image.bytes), bytesWords(image.diskBytes ?? 0))],
    [l10n.t("Firmware"), image.firmware],
    [l10n.t("User"), image.login],
    [l10n.t("From"), origin?.from],
    [l10n.t("Proof"), origin?.kind === "pull" ? proofWords(origin) : undefined],
    [l10n.t("Added"), age(image.addedAt)],
    [l10n.t("Verified"), age(image.verifiedAt) ?? (origin === undefined ? undefined : l10n.t("not since it was added"))],
    [l10n.t("Used by"), (image.usedBy ?? []).map(({ name }) => name).join(", ") || l10n.t("no machine")],
  ];
  const markdown = untrustedMarkdown();
  markdown.appendMarkdown(`**${escapeMarkdown(plain(image.title, 80))}**\n\n`);
  if (newer) markdown.appendMarkdown(`$(arrow-circle-up) ${escapeMarkdown(l10n.t("Its publisher has a newer one."))}\n\n`);
  const lines = rows.flatMap(([name, value]) =>
    value === undefined ? [] : [`| ${escapeMarkdown(name)} | ${escapeMarkdown(plain(value, 300))} |\n`],
  );
  markdown.appendMarkdown(`| | |\n|---|---|\n${lines.join("")}\n`);
  for (const note of image.notes) markdown.appendMarkdown(`\n${escapeMarkdown(plain(note, 300))}\n`);
  return markdown;
}

function proofWords(origin: NonNullable<ImageView["origin"]>): string {
  switch (origin.proof) {
    case "signed-checksums":
      return l10n.t("list of checksums signed by {0}", origin.signedBy ?? "");
    case "checksums":
      return l10n.t("the publisher's list of checksums, which is not signed");
    default:
      return l10n.t("a digest that was given");
  }
}

function userItem({ image, user }: UserNode): vscode.TreeItem {
  const item = new vscode.TreeItem(plain(user.name, 60));
  item.id = `imageUser:${image.name}:${image.architecture}:${user.removed ? "trash:" : ""}${user.name}`;
  item.iconPath = new vscode.ThemeIcon(user.removed ? "trash" : "vm");
  if (user.removed) item.description = l10n.t("removed");
  item.contextValue = "imageUser";
  return item;
}
