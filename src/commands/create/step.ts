import * as vscode from "vscode";

/** Steps of a short dialogue in one place of the window, with a title, `2/4` and a way back. */

export const back = Symbol("back");
export const cancelled = Symbol("cancelled");
export type Answer<T> = T | typeof back | typeof cancelled;

export interface StepPlace {
  readonly title: string;
  readonly step: number;
  readonly steps: number;
}

export interface StepButton<T> extends vscode.QuickInputButton {
  /** What pressing it answers. */
  readonly answer: () => T | undefined;
}

interface PickStep<I extends vscode.QuickPickItem> extends StepPlace {
  readonly placeHolder: string;
  readonly items: readonly I[];
  readonly active?: I | undefined;
}

/** One choice of a list. */
export function pickStep<I extends vscode.QuickPickItem>(options: PickStep<I>): Promise<Answer<I>> {
  const pick = vscode.window.createQuickPick<I>();
  pick.placeholder = options.placeHolder;
  pick.items = options.items;
  pick.matchOnDescription = true;
  if (options.active) pick.activeItems = [options.active];
  return ask<I>(pick, options, (finish) => pick.onDidAccept(() => pick.selectedItems[0] && finish(pick.selectedItems[0])));
}

interface TextStep<T> extends StepPlace {
  readonly value: string;
  readonly prompt: string;
  readonly buttons?: readonly StepButton<T>[];
  problem(text: string): string | undefined;
  accept(text: string): T;
}

/** A text, checked while it is typed. Buttons answer in another way; they get the text by `current`. */
export function textStep<T>(options: (current: () => string) => TextStep<T>): Promise<Answer<T>> {
  const box = vscode.window.createInputBox();
  const step = options(() => box.value.trim());
  box.value = step.value;
  box.prompt = step.prompt;
  const check = (): boolean => {
    const problem = step.problem(box.value.trim());
    box.validationMessage = problem;
    return problem === undefined;
  };
  box.onDidChangeValue(check);
  check();
  return ask<T>(box, step, (finish) => {
    box.onDidAccept(() => check() && finish(step.accept(box.value.trim())));
    box.onDidTriggerButton((button) => {
      const own = step.buttons?.find((one) => one === button);
      const answer = own && check() ? own.answer() : undefined;
      if (answer !== undefined) finish(answer);
    });
  });
}

function ask<T>(
  input: vscode.QuickPick<vscode.QuickPickItem> | vscode.InputBox,
  place: StepPlace & { buttons?: readonly StepButton<T>[] },
  listen: (finish: (answer: T) => void) => void,
): Promise<Answer<T>> {
  input.title = place.title;
  input.step = place.step;
  input.totalSteps = place.steps;
  // A dialogue that vanishes when one looks something up elsewhere would lose the answers.
  input.ignoreFocusOut = true;
  input.buttons = [...(place.step > 1 ? [vscode.QuickInputButtons.Back] : []), ...(place.buttons ?? [])];
  return new Promise((resolve) => {
    const finish = (answer: Answer<T>): void => {
      resolve(answer);
      input.hide();
    };
    listen(finish);
    input.onDidTriggerButton((button) => button === vscode.QuickInputButtons.Back && finish(back));
    input.onDidHide(() => {
      resolve(cancelled);
      input.dispose();
    });
    input.show();
  });
}
