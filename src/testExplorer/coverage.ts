import * as vscode from "vscode";
import type { CoveredFile } from "../testvm/index.ts";

/** What ran, file by file; its lines are told when somebody opens the file. */
export class MachineCoverage extends vscode.FileCoverage {
  readonly #file: CoveredFile;

  constructor(folder: vscode.WorkspaceFolder, file: CoveredFile) {
    const { lines, branches, functions } = file;
    super(
      vscode.Uri.joinPath(folder.uri, ...file.path.split("/")),
      countOf(lines),
      branches.length === 0 ? undefined : countOf(branches),
      functions.length === 0 ? undefined : countOf(functions),
    );
    this.#file = file;
  }

  details(): vscode.FileCoverageDetail[] {
    const { lines, branches, functions } = this.#file;
    return [
      ...lines.map(({ line, hits }) => {
        const taken = branches.filter((branch) => branch.line === line).map((branch) => new vscode.BranchCoverage(branch.hits));
        return new vscode.StatementCoverage(hits, placeOf(line), taken);
      }),
      ...functions.map(({ name, line, hits }) => new vscode.DeclarationCoverage(name, hits, placeOf(line))),
    ];
  }
}

function countOf(all: readonly { hits: number }[]): vscode.TestCoverageCount {
  return new vscode.TestCoverageCount(all.filter(({ hits }) => hits > 0).length, all.length);
}

function placeOf(line: number): vscode.Position {
  return new vscode.Position(line - 1, 0);
}
