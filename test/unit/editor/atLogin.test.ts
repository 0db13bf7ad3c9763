import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stub } from "./support/load.ts";
import { editorWith, FakeService } from "./support/service.ts";

const { startAtLogin, noStartAtLogin } = await import("../../../src/commands/atLogin.ts");

/** The commands run `viv` itself, as it is installed in the home; here a script in its place says what it was told. */
describe("the service at login, from the palette", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "viv-login-"));
  });
  afterEach(() => {
    stub.reset();
    rmSync(folder, { recursive: true });
  });

  async function workWith(script: string) {
    const launcher = join(folder, "viv");
    writeFileSync(launcher, `#!/bin/sh\necho "$VIVARIUM_HOME: $@" > "${folder}/told"\n${script}\n`, { mode: 0o755 });
    const service = new FakeService([], {
      "daemon.installCommandLine": () => ({ launcher, runtime: "/node" }),
      "daemon.status": () => ({ home: "/the home" }),
    });
    const editor = await editorWith(service);
    return { editor, view: { filter: "", reveal: async () => undefined, refresh: () => undefined, dispose: () => undefined } };
  }
  const told = () => readFileSync(join(folder, "told"), "utf8").trim();
  const said = () => stub.shown.filter(({ kind }) => kind === "information").map(({ text }) => text);

  it("is installed for this home, and says by which file", async () => {
    await startAtLogin(await workWith(`echo '{"installed":true,"file":"/units/vivarium.service"}'`));
    assert.equal(told(), "/the home: daemon install --json");
    assert.match(said()[0] ?? "", /starts at login.*\(\/units\/vivarium\.service\)/);
  });

  it("is removed again", async () => {
    await noStartAtLogin(await workWith(`echo '{"installed":false}'`));
    assert.equal(told(), "/the home: daemon uninstall --json");
    assert.match(said()[0] ?? "", /no longer starts at login/);
  });

  it("that the system refuses is told in viv's words, with its hint", async () => {
    const work = await workWith(`echo '{"error":{"code":"host-cannot","message":"no bus","hint":"log in first"}}' >&2; exit 5`);
    await assert.rejects(() => Promise.resolve(startAtLogin(work)), { code: "host-cannot", message: "no bus", hint: "log in first" });
  });

  it("that cannot run at all says why", async () => {
    await assert.rejects(async () => startAtLogin(await workWith("exit 9")), /Command failed/);
  });
});
