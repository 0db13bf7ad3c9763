import { type Definition, Disk, diskSlot, vivError } from "../../model/index.ts";
import { editDefinition } from "../folder.ts";
import type { Machine } from "../machine.ts";
import { replaceDefinition } from "../settings.ts";

/** Changes of the list of disks: in vm.json, where comments stay, and in the record of what the running guest has. */

type Edits = Parameters<typeof editDefinition>[1];

/** @throws VivError `damaged` when vm.json cannot be used, `invalid-definition` when it could not afterwards. */
export async function editMachine(machine: Machine, edits: (definition: Definition) => Edits): Promise<void> {
  await machine.refreshDefinition();
  const definition = machine.requireDefinition();
  const text = machine.definitionText;
  if (text === undefined) throw vivError("damaged", `${machine.name}: vm.json is missing.`);
  await replaceDefinition(machine, editDefinition(text, edits(definition)));
}

/** What the running guest has; nothing for a machine that does not run. */
export async function recordRunning(machine: Machine, change: (definition: Definition) => Definition): Promise<void> {
  if (!machine.state.run) return;
  await machine.record((state) => {
    const { run } = state;
    return run ? { ...state, run: { ...run, definition: change(run.definition as Definition) } } : state;
  });
}

export function withDisk(definition: Definition, disk: Disk): Definition {
  return { ...definition, disks: [...definition.disks.filter(({ id }) => id !== disk.id), Disk.parse(disk)] };
}

/** Those after the one that goes keep their addresses. */
export function withoutDisk(definition: Definition, id: string): Definition {
  const at = definition.disks.findIndex((disk) => disk.id === id);
  if (at < 0) return definition;
  const disks = definition.disks.map((disk, index) => (index > at ? Disk.parse({ ...disk, slot: diskSlot(disk, index) }) : disk));
  return { ...definition, disks: disks.filter((disk) => disk.id !== id) };
}

/** Appends a disk to vm.json; defaults are left out of the text. */
export async function writeDisk(machine: Machine, disk: Disk): Promise<void> {
  await editMachine(machine, (definition) => {
    if (definition.disks.some(({ id }) => id === disk.id)) return [];
    const { readOnly, ...entry } = disk;
    const value = { ...entry, ...(readOnly ? { readOnly } : {}) };
    return [definition.disks.length > 0 ? { path: ["disks", -1], value } : { path: ["disks"], value: [value] }];
  });
}

/** Takes a disk out of vm.json; those after it keep their addresses. */
export async function eraseDisk(machine: Machine, id: string): Promise<void> {
  await editMachine(machine, (definition) => {
    const at = definition.disks.findIndex((disk) => disk.id === id);
    if (at < 0) return [];
    const later = definition.disks
      .map((disk, index) => ({ disk, index }))
      .filter(({ disk, index }) => index > at && disk.slot === undefined)
      .map(({ index }) => ({ path: ["disks", index, "slot"], value: index }));
    return [...later, { path: ["disks", at], value: undefined }];
  });
}
