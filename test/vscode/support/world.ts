/** A home, a real VS Code with this extension on it, and a connection of the test's own to the same service. */
import type { VivClient } from "../../../src/api/index.ts";
import { type TestHome, testHome } from "../../support/home.ts";
import { startVscode, type Vscode, type VscodeOptions } from "./vscode.ts";

export interface EditorWorld {
  readonly home: TestHome;
  readonly vscode: Vscode;
  readonly client: VivClient;
  dispose(): Promise<void>;
}

export interface EditorWorldOptions extends Omit<VscodeOptions, "env"> {
  /** Fills the home before VS Code sees it; a service that it starts must have ended. */
  readonly prepare?: (home: TestHome) => Promise<void>;
}

export async function editorWorld({ prepare, ...options }: EditorWorldOptions = {}): Promise<EditorWorld> {
  const home = await testHome();
  let vscode: Vscode | undefined;
  const dispose = async () => {
    await vscode?.dispose();
    await home.dispose();
  };
  try {
    await prepare?.(home);
    const started = await startVscode({ ...options, env: home.environment });
    vscode = started;
    // The extension's build is the newer one: it starts the service, and the test is its guest.
    await started.execute("vivarium.connectService");
    return { home, vscode: started, client: await home.client(), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
