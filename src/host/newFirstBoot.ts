import { join } from "node:path";
import { keepPassword, type MachinePaths, parseUserData, writeFileAtomically } from "../machine/index.ts";
import { type Definition, FirstBoot, firstBootWay, vivError } from "../model/index.ts";
import type { Image } from "./images/index.ts";

/** The first boot of a new machine, as it was asked for; see CreateRequest of the API. */
export interface NewFirstBoot {
  readonly firstBoot?: FirstBoot | undefined;
  /** The text of a cloud-config file. */
  readonly userData?: string | undefined;
  readonly password?: string | undefined;
}

const userDataName = "user-data.yaml";

/** @throws VivError `usage` with line and column for user-data that does not parse. */
export function requireFirstBoot({ userData }: NewFirstBoot): void {
  if (userData !== undefined) parseUserData(userData, "user-data");
}

/** Images that have cloud-init get a first boot unasked: how else would anybody log in? The first user is whom `viv ssh` is. */
export function withFirstBoot(definition: Definition, request: NewFirstBoot, image: Pick<Image, "firstBoot"> | undefined): Definition {
  const asked = request.firstBoot !== undefined || request.userData !== undefined || request.password !== undefined;
  if (!asked && image?.firstBoot !== "cloud-init") return definition;
  const firstBoot = {
    ...(request.firstBoot ?? FirstBoot.parse({})),
    ...(request.userData === undefined ? {} : { userData: userDataName }),
  };
  const [user] = firstBoot.users;
  return { ...definition, firstBoot, ...(user ? { guestUser: user.name } : {}) };
}

/** What is no part of vm.json: the file beside it, and the password's hash among the keys. */
export async function keepFirstBoot(paths: MachinePaths, definition: Definition, { userData, password }: NewFirstBoot): Promise<void> {
  if (userData !== undefined) {
    if (firstBootWay(definition) !== "cloud-init")
      throw vivError("usage", "User-data is read by cloud-init, which this guest has not.", "Use --script, or an image with cloud-init.");
    await writeFileAtomically(join(paths.folder, userDataName), userData, { durable: true });
  }
  if (password !== undefined) await keepPassword(paths, definition.guestUser, password);
}
