import { vivError } from "../../model/index.ts";
import { startThawWatch } from "../guestCare/thawWatch.ts";
import type { Session } from "../session.ts";

/** A frozen Windows thaws itself after 10 s; any guest whose host forgot it would hang for good. */
const thawAfterMs = 8000;
/** In the guest, for a service that died and that nobody starts again. */
const guestThawsAfterSeconds = 10;
const freezeTimeoutMs = 6000;

export interface GuestFreeze {
  /** The watchdog was quicker: the file systems were not still all the time. */
  readonly thawedEarly: boolean;
  thaw(): Promise<void>;
}

/**
 * Has the guest's agent write out and stop its file systems. They are thawed after 8 s whatever the caller does, and where
 * the guest can, by itself after 10 s whatever becomes of this process.
 * @throws VivError `agent-unavailable`, `agent-failed`; the guest is thawed then.
 */
export async function freezeGuest(session: Session): Promise<GuestFreeze> {
  const agent = await session.agent.client();
  // Windows has no need of it, and an agent may be forbidden to run programs.
  await startThawWatch(agent, guestThawsAfterSeconds, { timeoutMs: freezeTimeoutMs }).catch(() => false);
  let over = false;
  let thawedEarly = false;
  const thaw = async () => {
    if (over) return;
    over = true;
    clearTimeout(watchdog);
    await agent.thaw({ timeoutMs: 10_000 }).catch(() => undefined);
  };
  const watchdog = setTimeout(() => {
    thawedEarly = true;
    void thaw();
  }, thawAfterMs);
  try {
    const frozen = await agent.freeze({ timeoutMs: freezeTimeoutMs });
    if (frozen === 0) throw vivError("agent-failed", "The guest's agent found no file system to stop.");
  } catch (error) {
    await thaw();
    throw error;
  }
  return {
    get thawedEarly() {
      return thawedEarly;
    },
    thaw,
  };
}

/** After a crash of vivd: a guest that may still be frozen is thawed. */
export async function thawIfFrozen(session: Session): Promise<void> {
  if (!(await session.agent.look(3000))) return;
  const agent = await session.agent.client();
  await agent.thaw({ timeoutMs: 5000 }).catch(() => undefined);
}
