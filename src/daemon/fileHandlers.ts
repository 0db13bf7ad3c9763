import type { fileMethods } from "../api/index.ts";
import type { HandlersOf } from "./handler.ts";

export const fileHandlers: HandlersOf<typeof fileMethods> = {};
