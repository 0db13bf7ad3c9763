import type { sshConfigMethods } from "../api/index.ts";
import { installSshConfig, removeSshConfig, renewSshConfig, type SshConfigPlace, type SshHost, sshConfig } from "../host/index.ts";
import { sshIdentity } from "../machine/index.ts";
import { asVivError } from "../model/index.ts";
import { installCommandLine, launcherFile } from "./commandLine.ts";
import type { HandlersOf } from "./handler.ts";
import type { World } from "./world.ts";

export const sshConfigHandlers: HandlersOf<typeof sshConfigMethods> = {
  "sshConfig.show": async (_params, { world }) => sshConfig(placeOf(world), hostsOf(world)),
  "sshConfig.install": async (_params, { world }) => {
    // ssh runs the installed viv, which no update of the editor takes away.
    await installCommandLine(world.home.folder, world.distFolder);
    return installSshConfig(placeOf(world), hostsOf(world));
  },
  "sshConfig.remove": async (_params, { world }) => removeSshConfig(placeOf(world), hostsOf(world)),
};

function placeOf({ home }: World): SshConfigPlace {
  return { home: home.folder, launcher: launcherFile(home.folder) };
}

function hostsOf({ library }: World): SshHost[] {
  return library.all.flatMap((machine) => sshIdentity(machine) ?? []);
}

/** Changes of machines within this time are written at once. */
const settleMs = 100;

/** Keeps our file true while machines come, go and are renamed. */
export class SshConfigKeeper {
  readonly #world: World;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(world: World) {
    this.#world = world;
  }

  touch(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#writing
        .then(() => renewSshConfig(placeOf(this.#world), hostsOf(this.#world)))
        .catch((error: unknown) => {
          process.stderr.write(`ssh's file of machines is not renewed: ${asVivError(error).message}\n`);
        });
    }, settleMs).unref();
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}
