import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { asVivError, type StateFile, vivError } from "../../model/index.ts";
import { deferred, type VivAgent } from "../../qemu/index.ts";
import { openWithheld } from "../forwards/index.ts";
import { guestCommand, hasAgent } from "../guestCommand.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import { keyFiles } from "../sshKeys.ts";
import { publicKey } from "./identity.ts";
import { identityScript } from "./identityScript.ts";
import { inTurn } from "./keyTurns.ts";

/**
 * The guest of a clone becomes another one: host name, machine-id, SSH host keys and who may log in are changed by its
 * agent, the first time one answers. A clone that goes on with saved memory has no forward to SSH before that: nobody
 * meets the first machine's keys at its address.
 */

/** Under emulation making an RSA key may take a minute. */
const scriptTimeoutMs = 180_000;
/** A woken guest's agent answers within a second; after this one counts as having none. */
const withoutAgentMs = 20_000;

const lookMs = 5000;

interface Settling {
  /** The guest is itself as far as programs in it can tell. */
  readonly itself: Promise<void>;
  /** Also its SSH keys are its own. */
  readonly whole: Promise<void>;
}

const settling = new WeakMap<Session, Settling>();

/**
 * Tells the guest who it is, once; one that cannot be told is asked again at its next start. A fork is itself after one
 * message, and its keys are made meanwhile; for a clone both are one. Never throws.
 */
export function settleIdentity(machine: Machine, session: Session): Promise<void> {
  return settlingOf(machine, session).itself;
}

function settlingOf(machine: Machine, session: Session): Settling {
  const running = settling.get(session);
  if (running !== undefined) return running;
  const quick = becomeQuickly(machine, session);
  const rest = (done: boolean) => (done ? inTurn(() => settle(machine, session)) : settle(machine, session));
  const whole = quick.then(rest).finally(() => settling.delete(session));
  const attempt: Settling = { itself: quick.then((done) => (done ? undefined : whole)), whole };
  settling.set(session, attempt);
  return attempt;
}

/**
 * Sees to it that a guest that goes on as a clone becomes itself, also one that another vivd woke; then its forward to SSH
 * is opened and `onOpened` called. Without an agent it is opened after a while, and that is said. @returns ends the watch.
 */
export function watchIdentity(machine: Machine, session: Session, onOpened: () => void): () => void {
  if (!machine.state.run?.withheld && machine.state.identity === undefined) return () => undefined;
  let ended = false;
  let opening: Promise<void> | undefined;
  // Both agents' ports tell, one after the other.
  const openOnce = () => {
    opening ??= open(machine, session).then(onOpened);
    return opening;
  };
  const attempt = async () => {
    await settlingOf(machine, session).whole;
    if (ended || machine.state.identity !== undefined || !machine.state.run?.withheld) return;
    await openOnce();
  };
  const listening = session.qmp.on("VSERPORT_CHANGE", (event) => {
    if (event.open) void attempt();
  });
  // Nobody tells of a port that was opened while nobody listened.
  void isOpen(session).then(async (already) => {
    if (already && !session.agent.connected) await session.agent.look(lookMs);
    if (already) await attempt();
  });
  const late = () => {
    if (ended || !machine.state.run?.withheld) return;
    // It is at it, or waits for its turn: nobody may meet the first machine's keys meanwhile.
    if (settling.has(session)) {
      timer = setTimeout(late, withoutAgentMs);
      return;
    }
    if (machine.state.identity !== undefined)
      machine.host.notice(
        machine,
        "warning",
        "No agent answers in the guest, so it still has the first machine's host name, machine-id and SSH keys.",
        "Install qemu-guest-agent in the first machine, or change them by hand.",
      );
    void openOnce();
  };
  let timer = setTimeout(late, withoutAgentMs);
  return () => {
    ended = true;
    clearTimeout(timer);
    listening.dispose();
  };
}

/** Has the guest its end of qemu-guest-agent's port open? QEMU's word. */
async function isOpen(session: Session): Promise<boolean> {
  const ports = await session.qmp.execute("query-chardev").catch(() => []);
  return ports.some(({ label, "frontend-open": isOpenThere }) => label === "agent" && isOpenThere);
}

async function open(machine: Machine, session: Session): Promise<void> {
  await openWithheld(machine, session).catch((error: unknown) => {
    if (machine.session === session)
      machine.host.notice(machine, "warning", `The forward to its SSH port could not be opened: ${asVivError(error).message}`);
  });
}

async function settle(machine: Machine, session: Session): Promise<void> {
  const { identity } = machine.state;
  if (!identity || machine.session !== session) return;
  try {
    const done = await become(machine, session, identity);
    if (done) await machine.record(({ identity: _done, ...state }) => state);
  } catch (error) {
    if (machine.session !== session) return;
    machine.host.notice(
      machine,
      "warning",
      `The clone's identity in the guest could not be set: ${asVivError(error).message}`,
      "It is tried again at its next start.",
    );
  }
}

/** @returns false where viv-agent does not answer or does not know how: the rest does it all, and takes its time */
async function becomeQuickly(machine: Machine, session: Session): Promise<boolean> {
  const { identity } = machine.state;
  if (!identity?.quick || machine.session !== session) return false;
  const agent = await vivAgentSoon(session);
  if (!agent?.abilities.has("identify")) return false;
  const failure = await tellIdentity(agent, identity).catch((error: unknown) => asVivError(error).message);
  if (failure !== undefined)
    machine.host.notice(machine, "warning", `The fork's clock, host name or machine-id could not be set: ${failure}`);
  return failure === undefined;
}

/** Between the two agents' ports: QEMU opens both when the guest goes on, one after the other. */
const otherPortMs = 1000;

async function vivAgentSoon(session: Session): Promise<VivAgent | undefined> {
  // Listened to before it is asked: the other port's event may be in the same read.
  const opened = deferred<void>();
  const stop = session.vivAgent.onOpened(opened.resolve);
  const timer = setTimeout(opened.resolve, otherPortMs);
  try {
    const found = await session.vivAgent.find();
    if (found) return found;
    await opened.promise;
    return await session.vivAgent.find();
  } finally {
    clearTimeout(timer);
    stop();
  }
}

/** @returns what to say of a guest that could not do all of it */
async function tellIdentity(agent: VivAgent, { hostname, machineId }: NonNullable<StateFile["identity"]>): Promise<string | undefined> {
  const entropy = randomBytes(64).toString("hex");
  const nanoseconds = BigInt(Date.now()) * 1_000_000n;
  const failures = await agent.identify(`time ${nanoseconds}\nentropy ${entropy}\nhostname ${hostname}\nmachine-id ${machineId}\n`);
  return failures === 0 ? undefined : `${failures} of them were refused by the guest`;
}

/** @returns false where no agent answers */
async function become(machine: Machine, session: Session, identity: NonNullable<StateFile["identity"]>): Promise<boolean> {
  if (!(await hasAgent(session))) return false;
  // viv-agent does not run in Windows.
  if ((await session.vivAgent.find()) === undefined && (await isWindows(session))) {
    machine.host.notice(machine, "warning", "This clone still has the identity of the first machine inside Windows.", "Run sysprep in it.");
    return true;
  }
  const words = [
    ...["/bin/sh", "-c", identityScript, "sh", identity.hostname, identity.machineId],
    ...[(await publicKey(machine.paths)) ?? "", identity.loginKeysBefore.join(" "), how(machine, identity)],
  ];
  const hostKey = await readFile(keyFiles(machine.paths).host).catch(() => Buffer.alloc(0));
  const { exitCode, stderr } = await guestCommand(session, words, { stdin: hostKey, timeoutMs: scriptTimeoutMs });
  if (exitCode !== 0) throw vivError("agent-failed", stderr.trim().slice(-500) || `exit code ${exitCode ?? "none"}`);
  return true;
}

function how({ state }: Machine, { quick }: NonNullable<StateFile["identity"]>): "woken" | "booted" | "forked" {
  if (!state.run?.woken) return "booted";
  return quick ? "forked" : "woken";
}

async function isWindows(session: Session): Promise<boolean> {
  const agent = await session.agent.client();
  const system = await agent.osInfo().catch(() => undefined);
  return /windows/i.test(system?.id ?? system?.name ?? "");
}
