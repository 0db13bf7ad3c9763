import * as vscode from "vscode";
import { bytesWords } from "../../editor/index.ts";

const { l10n } = vscode;

export interface Size {
  readonly name: "small" | "medium" | "large";
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

export interface HostSize {
  readonly cores: number;
  readonly memoryBytes: number;
}

const gib = 1024 ** 3;
const mib = 1024 ** 2;

/** Three sizes that fit this computer: a machine never gets more than half of its memory, nor more cores than it has. */
export function sizesFor({ cores, memoryBytes }: HostSize): Size[] {
  const half = Math.floor(memoryBytes / 2 / (256 * mib)) * 256 * mib;
  const atMost = (bytes: number): number => Math.max(256 * mib, Math.min(bytes, half));
  const sizes: Size[] = [
    { name: "small", cpus: 1, memoryBytes: atMost(512 * mib), diskBytes: 10 * gib },
    { name: "medium", cpus: Math.min(2, cores), memoryBytes: atMost(2 * gib), diskBytes: 20 * gib },
    { name: "large", cpus: Math.min(4, cores), memoryBytes: atMost(8 * gib), diskBytes: 60 * gib },
  ];
  // On a small host large may be no more than medium: then it is left out.
  return sizes.filter((size, index) =>
    sizes.slice(0, index).every((other) => other.cpus !== size.cpus || other.memoryBytes !== size.memoryBytes),
  );
}

export function sizeTitle(name: Size["name"]): string {
  switch (name) {
    case "small":
      return l10n.t("Small");
    case "medium":
      return l10n.t("Medium");
    case "large":
      return l10n.t("Large");
  }
}

/** An image brings its own disk: then nothing is said of one. */
export function sizeWords({ cpus, memoryBytes, diskBytes }: Size, ownDisk: boolean): string {
  const processors = cpus === 1 ? l10n.t("1 CPU") : l10n.t("{0} CPUs", cpus);
  if (!ownDisk) return l10n.t("{0}, {1} of memory", processors, bytesWords(memoryBytes));
  return l10n.t("{0}, {1} of memory, disk up to {2}", processors, bytesWords(memoryBytes), bytesWords(diskBytes));
}

/** `2 2G 20G`: processors, memory and disk as typed; undefined when it is not that. */
export function parseSize(text: string): (Pick<Size, "cpus"> & { memory: string; disk?: string }) | undefined {
  const match = /^\s*(\d{1,3})\s+(\d+(?:\.\d+)?[kmgt])(?:\s+(\d+(?:\.\d+)?[kmgt]))?\s*$/i.exec(text);
  const [, cpus, memory, disk] = match ?? [];
  if (cpus === undefined || memory === undefined || Number(cpus) < 1) return undefined;
  return { cpus: Number(cpus), memory, ...(disk === undefined ? {} : { disk }) };
}
