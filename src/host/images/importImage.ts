import { access, constants, stat } from "node:fs/promises";
import { basename, isAbsolute } from "node:path";
import type { Work } from "../../machine/index.ts";
import { type Architecture, ImageName, vivError } from "../../model/index.ts";
import type { DiskImageFormat } from "../../qemu/index.ts";
import { isOva } from "../transfer/ova/read.ts";
import { exclusively } from "./locks.ts";
import type { Image } from "./record.ts";
import { type StoreContext, takeIn } from "./takeIn.ts";

export interface NewImageRequest {
  /** Absolute. */
  readonly file: string;
  /** Absent: by the file's. */
  readonly name?: string | undefined;
  readonly title?: string | undefined;
  readonly format?: DiskImageFormat | undefined;
  readonly architecture?: Architecture | undefined;
  readonly firmware?: "bios" | "uefi" | undefined;
  readonly login?: string | undefined;
  readonly firstBoot?: "cloud-init" | "none" | undefined;
  /** An image of this name gives way; machines that are built on it keep its content. */
  readonly replace: boolean;
}

/** @throws VivError `exists`, `usage`, `untrusted-input` with the reason, `disk-full`, `cancelled`. */
export async function importImage(request: NewImageRequest, context: StoreContext, work: Work): Promise<{ image: Image; notes: string[] }> {
  await requireReadable(request.file);
  const name = requireImageName(request.name ?? nameOfFile(request.file));
  if (await isOva(request.file))
    throw vivError(
      "usage",
      `${request.file} is a whole machine (OVA), not one disk.`,
      `Make a machine of it: viv import ${request.file} NAME`,
    );
  return exclusively(
    `image ${name}`,
    work.signal,
    () => work.progress({ kind: "import", step: `waiting for another ${name}` }),
    async () => {
      return takeIn(
        request.file,
        { ...request, name, title: request.title ?? basename(request.file), fileName: request.file },
        ({ format }) => ({ kind: "import", file: request.file, format }),
        context,
        work,
        "import",
      );
    },
  );
}

/** `debian-12-generic.qcow2` → `debian-12-generic`. */
export function nameOfFile(file: string): string {
  const plain = basename(file)
    .replace(/\.(xz|gz|zst|bz2)$/i, "")
    .replace(/\.(qcow2|img|raw|vmdk|vdi|vhdx?|vpc)$/i, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 60);
  return plain === "" ? "image" : plain;
}

export function requireImageName(name: string): string {
  const parsed = ImageName.safeParse(name);
  if (name === "starter") throw vivError("exists", "The image starter came with Vivarium.", "Choose another name.");
  if (parsed.success) return name;
  throw vivError(
    "invalid-name",
    `“${name}” is no name for an image: it ${parsed.error.issues[0]?.message}.`,
    "For example debian-12 or web:2026-11.",
  );
}

async function requireReadable(file: string): Promise<void> {
  if (!isAbsolute(file)) throw vivError("usage", `“${file}” is not an absolute path.`);
  const found = await stat(file).catch(() => undefined);
  if (!found) throw vivError("not-found", `There is no file ${file}.`);
  if (!found.isFile()) throw vivError("usage", `${file} is not a file.`, "Give an image file.");
  await access(file, constants.R_OK).catch(() => {
    throw vivError("host-cannot", `${file} cannot be read.`, "Check its owner and permissions.");
  });
}
