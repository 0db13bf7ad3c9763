/**
 * A real VS Code in a real browser, for one test file: `startVscode` in `before`, `dispose` in `after`.
 *
 *   const vscode = await startVscode({ workspace, env: home.environment });
 *   await vscode.command("Vivarium: Start Machine");
 *   await vscode.screenshot("tree");            // dist/screenshots/tree-{dark,light,contrast,contrast-light}.png
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Frame, Page } from "playwright-core";
import { type EditorName, installedEditor } from "../../../scripts/setup/vscode.ts";
import { packagedExtension } from "../../../scripts/setup/vsix.ts";
import { checkout } from "../../support/home.ts";
import { startBrowser } from "./browser.ts";
import { askDriver } from "./driver.ts";
import { type Server, startServer } from "./server.ts";
import { allThemes, seedSettings, type ThemeName, type Themes, themesOf } from "./settings.ts";
import * as workbench from "./workbench.ts";

export interface VscodeOptions {
  /** The folder or `.code-workspace` to open, or a URI (`memfs:/`); absent: an empty folder. `null`: no workspace. */
  readonly workspace?: string | null;
  /** A VSIX, or the folder of an extension (default: the VSIX packed from this checkout). `null`: no extension. */
  readonly extension?: string | null;
  readonly env?: NodeJS.ProcessEnv;
  /** `current` (default) or `floor`; `VIVARIUM_TEST_EDITOR` names it for a whole run. */
  readonly editor?: EditorName;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Settings of machine scope: in a window of a server they are the server's own, not the user's. */
  readonly machineSettings?: Readonly<Record<string, unknown>>;
  /** VS Code's `payload`: `[["extensionDevelopmentPath", …], …]`, given the server's authority. */
  readonly payload?: (authority: string) => readonly (readonly [string, string])[];
  /** CSS pixels; default 1280×800. */
  readonly viewport?: { readonly width: number; readonly height: number };
}

export interface Vscode {
  readonly page: Page;
  readonly version: string;
  /** `<folder>/data/logs` holds VS Code's logs. */
  readonly folder: string;
  readonly workspace: string | null;
  /** Another window on the same server: a second browser context, as a second person's would be. */
  secondWindow(): Promise<Page>;
  /** Runs a command by its full title, category included, as a person does with F1. */
  command(title: string): Promise<void>;
  /** Labels (for a screen reader) of the visible rows of the trees in the side bar. */
  treeRows(): Promise<string[]>;
  /** The document of the webview with this title (its tab's, by its own `<title>`). */
  webview(title: string | RegExp): Promise<Frame>;
  /** Pictures of the window in every theme (or those named), as `dist/screenshots/<name>-<theme>.png`. */
  screenshot(name: string, only?: readonly ThemeName[]): Promise<void>;
  theme(name: ThemeName): Promise<void>;
  /** Changes a user setting while it runs. */
  setting(name: string, value: unknown): Promise<void>;
  /** Runs a command by its id, as an extension would; what it gives comes back as far as JSON can carry it. */
  execute(command: string, ...args: unknown[]): Promise<unknown>;
  /** Milliseconds in which an empty webview comes on screen: what is left of any other's time is its own. */
  bareWebviewMs(): Promise<number>;
  /** Reloads the window and waits for the workbench. */
  reload(): Promise<void>;
  /** Closes the window, as one closes its browser tab; `reopen` opens it again, in the same profile. */
  close(): Promise<void>;
  reopen(): Promise<void>;
  /** The text of an output channel's log of this extension. */
  extensionLog(): Promise<string>;
  /** What the browser's console said: for the message of a failing test. */
  readonly consoleMessages: readonly string[];
  dispose(): Promise<void>;
}

const screenshots = join(checkout, "dist", "screenshots");

export async function startVscode(options: VscodeOptions = {}): Promise<Vscode> {
  const editor = installedEditor(options.editor ?? editorOfThisRun());
  const folder = await mkdtemp(join(tmpdir(), "vvs-"));
  const cleanups: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })];
  const dispose = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    const workspace = options.workspace === undefined ? await emptyWorkspace(folder) : options.workspace;
    const themes = await themesOf(editor.root);
    await seed(folder, "User", { ...seedSettings, "workbench.colorTheme": themes.dark, ...options.settings });
    if (options.machineSettings) await seed(folder, "Machine", options.machineSettings);
    const driver = join(folder, "driver.sock");
    const server = await startServer({
      editor,
      folder,
      extension: options.extension === null ? undefined : (options.extension ?? (await packagedExtension())),
      env: { ...options.env, VIVARIUM_TEST_DRIVER: driver },
      development: options.payload !== undefined,
    });
    cleanups.push(() => server.dispose());
    const browser = await startBrowser();
    cleanups.push(() => browser.close());
    const address = addressOf(server, workspace, options);
    const consoleMessages: string[] = [];
    const context = await newContext(browser, options);
    const page = await open(context, address, consoleMessages);
    return vscodeOf({
      page,
      version: editor.version,
      folder,
      workspace,
      driver,
      themes,
      browser,
      address,
      options,
      consoleMessages,
      dispose,
    });
  } catch (error) {
    await dispose();
    throw error;
  }
}

interface Parts {
  readonly page: Page;
  readonly version: string;
  readonly folder: string;
  readonly workspace: string | null;
  readonly driver: string;
  readonly themes: Themes;
  readonly browser: Browser;
  readonly address: string;
  readonly options: VscodeOptions;
  readonly consoleMessages: string[];
  dispose(): Promise<void>;
}

function vscodeOf({ driver, themes, browser, address, options, ...parts }: Parts): Vscode {
  const { page } = parts;
  const setting = async (name: string, value: unknown) => void (await askDriver(driver, { kind: "setting", name, value }));
  const theme = async (name: ThemeName) => {
    await setting("workbench.colorTheme", themes[name]);
    await workbench.themeApplied(page, name);
  };
  return {
    ...parts,
    command: (title) => workbench.command(page, title),
    treeRows: () => workbench.treeRows(page),
    webview: (title) => workbench.webview(page, title),
    theme,
    setting,
    execute: (name, ...args) => askDriver(driver, { kind: "command", name, args }),
    bareWebviewMs: async () => Number(await askDriver(driver, { kind: "bareWebview", name: "bare webview" })),
    async secondWindow() {
      return open(await newContext(browser, options), address, parts.consoleMessages);
    },
    async screenshot(name, only = allThemes) {
      await mkdir(screenshots, { recursive: true });
      for (const one of only) {
        await theme(one);
        await page.screenshot({ path: join(screenshots, `${name}-${one}.png`) });
      }
      await theme("dark");
    },
    async close() {
      await page.goto("about:blank");
    },
    async reopen() {
      await page.goto(address, { timeout: 60_000 });
      await workbench.ready(page);
    },
    async reload() {
      await page.reload();
      await workbench.ready(page);
    },
    extensionLog: () => extensionLog(parts.folder),
  };
}

function newContext(browser: Browser, { viewport }: VscodeOptions): Promise<BrowserContext> {
  return browser.newContext({ viewport: viewport ?? { width: 1280, height: 800 }, permissions: ["clipboard-read", "clipboard-write"] });
}

async function open(context: BrowserContext, address: string, consoleMessages: string[]): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (message) => consoleMessages.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => consoleMessages.push(`pageerror: ${error.message}`));
  // The workbench asks before a page with open terminals is left.
  page.on("dialog", (dialog) => void dialog.accept().catch(() => undefined));
  await page.goto(address, { timeout: 60_000 });
  await workbench.ready(page);
  return page;
}

function addressOf(server: Server, workspace: string | null, { payload }: VscodeOptions): string {
  const query = new URLSearchParams({ tkn: server.token });
  if (workspace !== null) query.set(workspace.endsWith(".code-workspace") ? "workspace" : "folder", workspace);
  else query.set("ew", "true");
  if (payload) query.set("payload", JSON.stringify(payload(server.authority)));
  return `${server.origin}/?${query.toString()}`;
}

async function emptyWorkspace(folder: string): Promise<string> {
  const workspace = join(folder, "workspace");
  await mkdir(workspace);
  return workspace;
}

export function editorOfThisRun(): EditorName {
  const name = process.env["VIVARIUM_TEST_EDITOR"] ?? "current";
  if (name !== "current" && name !== "floor") throw new Error(`VIVARIUM_TEST_EDITOR is ${name}; it can be current or floor.`);
  return name;
}

/** The user's or the server's settings.json on the server's disk, where code-server keeps it. */
async function seed(folder: string, whose: "User" | "Machine", values: Readonly<Record<string, unknown>>): Promise<void> {
  const place = join(folder, "data", whose);
  await mkdir(place, { recursive: true });
  await writeFile(join(place, "settings.json"), `${JSON.stringify(values, null, 2)}\n`);
}

async function extensionLog(folder: string): Promise<string> {
  const logs = join(folder, "data", "logs");
  const files = (await readdir(logs, { recursive: true }).catch(() => [])).filter((file) => /vivarium\.vivarium\/.*\.log$/.test(file));
  return (await Promise.all(files.sort().map((file) => readFile(join(logs, file), "utf8")))).join("");
}
