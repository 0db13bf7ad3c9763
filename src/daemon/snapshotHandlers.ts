import type { snapshotMethods } from "../api/index.ts";
import { vivError } from "../model/index.ts";
import type { HandlersOf } from "./handler.ts";

const notYet = async (): Promise<never> => {
  throw vivError("internal", "This is being built.");
};

export const snapshotHandlers: HandlersOf<typeof snapshotMethods> = {
  "snapshot.list": notYet,
  "snapshot.create": notYet,
  "snapshot.restore": notYet,
  "snapshot.remove": notYet,
  "snapshot.restoreRemoved": notYet,
  "snapshot.empty": notYet,
  "snapshot.edit": notYet,
  "snapshot.thumbnail": notYet,
  "snapshot.compare": notYet,
  "snapshot.adopt": notYet,
};
