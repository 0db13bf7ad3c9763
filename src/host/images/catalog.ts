import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { Catalog, type CatalogImage, type CatalogKey, catalogProblems, vivError } from "../../model/index.ts";
import { downloadText, type NetworkSettings, requireWebAddress } from "../download/index.ts";
import type { SigningKey } from "./signature.ts";

/** A catalog and the keys it names. */
export interface OpenCatalog {
  readonly images: readonly CatalogImage[];
  key(name: string): Promise<SigningKey>;
}

export interface CatalogPlace {
  /** A file's absolute path or an https URL; absent: the catalog that came with Vivarium. */
  readonly catalog?: string | undefined;
  readonly mediaFolder: string | undefined;
  readonly network?: NetworkSettings | undefined;
  readonly signal: AbortSignal;
}

const largestBytes = 4 * 1024 ** 2;

/** @throws VivError `not-found`, `invalid-definition` (no catalog), `usage`, and what downloading throws. */
export async function openCatalog(place: CatalogPlace): Promise<OpenCatalog> {
  const where = place.catalog ?? (place.mediaFolder === undefined ? undefined : join(place.mediaFolder, "catalog.json"));
  if (where === undefined) throw vivError("not-found", "The catalog of images did not come with this service.", "Install Vivarium again.");
  const catalog = parseCatalog(await read(where, place), where);
  return {
    images: catalog.images,
    async key(name) {
      const key = catalog.keys[name];
      if (!key) throw vivError("invalid-definition", `The catalog ${where} has no key ${name}.`);
      return { owner: key.owner, fingerprint: key.fingerprint, armored: await read(beside(where, key), place) };
    },
  };
}

function parseCatalog(text: string, where: string): Catalog {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw vivError("invalid-definition", `${where} is no JSON: ${(error as Error).message}`, "See media/catalog.schema.json.", error);
  }
  const parsed = Catalog.safeParse(value);
  const problems = parsed.success
    ? catalogProblems(parsed.data)
    : parsed.error.issues.slice(0, 5).map(({ path, message }) => `${path.join(".") || "it"}: ${message}`);
  if (parsed.success && problems.length === 0) return parsed.data;
  throw vivError("invalid-definition", `${where} is no catalog: ${problems.join("; ")}.`, "See media/catalog.schema.json.");
}

function isWeb(place: string): boolean {
  return /^https?:\/\//i.test(place);
}

function beside(where: string, key: CatalogKey): string {
  return isWeb(where) ? new URL(key.file, where).href : join(dirname(where), key.file);
}

async function read(where: string, { network, signal }: CatalogPlace): Promise<string> {
  if (isWeb(where)) {
    requireTrustedWay(where, "A catalog");
    return (await downloadText(requireWebAddress(where), { maximumBytes: largestBytes, signal, network })).toString("utf8");
  }
  if (!isAbsolute(where))
    throw vivError("usage", `“${where}” is not an absolute path.`, "Give the catalog's whole path, or an https address.");
  return readFile(where, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT")
      throw vivError("not-found", `There is no file ${where}.`, "Correct vivarium.catalog, or VIVARIUM_CATALOG.");
    throw error;
  });
}

/** What proves something must not be changed on its way; this computer's own loopback has none. */
export function requireTrustedWay(address: string, what: string): void {
  const { protocol, hostname } = new URL(address);
  if (protocol === "https:" || /^(127(\.\d+){3}|\[::1\]|localhost)$/.test(hostname)) return;
  throw vivError(
    "untrusted-input",
    `${what} by http can be changed by anybody on the way: ${address}`,
    "Use an https address, or give the digest: --sha256 HEX",
  );
}
