import * as vscode from "vscode";
import { plain } from "../editor/index.ts";
import type { PlacedCase } from "../testvm/index.ts";

/** A test as it was seen: enough to show it before it runs again. */
type Known = Pick<PlacedCase, "suite" | "name" | "path" | "line"> & { readonly targets: readonly string[] };

const memento = "vivarium.testItems";
/** More are shown while the window is open, and forgotten with it. */
const maximumRemembered = 5000;

/**
 * The rows: folder → file (or suite) → test. Tests are known from what ran: no framework is asked, so any will do. They are
 * remembered for the workspace, and one that a whole run of its targets did not have is gone.
 */
export class TestItems {
  readonly #controller: vscode.TestController;
  readonly #state: vscode.Memento;
  readonly #known = new Map<string, Map<string, Known>>();

  constructor(controller: vscode.TestController, state: vscode.Memento) {
    this.#controller = controller;
    this.#state = state;
  }

  /** The folder's own row, with the tests that are remembered. */
  root(folder: vscode.WorkspaceFolder): vscode.TestItem {
    const id = folder.uri.toString();
    const existing = this.#controller.items.get(id);
    if (existing) return existing;
    const root = this.#controller.createTestItem(id, folder.name, vscode.Uri.joinPath(folder.uri, ".testvm", "testvm.json"));
    const remembered = this.#state.get<Record<string, Known[]>>(memento, {})[id] ?? [];
    this.#known.set(
      id,
      new Map(
        numbered(remembered).map((known) => {
          const item = this.#put(folder, root, known);
          return [item.id, known];
        }),
      ),
    );
    return root;
  }

  /** A target's results as rows, in their order. */
  take(
    folder: vscode.WorkspaceFolder,
    root: vscode.TestItem,
    target: string,
    cases: readonly PlacedCase[],
  ): { item: vscode.TestItem; result: PlacedCase }[] {
    const known = this.#known.get(root.id) ?? new Map<string, Known>();
    this.#known.set(root.id, known);
    const seen = new Set<string>();
    const rows = numbered(cases).map((result) => {
      const { suite, name, path, line } = result;
      const item = this.#put(folder, root, result);
      const targets = new Set([...(known.get(item.id)?.targets ?? []), target]);
      known.set(item.id, {
        suite,
        name,
        ...(path === undefined ? {} : { path }),
        ...(line === undefined ? {} : { line }),
        targets: [...targets],
      });
      seen.add(item.id);
      return { item, result };
    });
    if (cases.length > 0) this.#forget(root, known, seen, target);
    const all = this.#state.get<Record<string, Known[]>>(memento, {});
    void this.#state.update(memento, { ...all, [root.id]: [...known.values()].slice(0, maximumRemembered) });
    return rows;
  }

  /** Of this folder's row: every test below it. */
  static leaves(item: vscode.TestItem): vscode.TestItem[] {
    return item.children.size === 0 ? [item] : [...item.children].flatMap(([, child]) => TestItems.leaves(child));
  }

  #forget(root: vscode.TestItem, known: Map<string, Known>, seen: ReadonlySet<string>, target: string): void {
    for (const [id, one] of known) {
      if (seen.has(id) || !one.targets.includes(target)) continue;
      const targets = one.targets.filter((name) => name !== target);
      if (targets.length > 0) {
        known.set(id, { ...one, targets });
        continue;
      }
      known.delete(id);
      const group = root.children.get(groupId(root, one));
      group?.children.delete(id);
      if (group?.children.size === 0) root.children.delete(group.id);
    }
  }

  #put(folder: vscode.WorkspaceFolder, root: vscode.TestItem, one: Pick<Known, "suite" | "name" | "path" | "line">): vscode.TestItem {
    const { path, suite, name, line } = one;
    const uri = path === undefined ? undefined : vscode.Uri.joinPath(folder.uri, ...path.split("/"));
    const group = child(this.#controller, root, groupId(root, one), plain(path ?? (suite === "" ? root.label : suite)), uri);
    const label = path === undefined || suite === "" || suite === path ? name : `${suite} › ${name}`;
    const item = child(this.#controller, group, JSON.stringify([root.id, path ?? "", suite, name]), plain(label), uri);
    item.range = line === undefined ? undefined : new vscode.Range(Math.max(0, line - 1), 0, Math.max(0, line - 1), 0);
    return item;
  }
}

function groupId(root: vscode.TestItem, { path, suite }: Pick<Known, "suite" | "path">): string {
  return JSON.stringify([root.id, path ?? null, path === undefined ? suite : null]);
}

function child(
  controller: vscode.TestController,
  parent: vscode.TestItem,
  id: string,
  label: string,
  uri: vscode.Uri | undefined,
): vscode.TestItem {
  const existing = parent.children.get(id);
  if (existing) return existing;
  const made = controller.createTestItem(id, label, uri);
  parent.children.add(made);
  return made;
}

/** Cases of one name, as frameworks write for parameters, are tests of their own. */
function numbered<T extends Pick<Known, "suite" | "name" | "path">>(cases: readonly T[]): T[] {
  const times = new Map<string, number>();
  return cases.map((one) => {
    const key = JSON.stringify([one.path, one.suite, one.name]);
    const time = (times.get(key) ?? 0) + 1;
    times.set(key, time);
    return time === 1 ? one : { ...one, name: `${one.name} #${time}` };
  });
}
