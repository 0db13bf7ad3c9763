import type { shareMethods } from "../api/index.ts";
import type { HandlersOf } from "./handler.ts";

export const shareHandlers: HandlersOf<typeof shareMethods> = {};
