import type { Definition } from "../model/index.ts";
import { cdromNode, diskNodes } from "./blockdev.ts";
import { characterDevices, tpm } from "./characterDevices.ts";
import { diskDevices } from "./disks.ts";
import { display } from "./display.ts";
import { extras } from "./extras.ts";
import { boot, firmware, fwCfg } from "./firmware.ts";
import { behaviour, board, dataDirectories, identity, requireVersion, sandbox } from "./machine.ts";
import { networks } from "./network.ts";
import { credentialStrings, seed } from "./seed.ts";
import { shares } from "./shares.ts";
import type { LaunchContext } from "./types.ts";

/**
 * QEMU's arguments for a machine on a host, without the program. Pure: the same input gives the same words, and
 * `test/golden/commandLine` pins them, because a change here changes the hardware of every machine.
 *
 * @throws VivError `invalid-definition`, `host-cannot` or `qemu-too-old` for what cannot be run,
 *   `internal` when the context lacks something the definition needs.
 */
export function commandLine(definition: Definition, context: LaunchContext): string[] {
  requireVersion(context);
  return [
    ...identity(definition),
    ...behaviour(context),
    ...dataDirectories(context),
    ...sandbox(context),
    ...board(definition, context),
    ...firmware(definition, context),
    ...boot(),
    ...fwCfg(context),
    ...credentialStrings(context),
    ...characterDevices(definition, context),
    ...tpm(definition, context),
    ...extras(definition, context),
    ...diskNodes(definition, context),
    ...cdromNode(definition, context),
    ...diskDevices(definition),
    ...seed(definition, context),
    ...networks(definition, context),
    ...shares(definition, context),
    ...display(definition, context),
  ];
}
