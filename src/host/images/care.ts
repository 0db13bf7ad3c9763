import { basename, join } from "node:path";
import type { Work } from "../../machine/index.ts";
import { type Architecture, vivError } from "../../model/index.ts";
import type { Home } from "../home.ts";
import { listImages } from "./list.ts";
import { isPinned } from "./locks.ts";
import type { Image } from "./record.ts";
import {
  contentFolder,
  contentOf,
  diskName,
  listRecords,
  readRecord,
  recordFile,
  removeContent,
  removeName,
  sha256Of,
  writeRecord,
} from "./store.ts";
import { imageUsers, usersOf } from "./usage.ts";

/** Which image is meant: by its name, and by its architecture where there are two. */
export interface ImageChoice {
  readonly name: string;
  readonly architecture?: Architecture | undefined;
}

/** @throws VivError `not-found`, `usage` where the name is of two architectures. */
export async function requireNamed(guestFolder: string | undefined, store: string, { name, architecture }: ImageChoice): Promise<Image> {
  const images = await listImages(guestFolder, store);
  const found = images.filter((image) => image.name === name && (architecture === undefined || image.architecture === architecture));
  const [first] = found;
  if (!first)
    throw vivError(
      "not-found",
      `There is no image ${name}${architecture === undefined ? "" : ` for ${architecture}`}.`,
      images.length > 0 ? `There is: ${[...new Set(images.map((image) => image.name))].join(", ")}.` : "Fetch one: viv image catalog",
    );
  if (found.length > 1)
    throw vivError(
      "usage",
      `${name} is there for ${found.map((image) => image.architecture).join(" and ")}.`,
      `Say which: --arch ${first.architecture}`,
    );
  return first;
}

/**
 * Takes an image out of the store.
 * @returns bytes that came free: none while another name has the same content.
 * @throws VivError `locked` while machines are built on it and it is its only name, with the machines; `usage` for one that came with Vivarium.
 */
export async function removeImage(image: Image, home: Home): Promise<{ freedBytes: number }> {
  if (image.source === "built-in" || image.origin === undefined)
    throw vivError(
      "usage",
      `${image.name} came with Vivarium and stays.`,
      "A copy in the home goes by `viv prune` when no machine needs it.",
    );
  if (isPinned(image.folder)) throw vivError("locked", `A machine is being made of ${image.name}.`, "Try again when it is done.");
  // Another name keeps the content.
  const content = contentOf(basename(image.folder));
  const names = (await listRecords(home.images)).filter((record) => record.content === content).length;
  const users = names > 1 ? [] : usersOf(await imageUsers(home), image);
  if (users.length > 0) {
    const who = users.map(({ name, removed }) => (removed ? `${name} (removed)` : name)).join(", ");
    throw vivError("locked", `${image.name} is used by ${who}.`, "Remove them for good first: viv rm NAME, then viv trash empty NAME");
  }
  return { freedBytes: await removeName(home.images, image.name, image.architecture) };
}

/** A content whose last name was taken by another; what machines are built on stays for `prune`. */
export async function removeIfUnused(content: string, home: Home): Promise<void> {
  const folder = contentFolder(home.images, content);
  if ((await listRecords(home.images)).some((record) => record.content === content) || isPinned(folder)) return;
  if (((await imageUsers(home)).get(basename(folder)) ?? []).length === 0) await removeContent(home.images, content);
}

/**
 * Reads an image's files again and compares them with their digests.
 * @returns when it was; kept with the image.
 * @throws VivError `damaged`.
 */
export async function verifyImage(image: Image, home: Home, work: Work): Promise<{ verifiedAt: string }> {
  for (const [file, wanted] of Object.entries(image.sha256)) {
    const step = `reading ${file}`;
    let told = -1;
    const found = await sha256Of(join(image.folder, file), work.signal, (percent) => {
      if (percent !== told) work.progress({ kind: "verify", step, percent });
      told = percent;
    });
    if (found !== wanted)
      throw vivError(
        "damaged",
        `Image ${image.name}: ${join(image.folder, file)} is not what it was (its SHA-256 is ${found}).`,
        image.source === "built-in"
          ? "Install Vivarium again."
          : "Machines built on it may be damaged, too. Check this computer's disk; fetch the image again under another name.",
      );
  }
  const verifiedAt = new Date().toISOString();
  const record = await readRecord(recordFile(home.images, image.name, image.architecture));
  if (record && image.source === "store" && record.sha256[diskName] === image.sha256[diskName])
    await writeRecord(home.images, { ...record, verifiedAt });
  return { verifiedAt };
}
