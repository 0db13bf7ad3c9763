import { type Definition, vivError } from "../model/index.ts";
import { backing } from "./blockdev.ts";
import { boardOf } from "./board.ts";
import { machineFile } from "./paths.ts";
import type { LaunchContext } from "./types.ts";
import { type JsonObject, keyValues, option, requirePlain } from "./words.ts";

/** Block node names of the UEFI flash; `varsNode` belongs into every disk snapshot. */
export const firmwareNodes = { code: "firmware.code", vars: "firmware.vars" } as const;

/** What the firmware wants of `-machine`. SMM only where Secure Boot needs it: HVF and WHPX refuse it. */
export function firmwareMachineProperties(definition: Definition, context: LaunchContext): Record<string, string | boolean> {
  const flash: Record<string, string> = usesFlash(definition) ? { pflash0: firmwareNodes.code, pflash1: firmwareNodes.vars } : {};
  return boardOf(definition) === "q35" ? { smm: needsSmm(definition, context), ...flash } : flash;
}

/** The firmware itself: two flash images, one BIOS file, or a kernel. */
export function firmware(definition: Definition, context: LaunchContext): string[] {
  const wanted = definition.firmware;
  switch (wanted.type) {
    case "bios":
      return biosFile(context);
    case "uefi":
      return flash(context);
    case "uefi-secure":
      return [...flash(context), ...secureFlash(definition)];
    case "direct-kernel":
      // A guest that goes on has its kernel in its memory: loading it again takes 10 ms and 14 MiB (a reset needs it).
      if (context.memoryFile?.mapping === "private") return biosFile(context);
      return [
        ...biosFile(context),
        ...["-kernel", requirePlain(machineFile(context, wanted.kernel))],
        ...(wanted.initrd === undefined ? [] : ["-initrd", requirePlain(machineFile(context, wanted.initrd))]),
        ...(wanted.append === "" ? [] : ["-append", requirePlain(wanted.append)]),
      ];
  }
}

/** The boot order is in each device's bootindex; nothing else is tried. */
export function boot(): string[] {
  return ["-boot", "menu=off,strict=on"];
}

/** Files handed to the guest by name. */
export function fwCfg(context: LaunchContext): string[] {
  return context.fwCfg.flatMap(({ name, file }) => ["-fw_cfg", keyValues(undefined, { name, file })]);
}

function usesFlash(definition: Definition): boolean {
  return definition.firmware.type === "uefi" || definition.firmware.type === "uefi-secure";
}

function needsSmm(definition: Definition, context: LaunchContext): boolean {
  if (definition.firmware.type !== "uefi-secure") return false;
  const { name } = context.accelerator;
  if (name === "kvm" || name === "tcg") return true;
  throw vivError(
    "host-cannot",
    `Secure Boot needs a processor mode (SMM) that ${name} does not offer.`,
    "Use firmware uefi, or accelerator tcg.",
  );
}

function biosFile(context: LaunchContext): string[] {
  return context.firmware === undefined ? [] : ["-bios", requirePlain(context.firmware.code)];
}

/** Code raw and read-only, variables qcow2: a raw variable store would stand in the way of RAM snapshots (docs/traps.md §3). */
function flash(context: LaunchContext): string[] {
  const files = context.firmware;
  if (files?.vars === undefined) throw vivError("internal", "A UEFI machine was started without its firmware files.");
  const below = backing(files.varsChain ?? [], { node: firmwareNodes.vars }, context);
  return [...flashNode(firmwareNodes.code, "raw", files.code, true), ...flashNode(firmwareNodes.vars, "qcow2", files.vars, false, below)];
}

function flashNode(node: string, driver: "raw" | "qcow2", filename: string, readOnly: boolean, below: JsonObject | null = null): string[] {
  return option("-blockdev", {
    driver,
    "node-name": node,
    "read-only": readOnly,
    ...(driver === "qcow2" ? { backing: below } : {}),
    file: { driver: "file", "node-name": `${node}.file`, filename, "read-only": readOnly },
  });
}

/** Only code in SMM may write the variables. S3 is off because its resume path would bypass that. */
function secureFlash(definition: Definition): string[] {
  if (boardOf(definition) !== "q35") return [];
  return ["-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "driver=ICH9-LPC,property=disable_s3,value=1"];
}
