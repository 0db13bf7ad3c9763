import type { shareMethods } from "../api/index.ts";
import { addShare, examineShares, listShares, removeShare, shareFacts } from "../machine/index.ts";
import type { HandlersOf } from "./handler.ts";

export const shareHandlers: HandlersOf<typeof shareMethods> = {
  "share.list": async ({ machine }, { world }) => listShares(world.library.find(machine)),
  "share.add": async ({ machine: name, ...share }, { world, work }) => {
    const machine = world.library.find(name);
    return shareFacts(machine, await addShare(machine, share, work));
  },
  "share.remove": async ({ machine, tag }, { world, work }) => {
    await removeShare(world.library.find(machine), tag, work);
    return {};
  },
  "share.doctor": async ({ machine }, { world, work }) => {
    const { ways, best } = await examineShares(world.library.find(machine), work);
    return { ways: [...ways], best };
  },
};
