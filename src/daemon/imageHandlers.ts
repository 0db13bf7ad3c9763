import { join } from "node:path";
import type { CatalogEntry, CheckedParams, ImageView, imageMethods, Result } from "../api/index.ts";
import {
  type Image,
  imageUpdates,
  imageUsers,
  importImage,
  listImages,
  openCatalog,
  type PullContext,
  pullImage,
  removeImage,
  requireNamed,
  usersOf,
  verifyImage,
} from "../host/index.ts";
import { Architecture, type CatalogImage, catalogFile, parseBytes } from "../model/index.ts";
import type { HandlerContext, HandlersOf } from "./handler.ts";
import type { World } from "./world.ts";

export const imageHandlers: HandlersOf<typeof imageMethods> = {
  "image.list": async ({ usage }, { world }) => list(usage, world),
  "image.catalog": catalog,
  "image.pull": async (params, { world, work }) => {
    const { image, ...outcome } = await pullImage(params, await pullContext(world), work);
    return { image: imageView(image), ...outcome };
  },
  "image.import": async (params, { world, work }) => {
    const { image, notes } = await importImage(params, await pullContext(world), work);
    return { image: imageView(image), notes };
  },
  "image.remove": async (choice, { world }) => removeImage(await find(choice, world), world.home),
  "image.verify": async (choice, { world, work }) => {
    const image = await find(choice, world);
    const { verifiedAt } = await verifyImage(image, world.home, work);
    return { image: imageView({ ...image, verifiedAt }), verifiedAt };
  },
  "image.updates": async (params, { world, work }) =>
    (await imageUpdates(params, await pullContext(world), work)).map(({ image, available, problem }) => ({
      name: image.name,
      architecture: image.architecture,
      available,
      ...(problem === undefined ? {} : { problem }),
    })),
};

function find(choice: CheckedParams<"image.remove">, world: World): Promise<Image> {
  return requireNamed(world.guestFolder, world.home.images, choice);
}

async function list(usage: boolean, world: World): Promise<ImageView[]> {
  const images = await listImages(world.guestFolder, world.home.images);
  if (!usage) return images.map(imageView);
  const users = await imageUsers(world.home);
  return images.map((image) => ({ ...imageView(image), usedBy: usersOf(users, image) }));
}

async function pullContext(world: World): Promise<PullContext> {
  return {
    home: world.home,
    hostArchitecture: await world.hostArchitecture(),
    mediaFolder: mediaFolder(world),
    toolchain: () => world.toolchains.current(),
  };
}

/** Beside dist/, in a checkout and in an installed extension. */
function mediaFolder({ distFolder }: World): string | undefined {
  return distFolder === undefined ? undefined : join(distFolder, "..", "media");
}

async function catalog(place: CheckedParams<"image.catalog">, { world, work }: HandlerContext): Promise<Result<"image.catalog">> {
  const { images } = await openCatalog({ ...place, mediaFolder: mediaFolder(world), signal: work.signal });
  const here = await listImages(world.guestFolder, world.home.images);
  return images.map((image) => catalogEntry(image, here));
}

function catalogEntry(image: CatalogImage, here: readonly Image[]): CatalogEntry {
  const { name, title, description, login, firstBoot, agents, notes, lookedUp } = image;
  return {
    name,
    title,
    description,
    login,
    firstBoot,
    agents: [...agents],
    notes: [...notes],
    lookedUp,
    minimumMemoryBytes: parseBytes(image.minimumMemory) ?? 0,
    architectures: Architecture.options.map((architecture) => {
      const file = catalogFile(image, architecture);
      const stated = image.architectures[architecture];
      return {
        architecture,
        here: here.some((other) => other.name === name && other.architecture === architecture),
        ...(file ? { url: file.url, firmware: file.firmware, signed: file.checksums.signature !== undefined } : {}),
        ...("absent" in stated ? { absent: stated.absent } : {}),
      };
    }),
  };
}

export function imageView(image: Image): ImageView {
  const { name, title, architecture, bytes, version, source, description, login, minimumMemoryBytes, origin } = image;
  return {
    name,
    title,
    architecture,
    bytes,
    version,
    source,
    description,
    login,
    minimumMemoryBytes,
    agents: [...(image.agents ?? [])],
    notes: [...(image.notes ?? [])],
    ...(image.diskVirtualBytes === undefined ? {} : { diskBytes: image.diskVirtualBytes }),
    ...(image.kernel === undefined ? (image.firmware === undefined ? {} : { firmware: image.firmware }) : { firmware: "direct-kernel" }),
    ...(image.firstBoot === undefined ? {} : { firstBoot: image.firstBoot }),
    ...(image.addedAt === undefined ? {} : { addedAt: image.addedAt }),
    ...(image.verifiedAt === undefined ? {} : { verifiedAt: image.verifiedAt }),
    ...(image.disk !== undefined && image.sha256[image.disk] !== undefined ? { sha256: image.sha256[image.disk] } : {}),
    ...(origin === undefined ? {} : { origin: originView(origin) }),
  };
}

function originView(origin: NonNullable<Image["origin"]>): NonNullable<ImageView["origin"]> {
  if (origin.kind === "import") return { kind: "import", from: origin.file };
  const { url, ...rest } = origin;
  return { ...rest, from: url };
}
