import type { guestMethods } from "../api/index.ts";
import type { HandlersOf } from "./handler.ts";

export const guestHandlers: HandlersOf<typeof guestMethods> = {};
