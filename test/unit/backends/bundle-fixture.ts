/** A bundle in a temporary folder, made of shell scripts that answer like QEMU. */
import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { create } from "tar";
import type { BundleManifest } from "../../../src/backends/manifest.ts";

const emulator = (name: string): string => `#!/bin/sh\necho "QEMU emulator version 10.0.13 (${name} fixture)"\n`;

const contents: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  qemu: {
    "qemu/bin/qemu-system-x86_64": emulator("x86_64"),
    "qemu/bin/qemu-img": emulator("img"),
    "qemu/share/bios.bin": "b".repeat(4096),
  },
  runtime: { "runtime/bin/node": "#!/bin/sh\n" },
  "emulator-aarch64": { "emulator-aarch64/bin/qemu-system-aarch64": emulator("aarch64"), "emulator-aarch64/share/code.fd": "c" },
};

const sha256 = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");

/** Writes the parts and manifest.json into `folder`; returns the manifest. */
export async function makeBundle(folder: string): Promise<BundleManifest> {
  const parts: BundleManifest["parts"] = {};
  const files: BundleManifest["files"] = {};
  for (const [part, entries] of Object.entries(contents)) {
    const source = join(folder, "source", part);
    for (const [path, text] of Object.entries(entries)) {
      const file = join(source, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
      await chmod(file, path.includes("/bin/") ? 0o755 : 0o644);
      files[path] = { part, sha256: sha256(text), bytes: text.length, executable: path.includes("/bin/") };
    }
    const archive = join(folder, `${part}.tar`);
    await create({ cwd: source, file: archive }, [Object.keys(entries)[0]?.split("/")[0] ?? ""]);
    const packed = brotliCompressSync(await readFile(archive));
    await writeFile(join(folder, `${part}.tar.br`), packed);
    const unpackedBytes = Object.values(entries).reduce((sum, text) => sum + text.length, 0);
    parts[part] = {
      file: `${part}.tar.br`,
      sha256: sha256(packed),
      bytes: packed.length,
      unpackedBytes,
      optional: part.startsWith("emulator"),
    };
  }
  const program = (part: string, path: string) => ({ part, argv: [path], argvPaths: [true], env: {} });
  const manifest: BundleManifest = {
    schema: 1,
    platform: "linux-x64",
    id: "0123456789ab",
    qemuVersion: "10.0.13",
    parts,
    files,
    programs: {
      "qemu-system-x86_64": program("qemu", "qemu/bin/qemu-system-x86_64"),
      "qemu-img": program("qemu", "qemu/bin/qemu-img"),
      node: program("runtime", "runtime/bin/node"),
      "qemu-system-aarch64": program("emulator-aarch64", "emulator-aarch64/bin/qemu-system-aarch64"),
    },
    dataDirectories: ["qemu/share", "emulator-aarch64/share"],
    firmware: {
      x86_64: { part: "qemu", bios: "qemu/share/bios.bin" },
      aarch64: { part: "emulator-aarch64", uefi: { code: "emulator-aarch64/share/code.fd", vars: "emulator-aarch64/share/code.fd" } },
    },
    packages: [],
  };
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
  return manifest;
}
