import type { transferMethods } from "../api/index.ts";
import { vivError } from "../model/index.ts";
import type { HandlersOf } from "./handler.ts";

const notYet = async (): Promise<never> => {
  throw vivError("internal", "This is being built.");
};

export const transferHandlers: HandlersOf<typeof transferMethods> = {
  "machine.clone": notYet,
  "machine.export": notYet,
  "machine.import": notYet,
  "image.inspect": notYet,
  "image.check": notYet,
  "image.convert": notYet,
  "prune.list": notYet,
  "prune.run": notYet,
};
