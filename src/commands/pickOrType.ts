import * as vscode from "vscode";

const { l10n } = vscode;

export interface Choice extends vscode.QuickPickItem {
  readonly value?: string;
}

interface PickOrType {
  readonly title: string;
  readonly placeHolder: string;
  readonly choices: readonly Choice[];
  readonly current?: string | undefined;
  /** Why a typed text will not do. */
  problem(text: string): string | undefined;
}

/** A quick pick that also takes what is typed: the first row is then the typed text, or what is wrong with it. */
export function pickOrType(options: PickOrType): Promise<string | undefined> {
  const pick = vscode.window.createQuickPick<Choice>();
  pick.title = options.title;
  pick.placeholder = options.placeHolder;
  const marked = options.choices.map((choice) => (choice.label === options.current ? { ...choice, description: l10n.t("now") } : choice));
  pick.items = marked;
  pick.activeItems = marked.filter(({ label }) => label === options.current);
  return new Promise((resolve) => {
    pick.onDidChangeValue((text) => {
      pick.items = text === "" ? marked : [...typedItem(text.trim(), options), ...marked];
    });
    pick.onDidAccept(() => {
      const value = acceptedValue(pick.value.trim(), pick.selectedItems[0]);
      if (value === undefined || options.problem(value) !== undefined) return;
      resolve(value);
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}

/** Who types and presses Enter at once is ahead of the list: what stands in front there is of the text before. */
export function acceptedValue(typed: string, chosen: Choice | undefined): string | undefined {
  const stale = !chosen?.label.toLowerCase().includes(typed.toLowerCase());
  return stale && typed !== "" ? typed : (chosen?.value ?? chosen?.label);
}

function typedItem(text: string, { choices, problem }: PickOrType): Choice[] {
  if (text === "" || choices.some(({ label }) => label === text)) return [];
  const wrong = problem(text);
  return [{ label: text, description: wrong ?? l10n.t("use this"), alwaysShow: true }];
}
