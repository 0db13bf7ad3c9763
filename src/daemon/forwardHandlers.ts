import type { forwardMethods } from "../api/index.ts";
import { addForward, listForwards, removeForward } from "../machine/index.ts";
import type { HandlersOf } from "./handler.ts";

export const forwardHandlers: HandlersOf<typeof forwardMethods> = {
  "forward.list": async ({ machine: name }, { world }) => {
    const machine = world.library.find(name);
    await machine.refreshDefinition();
    return listForwards(machine);
  },
  "forward.add": async ({ machine, ...request }, { world, work }) => addForward(world.library.find(machine), request, work),
  "forward.remove": async ({ machine, ...which }, { world, work }) => {
    await removeForward(world.library.find(machine), which, work);
    return {};
  },
};
