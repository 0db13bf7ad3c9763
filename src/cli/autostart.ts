import { join } from "node:path";
import { vivError } from "../model/index.ts";

/** How a system starts vivd at login and tells it that the user's session ends. Pure. */
export interface AutostartPlan {
  /** The one file it is made of; none where the system keeps it itself (Windows). */
  readonly file?: { readonly path: string; readonly text: string };
  /** Run after the file is there. */
  readonly enable: readonly (readonly string[])[];
  /** Run before the file is removed. */
  readonly disable: readonly (readonly string[])[];
}

export interface AutostartFacts {
  readonly platform: NodeJS.Platform;
  readonly userHome: string;
  /** Vivarium's home. */
  readonly home: string;
  /** What runs vivd: executable, then its arguments. */
  readonly service: readonly string[];
}

/**
 * Linux: a systemd user unit; vivd asks systemd on SIGTERM whether the session ends and then suspends or stops its
 * machines (src/daemon/hostShutdown.ts). macOS: a LaunchAgent. Windows: a task at logon.
 * @throws VivError `host-cannot` elsewhere.
 */
export function autostartPlan(facts: AutostartFacts): AutostartPlan {
  switch (facts.platform) {
    case "linux":
      return systemdUnit(facts);
    case "darwin":
      return launchAgent(facts);
    case "win32":
      return logonTask(facts);
    default:
      throw vivError("host-cannot", `There is no way to start the service at login on ${facts.platform}.`);
  }
}

const unitName = "vivarium.service";

/** systemd.service(5): `%` and `$` mean something in ExecStart, quotes keep spaces. */
function systemdUnit({ userHome, home, service }: AutostartFacts): AutostartPlan {
  const word = (text: string) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%").replaceAll("$", "$$$$")}"`;
  const text = [
    "[Unit]",
    "Description=Vivarium, virtual machines in the editor",
    "",
    "[Service]",
    `ExecStart=${[...service, "--home", home].map(word).join(" ")}`,
    "Environment=VIVARIUM_IDLE_EXIT_MS=never VIVARIUM_RUNTIME=here",
    "Restart=on-failure",
    "# Only the service is told: its machines are suspended or stopped by it.",
    "KillMode=process",
    "TimeoutStopSec=90",
    "",
    "[Install]",
    "WantedBy=default.target",
    "",
  ].join("\n");
  return {
    file: { path: join(userHome, ".config", "systemd", "user", unitName), text },
    enable: [
      ["systemctl", "--user", "daemon-reload"],
      ["systemctl", "--user", "enable", "--now", unitName],
    ],
    disable: [["systemctl", "--user", "disable", "--now", unitName]],
  };
}

const agentLabel = "dev.vivarium.vivd";

function launchAgent({ userHome, home, service }: AutostartFacts): AutostartPlan {
  const path = join(userHome, "Library", "LaunchAgents", `${agentLabel}.plist`);
  const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const words = [...service, "--home", home].map((word) => `    <string>${escaped(word)}</string>`);
  const text = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0"><dict>',
    `  <key>Label</key><string>${agentLabel}</string>`,
    "  <key>ProgramArguments</key><array>",
    ...words,
    "  </array>",
    "  <key>EnvironmentVariables</key><dict>",
    "    <key>VIVARIUM_IDLE_EXIT_MS</key><string>never</string>",
    "    <key>VIVARIUM_RUNTIME</key><string>here</string>",
    "  </dict>",
    "  <key>RunAtLoad</key><true/>",
    "  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>",
    "  <key>AbandonProcessGroup</key><true/>",
    "  <key>ExitTimeOut</key><integer>90</integer>",
    "</dict></plist>",
    "",
  ].join("\n");
  return { file: { path, text }, enable: [["launchctl", "load", "-w", path]], disable: [["launchctl", "unload", "-w", path]] };
}

function logonTask({ home, service }: AutostartFacts): AutostartPlan {
  const command = [...service, "--home", home].map((word) => `"${word}"`).join(" ");
  return {
    enable: [["schtasks", "/Create", "/F", "/SC", "ONLOGON", "/RL", "LIMITED", "/TN", "Vivarium", "/TR", command]],
    disable: [["schtasks", "/Delete", "/F", "/TN", "Vivarium"]],
  };
}
