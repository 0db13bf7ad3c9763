import { withBytes } from "../../../machine/index.ts";
import { vivError } from "../../../model/index.ts";
import { parseXml } from "../xml.ts";
import { readLibvirt } from "./libvirt.ts";
import type { ForeignMachine } from "./types.ts";
import { readVirtualBox } from "./virtualBox.ts";

export { asForeign } from "./apply.ts";
export type { ForeignMachine } from "./types.ts";

const largestDefinition = 4 * 1024 ** 2;

/**
 * The machine that a definition file of another manager describes; undefined when the file is none (a disk image, an OVA).
 * @throws VivError `untrusted-input` for XML that is broken, too large, or of nobody we know, `host-cannot`, `usage`.
 */
export async function readForeignDefinition(file: string): Promise<ForeignMachine | undefined> {
  const text = await withBytes({ file }, async (bytes) => {
    const start = (await bytes.read(0, 512)).toString("utf8").replace(/^\ufeff/, "");
    if (!/^\s*<(\?xml|!--|domain|VirtualBox)/.test(start)) return undefined;
    if (bytes.size > largestDefinition)
      throw vivError("untrusted-input", `${file} is too large for a machine's definition (${bytes.size} bytes).`);
    return (await bytes.read(0, bytes.size)).toString("utf8").replace(/^\ufeff/, "");
  });
  if (text === undefined) return undefined;
  const top = parseXml(text, file);
  if (top.name === "domain") return readLibvirt(top, file);
  if (top.name === "VirtualBox") return readVirtualBox(top, file);
  throw vivError(
    "untrusted-input",
    `${file} describes no machine that Vivarium knows: its element is ${JSON.stringify(top.name.slice(0, 60))}.`,
    "Give what virsh dumpxml prints, a .vbox file, an OVA or a disk image.",
  );
}
