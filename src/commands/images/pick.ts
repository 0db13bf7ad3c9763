import * as vscode from "vscode";
import type { ImageView } from "../../api/index.ts";
import { bytesWords, type Editor, isImageRef, plain } from "../../editor/index.ts";

const { l10n } = vscode;

/** The image of the row or name that was given, else the one that is chosen of those that fit. */
export async function pickImage(
  editor: Editor,
  given: unknown,
  title: string,
  fits: (image: ImageView) => boolean = () => true,
): Promise<ImageView | undefined> {
  if (isImageRef(given)) return given.image;
  const images = await editor.service.call("image.list", {});
  if (typeof given === "string") return images.find(({ name }) => name === given);
  const items = images.filter(fits).map((image) => ({
    label: plain(image.name),
    description: `${image.architecture} · ${bytesWords(image.bytes)}`,
    detail: plain(image.title),
    image,
  }));
  if (items.length === 0) {
    void vscode.window.showInformationMessage(l10n.t("No image was pulled or imported yet."));
    return undefined;
  }
  return (await vscode.window.showQuickPick(items, { title, matchOnDetail: true }))?.image;
}

export function isStored(image: ImageView): boolean {
  return image.origin !== undefined;
}
