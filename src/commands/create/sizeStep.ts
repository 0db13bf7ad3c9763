import { availableParallelism, totalmem } from "node:os";
import * as vscode from "vscode";
import type { ChosenSize, Guest } from "./plan.ts";
import { parseSize, type Size, sizesFor, sizeTitle, sizeWords } from "./sizes.ts";
import { type Answer, back, pickStep, type StepPlace, textStep } from "./step.ts";

const { l10n } = vscode;

interface SizeItem extends vscode.QuickPickItem {
  readonly size?: Size;
}

/** How large: three sizes of this computer, or any. */
export async function sizeStep(guest: Guest, place: StepPlace): Promise<Answer<ChosenSize>> {
  const sizes = sizesFor({ cores: availableParallelism(), memoryBytes: totalmem() });
  const items: SizeItem[] = sizes.map((size) => ({
    label: sizeTitle(size.name),
    description: sizeWords(size, guest.from !== "image"),
    size,
  }));
  const other: SizeItem = { label: l10n.t("Other…"), description: l10n.t("processors, memory and disk as you type them") };
  const usual = items.find(({ size }) => size?.name === usualSize(guest)) ?? items[0];
  for (;;) {
    const chosen = await pickStep({ ...place, placeHolder: l10n.t("How large?"), items: [...items, other], active: usual });
    if (typeof chosen === "symbol") return chosen;
    if (chosen.size) return fromPreset(chosen.size);
    const typed = await customSize(place);
    if (typed !== back) return typed;
  }
}

/** The starter image is content with little; what an ISO installs seldom is. */
export function usualSize(guest: Guest): Size["name"] {
  return guest.from === "image" && guest.image === "starter" ? "small" : "medium";
}

export function fromPreset({ cpus, memoryBytes, diskBytes }: Size): ChosenSize {
  return { cpus, memory: `${Math.round(memoryBytes / 1024 ** 2)}M`, disk: `${Math.round(diskBytes / 1024 ** 3)}G` };
}

function customSize(place: StepPlace): Promise<Answer<ChosenSize>> {
  return textStep<ChosenSize>(() => ({
    ...place,
    value: "2 2G 20G",
    prompt: l10n.t("Processors, memory and, unless an image brings one, the disk's size"),
    problem: (text) => (parseSize(text) ? undefined : l10n.t("Write for example: 2 2G 20G")),
    accept: (text) => parseSize(text) ?? { cpus: 1, memory: "512M" },
  }));
}
