import { randomBytes, randomUUID } from "node:crypto";
import { asVivError, type Definition, type StateFile } from "../../model/index.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";

/**
 * A clone is another machine: its own UUID, MAC addresses and keys from the host's side. What lies in the guest's disks
 * (machine-id, host name, SSH host keys) is changed by its agent, the first time it answers.
 */

/** The definition of a clone. Fixed host ports are left to be chosen, since the first machine has them. */
export function cloneDefinition(definition: Definition, name: string): Definition {
  return {
    ...definition,
    id: randomUUID(),
    name,
    networks: definition.networks.map((network) => ({
      ...network,
      mac: randomMac(),
      ...(network.mode === "nat" ? { forwards: network.forwards.map(({ hostPort: _port, ...forward }) => forward) } : {}),
    })) as Definition["networks"],
  };
}

/** QEMU's own prefix, then 24 random bits. */
function randomMac(): string {
  return `52:54:00:${[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`;
}

/** What the guest is to become, kept in state.json until it is. */
export function pendingIdentity(name: string): NonNullable<StateFile["identity"]> {
  return { hostname: name, machineId: randomBytes(16).toString("hex") };
}

const scriptTimeoutMs = 60_000;

/** Tells the guest who it is, once; one that cannot be told is asked again at its next start. */
export async function settleIdentity(machine: Machine, session: Session): Promise<void> {
  const { identity } = machine.state;
  if (!identity || machine.session !== session) return;
  try {
    const agent = await session.agent.client();
    const system = await agent.osInfo().catch(() => undefined);
    if (/windows/i.test(system?.id ?? system?.name ?? ""))
      machine.host.notice(
        machine,
        "warning",
        "This clone still has the identity of the first machine inside Windows.",
        "Run sysprep in it.",
      );
    else {
      const { exitCode, stderr } = await agent.exec(
        { program: "/bin/sh", args: ["-c", script, "sh", identity.hostname, identity.machineId] },
        { timeoutMs: scriptTimeoutMs },
      );
      if (exitCode !== 0) throw new Error(stderr.toString("utf8").trim() || `exit code ${exitCode}`);
    }
    await machine.record(({ identity: _done, ...state }) => state);
  } catch (error) {
    machine.host.notice(
      machine,
      "warning",
      `The clone's identity in the guest could not be set: ${asVivError(error).message}`,
      "It is tried again at its next start.",
    );
  }
}

/**
 * POSIX sh, of a guest of any distribution: $1 host name, $2 machine-id. systemd takes the new machine-id up at the next
 * boot; what reads the file has it at once. Host keys are made anew where OpenSSH keeps them on the disk.
 */
const script = `
set -e
name=$1 id=$2
old=$(cat /etc/hostname 2>/dev/null || hostname)
if [ "$old" != "$name" ]; then
  if command -v hostnamectl >/dev/null 2>&1 && hostnamectl set-hostname "$name" 2>/dev/null; then :; else
    echo "$name" >/etc/hostname
    hostname "$name" 2>/dev/null || echo "$name" >/proc/sys/kernel/hostname
  fi
  [ -w /etc/hosts ] && [ -n "$old" ] && sed "s/\\([[:space:]]\\)$old\\([[:space:]]\\|\\$\\)/\\1$name\\2/g" /etc/hosts >/etc/hosts.new && cat /etc/hosts.new >/etc/hosts
  rm -f /etc/hosts.new
fi
if [ -e /etc/machine-id ]; then
  # Where another file system lies over it, what is below counts at the next boot.
  echo "$id" >/etc/machine-id
  if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then echo "$id" >/var/lib/dbus/machine-id; fi
fi
if command -v ssh-keygen >/dev/null 2>&1 && ls /etc/ssh/ssh_host_*_key >/dev/null 2>&1; then
  rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
  ssh-keygen -A >/dev/null
  for service in ssh sshd; do
    if command -v systemctl >/dev/null 2>&1; then systemctl try-restart $service >/dev/null 2>&1 || :
    elif [ -x /etc/init.d/$service ]; then /etc/init.d/$service restart >/dev/null 2>&1 || :; fi
  done
fi
sync
`;
