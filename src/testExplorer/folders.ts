import * as vscode from "vscode";
import { type Editor, plain } from "../editor/index.ts";
import { MachineCoverage } from "./coverage.ts";
import { TestItems } from "./items.ts";
import { type Choice, TestRuns } from "./runs.ts";
import { configure } from "./secrets.ts";

const { l10n } = vscode;

/** A folder of the workspace with a test-VM file: a root of the tree. */
export interface TestFolder {
  readonly folder: vscode.WorkspaceFolder;
  readonly root: vscode.TestItem;
  /** Empty: it has none; one machine runs its tests. */
  readonly targets: readonly string[];
}

/** The controller, its roots, and a run profile for each target: which targets there are, the files say. */
export class TestFolders implements vscode.Disposable {
  readonly #editor: Editor;
  readonly #controller: vscode.TestController;
  readonly #items: TestItems;
  readonly #runs: TestRuns;
  readonly #profiles = new Map<string, vscode.Disposable>();
  #folders: readonly TestFolder[] = [];

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#controller = vscode.tests.createTestController("vivarium.testMachines", l10n.t("Test Machines"));
    this.#items = new TestItems(this.#controller, editor.context.workspaceState);
    this.#runs = new TestRuns(editor, this.#controller, this.#items, () => this.#folders);
    this.#controller.refreshHandler = () => this.show(this.#folders.map(({ folder }) => folder));
  }

  async show(folders: readonly vscode.WorkspaceFolder[]): Promise<void> {
    this.#folders = await Promise.all(folders.map((folder) => this.#read(folder)));
    this.#controller.items.replace(this.#folders.map(({ root }) => root));
    this.#makeProfiles();
  }

  dispose(): void {
    this.#runs.dispose();
    for (const profile of this.#profiles.values()) profile.dispose();
    this.#controller.dispose();
  }

  async #read(folder: vscode.WorkspaceFolder): Promise<TestFolder> {
    const { loadFile, nameOf, targetsOf } = await import("../testvm/index.ts");
    const root = this.#items.root(folder);
    const loaded = await loadFile(folder.uri.fsPath);
    if ("problems" in loaded) {
      root.error = loaded.problems.map(({ line, column, message }) => `testvm.json:${line}:${column}: ${plain(message)}`).join("\n");
      return { folder, root, targets: [] };
    }
    root.error = undefined;
    root.label = nameOf(loaded) ?? folder.name;
    return { folder, root, targets: targetsOf(loaded) };
  }

  /** A target's profile runs its folders, and those that have no targets. */
  #makeProfiles(): void {
    const targets = [...new Set(this.#folders.flatMap(({ targets }) => targets))];
    const wanted = targets.length === 0 ? [undefined] : targets;
    const names = new Set(wanted.map((target) => target ?? ""));
    for (const [name, profile] of this.#profiles) {
      if (names.has(name)) continue;
      profile.dispose();
      this.#profiles.delete(name);
    }
    for (const [index, target] of wanted.entries())
      if (!this.#profiles.has(target ?? "")) this.#profiles.set(target ?? "", this.#profilesOf(target, index === 0));
  }

  #profilesOf(target: string | undefined, isDefault: boolean): vscode.Disposable {
    const { Run, Coverage } = vscode.TestRunProfileKind;
    const label = target ?? l10n.t("Test Machine");
    const make = (kind: vscode.TestRunProfileKind, name: string, choice: Omit<Choice, "target">) => {
      const handler = (request: vscode.TestRunRequest, token: vscode.CancellationToken) =>
        this.#runs.run(request, token, { target, ...choice });
      const goesOn = kind === Run && !choice.cold;
      const profile = this.#controller.createRunProfile(name, kind, handler, isDefault && !choice.cold, undefined, goesOn);
      profile.configureHandler = () =>
        void configure(this.#editor, this.#folders).catch((error: unknown) => this.#editor.presentError(error));
      return profile;
    };
    const coverage = make(Coverage, label, { coverage: true });
    coverage.loadDetailedCoverage = async (_run, file) => (file instanceof MachineCoverage ? file.details() : []);
    return vscode.Disposable.from(make(Run, label, {}), make(Run, l10n.t("{0}, Made Anew", label), { cold: true }), coverage);
  }
}
