/**
 * Assembles the probe's two guests and writes them into src/backends/payloads.ts:
 *
 *     node guest/probe/build.ts
 *
 * Needs the GNU assemblers for both architectures; their versions do not matter, the bytes are the same.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

const aptCommand = "sudo apt-get install -y binutils-x86-64-linux-gnu binutils-aarch64-linux-gnu";

/** Where each guest is linked to run; the sources say why. */
const guests = [
  { architecture: "x86_64", address: "0x100000" },
  { architecture: "aarch64", address: "0x40080000" },
] as const;

/** The text of src/backends/payloads.ts, made from the sources. Throws with the apt command where an assembler is missing. */
export async function payloadModule(): Promise<string> {
  const lines = [
    "/** The probe's guests, assembled. Made by guest/probe/build.ts from the sources beside it: do not edit. */",
    "export const payloads = {",
  ];
  for (const { architecture, address } of guests) {
    const bytes = await assemble(architecture, address);
    lines.push(`  /** ${bytes.length} bytes. */`, `  ${architecture}:`, `    "${bytes.toString("base64")}",`);
  }
  lines.push("} as const;", "");
  return lines.join("\n");
}

async function assemble(architecture: string, address: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "vivarium-probe-"));
  try {
    const [object, linked, image] = [join(folder, "probe.o"), join(folder, "probe.elf"), join(folder, "probe.bin")];
    await tool(`${architecture}-linux-gnu-as`, ["-o", object, join(import.meta.dirname, `${architecture}.S`)]);
    await tool(`${architecture}-linux-gnu-ld`, [`-Ttext=${address}`, "-e", address, "-o", linked, object]);
    await tool(`${architecture}-linux-gnu-objcopy`, ["-O", "binary", "-j", ".text", linked, image]);
    return await readFile(image);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function tool(file: string, args: string[]): Promise<void> {
  const result = await execa(file, args, { reject: false });
  if (result.code === "ENOENT") throw new Error(`${file} is missing. Install it: ${aptCommand}`);
  if (result.exitCode !== 0) throw new Error(`${file} failed: ${result.stderr}`);
}

if (process.argv[1] === import.meta.filename) {
  await writeFile(join(import.meta.dirname, "../../src/backends/payloads.ts"), await payloadModule());
}
