import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { launcherText } from "../../../src/daemon/commandLine.ts";

const run = promisify(execFile);
const usual = {
  runtime: "/home/ada/.vivarium/bin/0123456789ab/runtime/node",
  script: "/home/ada/.vivarium/bin/viv-20261123T110000/viv.js",
  dist: "/home/ada/.vscode/extensions/vivarium.vivarium-0.1.0/dist",
  home: "/home/ada/.vivarium",
  isUsualHome: true,
  isElectron: false,
  platform: "linux",
} as const;

describe("viv's launcher in the home", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("runs the copy on the service's runtime", () => {
    assert.equal(
      launcherText(usual),
      `#!/bin/sh
# Vivarium's command line, written by vivd
export VIVARIUM_DIST='/home/ada/.vscode/extensions/vivarium.vivarium-0.1.0/dist'
exec '/home/ada/.vivarium/bin/0123456789ab/runtime/node' '/home/ada/.vivarium/bin/viv-20261123T110000/viv.js' "$@"
`,
    );
  });

  it("tells Electron that it is to be Node, and names a home that is not the usual one", () => {
    const text = launcherText({ ...usual, isElectron: true, isUsualHome: false, home: "/srv/machines" });
    assert.match(text, /VIVARIUM_HOME=\$\{VIVARIUM_HOME:-'\/srv\/machines'\}\nexport VIVARIUM_HOME/);
    assert.match(text, /export ELECTRON_RUN_AS_NODE=1/);
    const windows = launcherText({ ...usual, isUsualHome: false, home: "D:\\vm", isElectron: true, platform: "win32" });
    assert.match(windows, /if not defined VIVARIUM_HOME set "VIVARIUM_HOME=D:\\vm"\r\n/);
    assert.match(windows, /set ELECTRON_RUN_AS_NODE=1\r\n/);
  });

  it("hands on every word, the home of the caller, and folders with odd names", async () => {
    const odd = join(folder, "it's $HOME `odd`");
    const script = join(folder, "print.mjs");
    await writeFile(script, "console.log(JSON.stringify([process.argv.slice(2), process.env.VIVARIUM_HOME, process.env.VIVARIUM_DIST]))");
    const file = join(folder, "viv");
    await writeFile(file, launcherText({ ...usual, runtime: process.execPath, script, dist: odd, home: odd, isUsualHome: false }));
    await chmod(file, 0o755);
    const words = ["exec", "web", "--", "sh", "-c", "echo 'a  b' \"$1\" *"];
    const { VIVARIUM_HOME: _home, ...environment } = process.env;
    assert.deepEqual(JSON.parse((await run(file, words, { env: environment })).stdout), [words, odd, odd]);
    const named = await run(file, [], { env: { ...environment, VIVARIUM_HOME: "/elsewhere" } });
    assert.deepEqual(JSON.parse(named.stdout), [[], "/elsewhere", odd]);
  });
});
