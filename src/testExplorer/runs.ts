import * as vscode from "vscode";
import { type Editor, homeSetting, plain, webSettings } from "../editor/index.ts";
import { asVivError } from "../model/index.ts";
import type { Plan, RunResult, RunWork } from "../testvm/index.ts";
import { MachineCoverage } from "./coverage.ts";
import type { TestFolder } from "./folders.ts";
import { TestItems } from "./items.ts";
import { type Runnable, runnable } from "./trust.ts";

const { l10n } = vscode;

export interface Choice {
  readonly target: string | undefined;
  readonly cold?: boolean;
  readonly coverage?: boolean;
}

/** What the profiles do: a folder's tests in a machine of their own, their results as rows. They end with the window. */
export class TestRuns implements vscode.Disposable {
  readonly #editor: Editor;
  readonly #controller: vscode.TestController;
  readonly #items: TestItems;
  readonly #folders: () => readonly TestFolder[];
  readonly #running = new Set<AbortController>();

  constructor(editor: Editor, controller: vscode.TestController, items: TestItems, folders: () => readonly TestFolder[]) {
    this.#editor = editor;
    this.#controller = controller;
    this.#items = items;
    this.#folders = folders;
  }

  dispose(): void {
    for (const controller of this.#running) controller.abort();
  }

  async run(request: vscode.TestRunRequest, token: vscode.CancellationToken, choice: Choice): Promise<void> {
    const asked = this.#askedFor(request, choice);
    if (!request.continuous) return this.#runOnce(request, token, asked, choice);
    // Each save of a file of theirs, one run at a time; what was saved meanwhile is the next run's.
    const due = new Set<TestFolder>();
    let running: Promise<void> | undefined;
    const next = () => {
      running ??= (async () => {
        while (due.size > 0 && !token.isCancellationRequested) {
          const now = [...due];
          due.clear();
          await this.#runOnce(request, token, now, choice);
        }
      })().finally(() => (running = undefined));
    };
    const saved = vscode.workspace.onDidSaveTextDocument(({ uri }) => {
      for (const one of asked) if (vscode.workspace.getWorkspaceFolder(uri)?.index === one.folder.index) due.add(one);
      next();
    });
    await new Promise<void>((ended) => token.onCancellationRequested(() => ended()));
    saved.dispose();
    await running;
  }

  /** A framework is not asked for single tests: a folder's tests run together. */
  #askedFor({ include, exclude }: vscode.TestRunRequest, { target }: Choice): TestFolder[] {
    const rootOf = (item: vscode.TestItem): vscode.TestItem => (item.parent ? rootOf(item.parent) : item);
    const wanted = include && new Set(include.map((item) => rootOf(item).id));
    const unwanted = new Set(exclude?.map(({ id }) => id));
    return this.#folders().filter(
      ({ root, targets }) =>
        (!wanted || wanted.has(root.id)) &&
        !unwanted.has(root.id) &&
        (target === undefined || targets.includes(target) || targets.length === 0),
    );
  }

  async #runOnce(
    request: vscode.TestRunRequest,
    token: vscode.CancellationToken,
    folders: readonly TestFolder[],
    choice: Choice,
  ): Promise<void> {
    const run = this.#controller.createTestRun(request, choice.target ?? l10n.t("Test Machine"), true);
    const controller = new AbortController();
    const cancelled = [token, run.token].map((one) => one.onCancellationRequested(() => controller.abort()));
    this.#running.add(controller);
    try {
      for (const folder of folders) {
        if (controller.signal.aborted) break;
        await this.#runFolder(run, folder, choice, controller.signal);
      }
    } finally {
      this.#running.delete(controller);
      for (const one of cancelled) one.dispose();
      run.end();
    }
  }

  async #runFolder(run: vscode.TestRun, { folder, root, targets }: TestFolder, choice: Choice, signal: AbortSignal): Promise<void> {
    const target = targets.length === 0 ? undefined : choice.target;
    for (const item of TestItems.leaves(root)) run.enqueued(item);
    try {
      const ready = await runnable(this.#editor, folder, target);
      if (!ready) {
        for (const item of TestItems.leaves(root)) run.skipped(item);
        return;
      }
      for (const item of TestItems.leaves(root)) run.started(item);
      const result = await this.#runTests(run, ready, choice, signal);
      this.#show(run, folder, root, ready.plan, result);
    } catch (error) {
      if (signal.aborted) return;
      const { message, hint } = asVivError(error);
      const shown = new vscode.TestMessage([message, hint].filter((text) => text !== undefined).join("\n"));
      if (root.uri) shown.location = new vscode.Location(root.uri, new vscode.Position(0, 0));
      run.appendOutput(`${terminalText(shown.message.toString())}\r\n`);
      // The machine or the file failed, not the tests: they have no result.
      run.errored(root, shown);
    }
  }

  async #runTests(run: vscode.TestRun, { loaded, plan }: Runnable, choice: Choice, signal: AbortSignal): Promise<RunResult> {
    const { runTests } = await import("../testvm/index.ts");
    const { homeFolder } = await import("../api/index.ts");
    let step = "";
    const note = (text: string) => run.appendOutput(`\u001b[2m${terminalText(text)}\u001b[22m\r\n`);
    const work: RunWork = {
      connect: () => this.#editor.service.client(),
      home: homeFolder(homeSetting()),
      signal,
      web: webSettings(),
      onProgress: (report) => {
        if (report.step === step) return;
        step = report.step;
        note(`▸ ${step}`);
      },
      onNote: note,
      onOutput: (_from, _stream, data) => run.appendOutput(data.toString("utf8").replace(/\r?\n/g, "\r\n")),
    };
    return runTests(work, loaded, plan, { cold: choice.cold ?? false, coverage: choice.coverage ?? false });
  }

  #show(run: vscode.TestRun, folder: vscode.WorkspaceFolder, root: vscode.TestItem, plan: Plan, result: RunResult): void {
    for (const { item, result: one } of this.#items.take(folder, root, plan.target ?? "", result.cases)) {
      if (one.outcome === "passed") run.passed(item, one.durationMs);
      else if (one.outcome === "skipped") run.skipped(item);
      else run[one.outcome === "failed" ? "failed" : "errored"](item, failure(item, one.message, one.detail), one.durationMs);
    }
    for (const problem of result.problems) run.appendOutput(`${terminalText(problem)}\r\n`);
    for (const file of result.coverage ?? []) run.addCoverage(new MachineCoverage(folder, file));
    const trouble = troubleOf(result);
    if (trouble !== undefined) run.failed(root, new vscode.TestMessage(trouble), result.durationMs);
    else if (result.cases.length === 0) run.passed(root, result.durationMs);
  }
}

/** What no test says of itself; undefined: nothing. */
function troubleOf({ timedOut, exitCode, counts, problems, durationMs }: RunResult): string | undefined {
  if (timedOut) return l10n.t("The tests did not end within {0} s.", Math.round(durationMs / 1000));
  if (counts.failed > 0 || (exitCode === 0 && problems.length === 0)) return undefined;
  const ended = exitCode === 0 ? [] : [l10n.t("The test command ended with exit code {0}.", exitCode)];
  return [...ended, ...problems.map((problem) => plain(problem))].join("\n");
}

function failure(item: vscode.TestItem, message: string | undefined, detail: string | undefined): vscode.TestMessage {
  const lines = [message, detail === message ? undefined : detail].filter((text) => text !== undefined);
  const shown = new vscode.TestMessage(lines.length === 0 ? l10n.t("It failed, and the report does not say why.") : lines.join("\n"));
  if (item.uri) shown.location = new vscode.Location(item.uri, item.range ?? new vscode.Position(0, 0));
  return shown;
}

function terminalText(text: string): string {
  return text
    .split("\n")
    .map((line) => plain(line, 2000))
    .join("\r\n");
}
