import type { diskMethods } from "../api/index.ts";
import { vivError } from "../model/index.ts";
import type { HandlersOf } from "./handler.ts";

const notYet = async (): Promise<never> => {
  throw vivError("internal", "This is being built.");
};

export const diskHandlers: HandlersOf<typeof diskMethods> = {
  "disk.list": notYet,
  "disk.add": notYet,
  "disk.remove": notYet,
  "disk.resize": notYet,
  "disk.check": notYet,
  "disk.compact": notYet,
  "disk.limit": notYet,
  "media.show": notYet,
  "media.insert": notYet,
  "media.eject": notYet,
};
