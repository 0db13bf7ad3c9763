import { checkDefinition, type Definition, describeProblems, vivError } from "../../../model/index.ts";
import { newMac } from "../../definitions.ts";
import type { ForeignMachine } from "./types.ts";

/** The hardware of the other manager's machine, so that its guest finds what it had. @throws VivError `untrusted-input` */
export function asForeign(base: Definition, machine: ForeignMachine, firmware: "bios" | "uefi" | undefined): Definition {
  const { cdrom, kernel, note } = machine;
  const definition: Definition = {
    ...base,
    firmware: kernel
      ? {
          type: "direct-kernel",
          kernel: kernel.kernel,
          ...(kernel.initrd === undefined ? {} : { initrd: kernel.initrd }),
          append: kernel.append,
        }
      : firmware === undefined
        ? { type: machine.firmware }
        : base.firmware,
    disks: base.disks.map((disk, index) => {
      const { bus = disk.bus, readOnly = false } = machine.disks[index] ?? {};
      return { ...disk, bus, readOnly };
    }),
    ...(cdrom === undefined ? {} : { cdrom: cdrom.file === undefined ? {} : { file: cdrom.file } }),
    networks: machine.adapters.map(({ model, mac, linkUp, forwards }) => ({
      mode: "nat",
      model,
      mac: mac ?? newMac(),
      linkUp,
      forwards: forwards.map(({ protocol, hostPort, guestPort }) => ({
        protocol,
        hostAddress: "127.0.0.1",
        guestPort,
        ...(hostPort === undefined ? {} : { hostPort }),
      })),
    })),
    display: { ...base.display, type: machine.display },
    devices: { ...base.devices, tpm: machine.tpm, watchdog: machine.watchdog },
    bootOrder: [...machine.bootOrder],
    ...(note === undefined || note === "" ? {} : { note: note.slice(0, 2000) }),
  };
  const checked = checkDefinition(definition);
  if ("problems" in checked)
    throw vivError(
      "untrusted-input",
      `Its definition by ${machine.origin} says what no machine can be: ${describeProblems(checked.problems)}.`,
    );
  return checked.definition;
}
