import type { imageMethods } from "../api/index.ts";
import type { HandlersOf } from "./handler.ts";

export const imageHandlers: HandlersOf<typeof imageMethods> = {};
