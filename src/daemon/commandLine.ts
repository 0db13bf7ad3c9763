import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { thisBuild } from "../api/index.ts";
import { readTextIfPresent, writeFileAtomically } from "../machine/index.ts";
import { vivError } from "../model/index.ts";
import { copyProgram, removeOtherCopies } from "./copyProgram.ts";

/**
 * `viv` as it is installed: `<home>/bin/viv`, a small launcher of a copy of the program in the home, on the runtime that
 * runs this service (the bundle's Node; with a VSIX that has no bundle, the editor's). Neither the editor's folder nor,
 * with a bundle, its executable is in use while `viv` runs.
 */

export interface InstalledCommandLine {
  readonly launcher: string;
  readonly runtime: string;
}

/** A `viv` that runs (an SSH session, a console) may still load a part of its build. */
const keptBuilds = 2;

/** @throws VivError `host-cannot` when this service runs from the sources. */
export async function installCommandLine(home: string, dist: string | undefined): Promise<InstalledCommandLine> {
  const from = dist === undefined ? undefined : join(dist, "viv.js");
  if (dist === undefined || from === undefined || !existsSync(from)) {
    throw vivError("host-cannot", "This service has no built viv beside it.", "In a checkout: npm run build, then node dist/viv.js");
  }
  const folder = join(home, "bin", `viv-${thisBuild.build}`);
  const script = await copyProgram(from, "viv-parts", folder);
  const launcher = launcherFile(home);
  await writeFileAtomically(launcher, launcherText({ runtime: process.execPath, script, dist, home, ...hostFacts(home) }), { mode: 0o755 });
  await removeOtherCopies(folder, "viv-", keptBuilds);
  return { launcher, runtime: process.execPath };
}

/** After an update: whoever has installed `viv` has the new one, without asking for it. */
export async function renewCommandLine(home: string, dist: string | undefined): Promise<void> {
  const text = await readTextIfPresent(launcherFile(home));
  const isOurs = text?.includes(join(home, "bin", "viv-")) ?? false;
  if (!isOurs || text?.includes(`viv-${thisBuild.build}`) || dist === undefined || !existsSync(join(dist, "viv.js"))) return;
  await installCommandLine(home, dist);
}

export function launcherFile(home: string): string {
  return join(home, "bin", process.platform === "win32" ? "viv.cmd" : "viv");
}

interface Launched {
  readonly runtime: string;
  readonly script: string;
  /** Where vivd.js, the bundle and the guests are (world.ts). */
  readonly dist: string;
  readonly home: string;
  readonly isUsualHome: boolean;
  readonly isElectron: boolean;
  readonly platform: NodeJS.Platform;
}

function hostFacts(home: string): Pick<Launched, "isUsualHome" | "isElectron" | "platform"> {
  return {
    // Where `viv` looks when nobody says otherwise (api/endpoint.ts).
    isUsualHome: home === join(homedir(), ".vivarium"),
    isElectron: process.versions["electron"] !== undefined,
    platform: process.platform,
  };
}

/** Electron has to be told that it is to be Node; a home that is not the usual one has to be named. */
export function launcherText({ runtime, script, dist, home, isUsualHome: isUsual, isElectron, platform }: Launched): string {
  if (platform === "win32") {
    return [
      "@echo off",
      "rem Vivarium's command line, written by vivd",
      "setlocal",
      ...(isUsual ? [] : [`if not defined VIVARIUM_HOME set "VIVARIUM_HOME=${home}"`]),
      `set "VIVARIUM_DIST=${dist}"`,
      ...(isElectron ? ["set ELECTRON_RUN_AS_NODE=1"] : []),
      `"${runtime}" "${script}" %*`,
      "",
    ].join("\r\n");
  }
  return [
    "#!/bin/sh",
    "# Vivarium's command line, written by vivd",
    ...(isUsual ? [] : [`VIVARIUM_HOME=\${VIVARIUM_HOME:-${quoted(home)}}`, "export VIVARIUM_HOME"]),
    `export VIVARIUM_DIST=${quoted(dist)}`,
    ...(isElectron ? ["export ELECTRON_RUN_AS_NODE=1"] : []),
    `exec ${quoted(runtime)} ${quoted(script)} "$@"`,
    "",
  ].join("\n");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
