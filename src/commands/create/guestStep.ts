import { basename, dirname, relative } from "node:path";
import * as vscode from "vscode";
import { bytesWords, type Editor, factsOf, plain, webSettings } from "../../editor/index.ts";
import { ownFile } from "../images/pull.ts";
import type { Guest } from "./plan.ts";
import { type Answer, pickStep, type StepPlace } from "./step.ts";

const { l10n } = vscode;

interface GuestItem extends vscode.QuickPickItem {
  choose?(): Promise<Guest | undefined>;
}

/** What to run: an image that is here, an ISO, a folder to boot from the network, or nothing yet. */
export async function guestStep(editor: Editor, place: StepPlace): Promise<Answer<Guest>> {
  const items = [...(await imageItems(editor)), ...otherItems(), ...(await catalogItems(editor))];
  for (;;) {
    const chosen = await pickStep({ ...place, placeHolder: l10n.t("What should the machine run?"), items });
    if (typeof chosen === "symbol") return chosen;
    // A file dialogue that was closed leads back to the list.
    const guest = await chosen.choose?.();
    if (guest) return guest;
  }
}

/** A version that only tells one build from another says nothing to a person. */
const hash = /^[0-9a-f]{12,}$/;

/** Images of this computer's architecture first: the other one is emulated, and slow. */
async function imageItems(editor: Editor): Promise<GuestItem[]> {
  const images = await editor.service.call("image.list", {});
  const own = process.arch === "arm64" ? "aarch64" : "x86_64";
  const fitting = images.filter(({ architecture }) => architecture === own);
  return (fitting.length > 0 ? fitting : images).map((image) => ({
    label: plain(image.title),
    description: plain(hash.test(image.version) ? image.name : `${image.name} ${image.version}`),
    detail: l10n.t("{0}, {1}, on this computer already", image.architecture, bytesWords(image.bytes)),
    iconPath: new vscode.ThemeIcon("package"),
    choose: async () => ({ from: "image", image: image.name, title: image.title }),
  }));
}

/** Systems that are fetched from their publishers first. A catalog that cannot be read keeps nobody from the rest. */
async function catalogItems(editor: Editor): Promise<GuestItem[]> {
  const entries = await editor.service.call("image.catalog", webSettings()).catch((error: unknown) => {
    editor.log.warn(`catalog: ${factsOf(error).message}`);
    return [];
  });
  const items = entries.flatMap((entry): GuestItem[] => {
    const file = ownFile(entry);
    if (file?.url === undefined || file.here) return [];
    return [
      {
        label: plain(entry.title),
        description: plain(entry.name),
        detail: file.signed
          ? l10n.t("Fetched from its publisher first, proved by its signature")
          : l10n.t("Fetched from its publisher first, proved by its checksum by https"),
        iconPath: new vscode.ThemeIcon("cloud-download"),
        choose: async () => ({ from: "image", image: entry.name, title: entry.title, pull: true }),
      },
    ];
  });
  return items.length === 0 ? [] : [{ label: l10n.t("To Fetch"), kind: vscode.QuickPickItemKind.Separator }, ...items];
}

function otherItems(): GuestItem[] {
  return [
    { label: l10n.t("Other"), kind: vscode.QuickPickItemKind.Separator },
    {
      label: l10n.t("ISO file…"),
      detail: l10n.t("Install a system, or run it from its CD"),
      iconPath: new vscode.ThemeIcon("record"),
      choose: chooseIso,
    },
    {
      label: l10n.t("Network boot folder…"),
      detail: l10n.t("PXE: the guest loads its boot file from a folder of this computer"),
      iconPath: new vscode.ThemeIcon("globe"),
      choose: chooseNetboot,
    },
    {
      label: l10n.t("Network boot address…"),
      detail: l10n.t("A boot file, or the folder of a system's installer, is fetched from the web"),
      iconPath: new vscode.ThemeIcon("cloud-download"),
      choose: chooseNetbootUrl,
    },
    {
      label: l10n.t("Nothing yet"),
      detail: l10n.t("An empty machine with an empty disk"),
      iconPath: new vscode.ThemeIcon("vm-outline"),
      choose: async () => ({ from: "nothing" }),
    },
  ];
}

async function chooseIso(): Promise<Guest | undefined> {
  const [file] =
    (await vscode.window.showOpenDialog({
      title: l10n.t("ISO file"),
      openLabel: l10n.t("Use This ISO"),
      filters: { [l10n.t("CD images")]: ["iso"], [l10n.t("All files")]: ["*"] },
    })) ?? [];
  return file && { from: "iso", file: file.fsPath };
}

async function chooseNetboot(): Promise<Guest | undefined> {
  const [file] =
    (await vscode.window.showOpenDialog({
      title: l10n.t("Boot file for the network; its folder is served to the guest"),
      openLabel: l10n.t("Boot This File"),
    })) ?? [];
  if (!file) return undefined;
  const directory = dirname(file.fsPath);
  return { from: "netboot", directory, file: relative(directory, file.fsPath) };
}

async function chooseNetbootUrl(): Promise<Guest | undefined> {
  const url = await vscode.window.showInputBox({
    title: l10n.t("Network boot address"),
    prompt: l10n.t("http or https; a folder ends in /"),
    placeHolder: "https://boot.netboot.xyz/ipxe/netboot.xyz.efi",
    ignoreFocusOut: true,
    validateInput: (text) => (isWebAddress(text.trim()) ? undefined : l10n.t("An address starts with http:// or https://")),
  });
  return url === undefined ? undefined : { from: "netbootUrl", url: url.trim() };
}

function isWebAddress(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

/** What a machine of this guest is called, unless somebody says otherwise. */
export function nameSource(guest: Guest): string {
  switch (guest.from) {
    case "image":
      return guest.image;
    case "iso":
      return basename(guest.file);
    case "netboot":
      return basename(guest.directory);
    case "netbootUrl":
      return new URL(guest.url).hostname;
    case "nothing":
      return "machine";
  }
}
