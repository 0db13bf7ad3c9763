import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";

/** A libvirtd of the system, started here when none runs. @throws where there is none: a tier that cannot run fails. */
export async function withLibvirt(use: (virsh: (...args: string[]) => string) => Promise<void>): Promise<void> {
  const virsh = (...args: string[]) =>
    execFileSync("virsh", ["-q", "-c", "qemu:///system", ...args], { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  const answers = () => {
    try {
      virsh("version");
      return true;
    } catch {
      return false;
    }
  };
  const pids: number[] = [];
  if (!answers()) {
    for (const [program, pidFile] of [
      ["virtlogd", "/run/virtlogd.pid"],
      ["libvirtd", "/run/libvirtd.pid"],
    ] as const) {
      if (existsSync(pidFile) && existsSync(`/proc/${(await readFile(pidFile, "utf8")).trim()}`)) continue;
      execFileSync(program, ["-d"], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
      pids.push(Number(await readFile(pidFile, "utf8")));
    }
    for (let tries = 0; !answers(); tries += 1) {
      assert.ok(tries < 100, "libvirtd does not answer");
      await new Promise((wake) => setTimeout(wake, 100));
    }
  }
  try {
    await use(virsh);
  } finally {
    for (const pid of pids.reverse()) process.kill(pid, "SIGTERM");
  }
}
