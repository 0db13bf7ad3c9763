import type { CheckedParams, guestMethods, Result } from "../api/index.ts";
import {
  addKey,
  agentStatus,
  freezeFilesystems,
  guestPorts,
  guestSystem,
  installAgent,
  listKeys,
  removeKey,
  requireSession,
  setPassword,
  thawFilesystems,
  trimFilesystems,
  upgradeAgent,
} from "../machine/index.ts";
import type { HandlerContext, HandlersOf } from "./handler.ts";

export const guestHandlers: HandlersOf<typeof guestMethods> = {
  "guest.agentStatus": ({ machine }, { world }) => agentStatus(world.library.find(machine), world.guestFolder).then(copied),
  "guest.installAgent": ({ machine }, { world, work }) => installAgent(world.library.find(machine), world.guestFolder, work.signal),
  "guest.upgradeAgent": ({ machine }, { world, work }) => upgradeAgent(world.library.find(machine), world.guestFolder, work.signal),
  "guest.system": ({ machine }, { world, work }) => guestSystem(world.library.find(machine), work.signal).then(copied),
  "guest.ports": ({ machine }, { world, work }) => guestPorts(world.library.find(machine), work.signal),
  "guest.watchPorts": watchPorts,
  "guest.listKeys": ({ machine, user }, { world, work }) => listKeys(world.library.find(machine), user, work.signal),
  "guest.addKey": ({ machine, user, key }, { world, work }) => addKey(world.library.find(machine), user, key, work.signal),
  "guest.removeKey": ({ machine, user, key }, { world, work }) => removeKey(world.library.find(machine), user, key, work.signal),
  "guest.setPassword": ({ machine, user, password }, { world, work }) =>
    setPassword(world.library.find(machine), user, password, work.signal),
  "guest.trim": ({ machine }, { world, work }) => trimFilesystems(world.library.find(machine), work.signal),
  "guest.freeze": ({ machine, seconds }, { world, work }) => freezeFilesystems(world.library.find(machine), seconds, work.signal),
  "guest.thaw": ({ machine }, { world }) => thawFilesystems(world.library.find(machine)),
};

async function watchPorts(
  { machine: name }: CheckedParams<"guest.watchPorts">,
  context: HandlerContext,
): Promise<Result<"guest.watchPorts">> {
  const machine = context.world.library.find(name);
  if (!(await requireSession(machine).vivAgent.find())) return { stream: null };
  const watch = await context.world.portWatches.open(machine);
  const stream = await context.openStream(async (_send, end) => {
    void watch.ended.then(() => end("ended"));
    return { receive: () => undefined, close: () => watch.close() };
  });
  return { stream };
}

type Mutable<T> = T extends readonly (infer E)[] ? Mutable<E>[] : T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;

/** A result of the API is the caller's own. */
function copied<T>(value: T): Mutable<T> {
  return structuredClone(value) as Mutable<T>;
}
