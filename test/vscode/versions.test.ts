import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { apiVersion } from "../../src/api/methods.ts";
import { checkout, starterMachine, type TestHome, testHome } from "../support/home.ts";
import { startVscode, until, type Vscode } from "./support/index.ts";
import { answerNotification, machineIs, openSidebar } from "./support/sidebar.ts";

/** Two editors, or an editor and a terminal, need not have the same Vivarium. */
describe("a service of another version", function () {
  this.timeout(120_000);
  let folder = "";
  let home: TestHome;
  let vscode: Vscode | undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "vvv-"));
  });
  afterEach(async () => {
    await vscode?.dispose();
    vscode = undefined;
    await home?.dispose();
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** The service of these sources, as another version would call itself. */
  async function serviceThatSays(identity: { version: string; build: string; api: number }): Promise<string> {
    const outdir = join(folder, identity.version);
    const otherApi: Plugin = {
      name: "other-api",
      setup({ onLoad }) {
        onLoad({ filter: /src\/api\/methods\.ts$/ }, async ({ path }) => {
          const text = await readFile(path, "utf8");
          const changed = text.replace(/(export const apiVersion = )\d+/, `$1${identity.api}`);
          return { contents: changed, loader: "ts" };
        });
      },
    };
    await build({
      entryPoints: { vivd: join(checkout, "src", "daemon", "vivd.ts") },
      outdir,
      bundle: true,
      platform: "node",
      target: "node20",
      format: "esm",
      mainFields: ["module", "main"],
      banner: { js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);' },
      define: { __VIVARIUM_VERSION__: JSON.stringify(identity.version), __VIVARIUM_BUILD__: JSON.stringify(identity.build) },
      plugins: [otherApi],
      logLevel: "error",
    });
    await writeFile(join(outdir, "package.json"), JSON.stringify({ type: "module", version: identity.version }));
    return join(outdir, "vivd.js");
  }

  const homeOf = (vivd: string) => testHome({ vivd, environment: { VIVARIUM_RUNTIME: "here", VIVARIUM_DIST: join(checkout, "dist") } });
  const served = async () => JSON.parse(await readFile(join(home.folder, "run", "vivd.json"), "utf8")) as { version: string; pid: number };
  /** The extension's own service is started as a user's is. */
  const open = () => startVscode({ env: { ...home.environment, VIVARIUM_RUNTIME: undefined, VIVARIUM_DIST: undefined } });

  it("that is older makes room for the extension's, and its machine runs on", async () => {
    home = await homeOf(await serviceThatSays({ version: "0.0.1", build: "20200101T000000", api: apiVersion }));
    const old = await home.client();
    const { pid } = await starterMachine(old, "web", { start: true });
    assert.equal((await served()).version, "0.0.1");
    old.dispose();
    vscode = await open();
    await openSidebar(vscode.page);
    await machineIs(vscode.page, "web", "running");
    await until("the extension's service serves", served, ({ version }) => version === "0.1.0");
    const [paused] = (await vscode.execute("vivarium.pause", "web")) as [{ pid: number; state: string }];
    assert.deepEqual([paused.pid, paused.state], [pid, "paused"]);
  });

  it("that speaks another language is named, and Try Again works once it has ended", async () => {
    home = await homeOf(await serviceThatSays({ version: "9.0.0", build: "20990101T000000", api: apiVersion + 1 }));
    await assert.rejects(home.client(), { code: "version-conflict" });
    const other = await served();
    assert.equal(other.version, "9.0.0");
    vscode = await open();
    await openSidebar(vscode.page);
    await vscode.page.locator(".part.sidebar").getByText("Try Again", { exact: true }).waitFor();
    await vscode.screenshot("other-version", ["dark"]);
    await vscode.command("Vivarium: Create Machine…");
    await until(
      "the window names both versions",
      () => vscode?.page.locator(".notification-toast").allInnerTexts() ?? Promise.resolve([]),
      (texts) => texts.some((text) => text.includes(`API ${apiVersion + 1}`) && text.includes(`${apiVersion}.`)),
    );
    process.kill(other.pid, "SIGTERM");
    await until(
      "it has ended",
      async () => process.kill(other.pid, 0),
      () => true,
    ).catch(() => undefined);
    await answerNotification(vscode.page, "speaks API", "Try Again");
    await vscode.page.locator(".quick-input-widget").getByText("(1/3)").waitFor();
    assert.equal((await served()).version, "0.1.0");
  });
});
