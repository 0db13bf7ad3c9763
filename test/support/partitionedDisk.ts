/** Raw disks with partition tables, as installers make them; the EFI system partition is a real FAT with a boot loader's name in it. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { crc32 } from "node:zlib";

const mib = 1024 ** 2;
const efiAt = 2048;
const efiSectors = 8 * 2048;
const linuxAt = efiAt + efiSectors;
const typeGuids = {
  efi: "28732ac11ff8d211ba4b00a0c93ec93b",
  linux: "af3dc60f838472478e793d69d8477de4",
} as const;

/** 32 MiB: ESP with `\EFI\BOOT\<loader>`, a Linux partition of random bytes, the backup table at the end. */
export async function gptDisk(file: string, loader: string): Promise<void> {
  const esp = await fatWith(`${file}.esp`, loader);
  const sectors = (32 * mib) / 512;
  const linuxSectors = sectors - 34 - linuxAt;
  const table = Buffer.alloc(128 * 128);
  entry(table, 0, typeGuids.efi, efiAt, efiSectors, "EFI System Partition");
  entry(table, 1, typeGuids.linux, linuxAt, linuxSectors, "rößt");
  const handle = await open(file, "w");
  try {
    await handle.truncate(32 * mib);
    const mbr = Buffer.alloc(512);
    mbr.writeUInt8(0xee, 450);
    mbr.writeUInt32LE(1, 454);
    mbr.writeUInt32LE(sectors - 1, 458);
    mbr.writeUInt16LE(0xaa55, 510);
    await handle.write(mbr, 0, 512, 0);
    await handle.write(gptHeader(table, 1, sectors - 1, 2, sectors), 0, 512, 512);
    await handle.write(table, 0, table.length, 1024);
    await handle.write(table, 0, table.length, (sectors - 33) * 512);
    await handle.write(gptHeader(table, sectors - 1, 1, sectors - 33, sectors), 0, 512, (sectors - 1) * 512);
    await handle.write(esp, 0, esp.length, efiAt * 512);
    const noise = randomBytes(mib);
    for (const at of [0, 5 * mib, 13 * mib + 4096]) await handle.write(noise, 0, noise.length, linuxAt * 512 + at);
  } finally {
    await handle.close();
  }
}

/** 16 MiB: a primary Linux partition that is active, an extended one with two logical ones in it. */
export async function mbrDisk(file: string): Promise<void> {
  await writeFile(file, Buffer.alloc(0));
  await truncate(file, 16 * mib);
  const handle = await open(file, "r+");
  try {
    const sector = (entries: [status: number, type: number, start: number, sectors: number][]) => {
      const data = Buffer.alloc(512);
      for (const [index, [status, type, start, count]] of entries.entries()) {
        data.writeUInt8(status, 446 + index * 16);
        data.writeUInt8(type, 450 + index * 16);
        data.writeUInt32LE(start, 454 + index * 16);
        data.writeUInt32LE(count, 458 + index * 16);
      }
      data.writeUInt16LE(0xaa55, 510);
      return data;
    };
    await handle.write(
      sector([
        [0x80, 0x83, 2048, 8192],
        [0, 0x05, 10_240, 20_480],
      ]),
      0,
      512,
      0,
    );
    await handle.write(
      sector([
        [0, 0x82, 2048, 4096],
        [0, 0x05, 8192, 8192],
      ]),
      0,
      512,
      10_240 * 512,
    );
    await handle.write(sector([[0, 0x8e, 2048, 4096]]), 0, 512, (10_240 + 8192) * 512);
    await handle.write(randomBytes(300_000), 0, 300_000, 2048 * 512);
  } finally {
    await handle.close();
  }
}

async function fatWith(file: string, loader: string): Promise<Buffer> {
  const path = { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, MTOOLS_SKIP_CHECK: "1" } };
  await writeFile(file, Buffer.alloc(0));
  await truncate(file, efiSectors * 512);
  execFileSync("mkfs.vfat", ["-F", "16", "-s", "2", file], { ...path, stdio: "ignore" });
  execFileSync("mmd", ["-i", file, "::/EFI", "::/EFI/BOOT"], path);
  await writeFile(`${file}.loader`, "a boot loader");
  execFileSync("mcopy", ["-i", file, `${file}.loader`, `::/EFI/BOOT/${loader}`], path);
  const data = await readFile(file);
  await rm(file);
  await rm(`${file}.loader`);
  return data;
}

function entry(table: Buffer, index: number, type: string, first: number, sectors: number, label: string): void {
  const at = index * 128;
  Buffer.from(type, "hex").copy(table, at);
  randomBytes(16).copy(table, at + 16);
  table.writeBigUInt64LE(BigInt(first), at + 32);
  table.writeBigUInt64LE(BigInt(first + sectors - 1), at + 40);
  table.write(label, at + 56, "utf16le");
}

function gptHeader(table: Buffer, own: number, other: number, tableAt: number, sectors: number): Buffer {
  const header = Buffer.alloc(512);
  header.write("EFI PART", 0, "latin1");
  header.writeUInt32LE(0x1_0000, 8);
  header.writeUInt32LE(92, 12);
  header.writeBigUInt64LE(BigInt(own), 24);
  header.writeBigUInt64LE(BigInt(other), 32);
  header.writeBigUInt64LE(34n, 40);
  header.writeBigUInt64LE(BigInt(sectors - 34), 48);
  header.writeBigUInt64LE(BigInt(tableAt), 72);
  header.writeUInt32LE(128, 80);
  header.writeUInt32LE(128, 84);
  header.writeUInt32LE(crc32(table), 88);
  header.writeUInt32LE(crc32(header.subarray(0, 92)), 16);
  return header;
}
