import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Work } from "../../machine/index.ts";
import { type Architecture, type CatalogImage, catalogFile, parseBytes, vivError } from "../../model/index.ts";
import { requireWebAddress } from "../download/index.ts";
import { type OpenCatalog, openCatalog } from "./catalog.ts";
import { type DigestAlgorithm, parseDigest } from "./checksums.ts";
import { nameOfFile } from "./importImage.ts";
import type { PullContext, PullRequest } from "./pull.ts";
import type { SigningKey } from "./signature.ts";

/** What is to be fetched and what will prove it. */
export interface PullSource {
  readonly name: string;
  readonly title: string;
  readonly description?: string | undefined;
  readonly url: URL;
  readonly catalog?: string | undefined;
  readonly architecture?: Architecture | undefined;
  readonly firmware?: "bios" | "uefi" | undefined;
  readonly login?: string | undefined;
  readonly minimumMemoryBytes?: number | undefined;
  readonly firstBoot?: "cloud-init" | "none" | undefined;
  readonly agents?: readonly string[] | undefined;
  readonly notes?: readonly string[] | undefined;
  readonly proof: Proof;
}

export type Proof =
  | { readonly kind: "digest"; readonly algorithm: DigestAlgorithm; readonly hex: string }
  | {
      readonly kind: "checksums";
      readonly url: string;
      /** Its name in the list. */
      readonly file: string;
      /** Absent: whichever the list has. */
      readonly algorithm: DigestAlgorithm | undefined;
      readonly signature?: { readonly kind: "clear-signed" } | { readonly kind: "detached"; readonly url: string } | undefined;
      keys(): Promise<SigningKey[]>;
    };

/** @throws VivError `usage`, `not-found` (no such name, or not for this architecture), and what opening the catalog throws. */
export async function sourceOf(request: PullRequest, context: PullContext, work: Work): Promise<PullSource> {
  const open = () =>
    openCatalog({ catalog: request.catalog, mediaFolder: context.mediaFolder, network: request.network, signal: work.signal });
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(request.source) ? urlSource(request, open) : catalogSource(request, await open(), context);
}

function catalogSource(request: PullRequest, catalog: OpenCatalog, { hostArchitecture }: PullContext): PullSource {
  if (request.digest !== undefined || request.checksums !== undefined)
    throw vivError("usage", "An image of the catalog has its proof there.", "A digest or a list of checksums belongs to a URL.");
  const image = requireInCatalog(catalog, request.source);
  const architecture = request.architecture ?? hostArchitecture;
  const file = catalogFile(image, architecture);
  if (!file) {
    const stated = image.architectures[architecture];
    if ("builtIn" in stated) throw vivError("exists", `${image.name} came with Vivarium.`, `Use it: viv create NAME --image ${image.name}`);
    const why = "absent" in stated ? stated.absent : "";
    throw vivError("not-found", `There is no ${image.name} for ${architecture}: ${why}`, "Choose another image: viv image catalog");
  }
  const { checksums } = file;
  return {
    name: request.name ?? image.name,
    title: image.title,
    description: image.description,
    url: requireWebAddress(file.url),
    catalog: image.name,
    architecture,
    firmware: file.firmware,
    login: image.login,
    minimumMemoryBytes: parseBytes(image.minimumMemory),
    firstBoot: image.firstBoot,
    agents: image.agents,
    notes: image.notes,
    proof: {
      kind: "checksums",
      url: checksums.url,
      file: file.file ?? lastPart(new URL(file.url)),
      algorithm: checksums.algorithm,
      signature: checksums.signature,
      keys: () => Promise.all((checksums.signature?.keys ?? []).map((key) => catalog.key(key))),
    },
  };
}

/** @throws VivError `not-found` with names that begin alike. */
export function requireInCatalog({ images }: OpenCatalog, name: string): CatalogImage {
  const found = images.find((image) => image.name === name);
  if (found) return found;
  const stem = name.split(":")[0] ?? name;
  const near = images.map((image) => image.name).filter((other) => other.startsWith(stem));
  throw vivError(
    "not-found",
    `There is no image ${name} in the catalog.`,
    near.length > 0 ? `There is: ${near.join(", ")}.` : "List it: viv image catalog",
  );
}

async function urlSource(request: PullRequest, open: () => Promise<OpenCatalog>): Promise<PullSource> {
  const url = requireWebAddress(request.source);
  return {
    name: request.name ?? nameOfFile(lastPart(url)),
    title: lastPart(url),
    url,
    architecture: request.architecture,
    firmware: request.firmware,
    login: request.login,
    firstBoot: request.firstBoot,
    proof: await proofOf(request, url, open),
  };
}

async function proofOf(request: PullRequest, url: URL, open: () => Promise<OpenCatalog>): Promise<Proof> {
  const { digest, checksums, signature, keyFile } = request;
  if (digest !== undefined && checksums === undefined) return { kind: "digest", ...digestProof(digest) };
  if (digest !== undefined)
    throw vivError("usage", "A digest and a list of checksums exclude each other.", "Give one of --sha256 and --checksums.");
  if (checksums === undefined)
    throw vivError(
      "usage",
      "A URL alone proves nothing: the image could be anybody's.",
      "Add what its publisher says: --sha256 HEX, or --checksums URL with --signature URL.",
    );
  requireWebAddress(checksums);
  if (signature !== undefined && signature !== "inside") requireWebAddress(signature);
  if (keyFile !== undefined && signature === undefined)
    throw vivError(
      "usage",
      "A key without a signature proves nothing.",
      "Add --signature URL, or --signature inside for a clear-signed list.",
    );
  return {
    kind: "checksums",
    url: checksums,
    file: lastPart(url),
    algorithm: undefined,
    signature:
      signature === undefined ? undefined : signature === "inside" ? { kind: "clear-signed" } : { kind: "detached", url: signature },
    keys: () => (keyFile === undefined ? catalogKeys(open) : ownKey(keyFile)),
  };
}

function digestProof(text: string): { algorithm: DigestAlgorithm; hex: string } {
  return parseDigest(text);
}

/** Any publisher of the catalog may have signed it. */
async function catalogKeys(open: () => Promise<OpenCatalog>): Promise<SigningKey[]> {
  const catalog = await open();
  const names = catalog.images.flatMap((image) =>
    (["x86_64", "aarch64"] as const).flatMap((architecture) => catalogFile(image, architecture)?.checksums.signature?.keys ?? []),
  );
  return Promise.all([...new Set(names)].map((name) => catalog.key(name)));
}

async function ownKey(file: string): Promise<SigningKey[]> {
  const armored = await readFile(file, "utf8").catch((error: unknown) => {
    throw vivError("not-found", `The key ${file} cannot be read.`, "Give an armoured OpenPGP public key.", error);
  });
  return [{ owner: basename(file), fingerprint: undefined, armored }];
}

function lastPart(url: URL): string {
  return decodeURIComponent(url.pathname.split("/").filter(Boolean).at(-1) ?? url.hostname);
}
