/**
 * As much of VS Code's API as unit tests need: values behave as VS Code's do, windows answer what a test put into
 * `answers` and keep what they were told in `shown`. The real one is in test/vscode.
 */

type Listener<T> = (value: T) => unknown;

export class EventEmitter<T> {
  readonly #listeners = new Set<Listener<T>>();
  readonly event = (listener: Listener<T>): { dispose(): void } => {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  };
  fire(value: T): void {
    for (const listener of [...this.#listeners]) listener(value);
  }
  dispose(): void {
    this.#listeners.clear();
  }
}

export class Disposable {
  readonly #dispose: () => void;
  constructor(dispose: () => void) {
    this.#dispose = dispose;
  }
  static from(...disposables: { dispose(): unknown }[]): Disposable {
    return new Disposable(() => {
      for (const disposable of disposables) disposable.dispose();
    });
  }
  dispose(): void {
    this.#dispose();
  }
}

export class ThemeColor {
  readonly id: string;
  constructor(id: string) {
    this.id = id;
  }
}
export class ThemeIcon {
  readonly id: string;
  readonly color: ThemeColor | undefined;
  constructor(id: string, color?: ThemeColor) {
    this.id = id;
    this.color = color;
  }
}
export class TreeItem {
  label: string;
  collapsibleState: number;
  constructor(label: string, collapsibleState = 0) {
    this.label = label;
    this.collapsibleState = collapsibleState;
  }
}
export class MarkdownString {
  value: string;
  isTrusted?: boolean;
  supportHtml?: boolean;
  readonly supportThemeIcons: boolean;
  constructor(value = "", supportThemeIcons = false) {
    this.value = value;
    this.supportThemeIcons = supportThemeIcons;
  }
  appendMarkdown(text: string): this {
    this.value += text;
    return this;
  }
}
export class DataTransferItem {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
  async asString(): Promise<string> {
    return String(this.value);
  }
}
export class CancellationError extends Error {}
export class CancellationTokenSource {
  readonly #cancelled = new EventEmitter<void>();
  readonly token = { isCancellationRequested: false, onCancellationRequested: this.#cancelled.event };
  cancel(): void {
    this.token.isCancellationRequested = true;
    this.#cancelled.fire();
  }
}

export class Uri {
  readonly scheme: string;
  readonly path: string;
  constructor(scheme: string, path: string) {
    this.scheme = scheme;
    this.path = path;
  }
  static from({ scheme, path = "" }: { scheme: string; path?: string }): Uri {
    return new Uri(scheme, path);
  }
  static file(path: string): Uri {
    return new Uri("file", path);
  }
  static parse(text: string): Uri {
    const { protocol, pathname } = new URL(text);
    return new Uri(protocol.slice(0, -1), decodeURIComponent(pathname));
  }
  static joinPath(uri: Uri, ...parts: string[]): Uri {
    return new Uri(uri.scheme, [uri.path, ...parts].join("/"));
  }
  get fsPath(): string {
    return this.path;
  }
  toString(): string {
    return `${this.scheme}:${this.path}`;
  }
}

export const TreeItemCollapsibleState = { None: 0, Collapsed: 1, Expanded: 2 };
export const StatusBarAlignment = { Left: 1, Right: 2 };
export const ProgressLocation = { Notification: 15 };
export const QuickPickItemKind = { Separator: -1, Default: 0 };
export const QuickInputButtons = { Back: { iconPath: new ThemeIcon("arrow-left") } };
export const ExtensionKind = { UI: 1, Workspace: 2 };
export const UIKind = { Desktop: 1, Web: 2 };

/** What was shown, said or done, in order. */
export const shown: { kind: string; text: string; details?: unknown }[] = [];
/** Answers by question (or placeholder, title); a function gets the offered items. */
export const answers = new Map<string, unknown>();
export const registered = new Map<string, (...args: unknown[]) => unknown>();
/** Translations of `l10n.t`; empty: English. */
export const bundle = new Map<string, string>();

export function reset(): void {
  shown.length = 0;
  answers.clear();
  bundle.clear();
}

async function message(kind: string, text: string, ...rest: unknown[]): Promise<unknown> {
  shown.push({ kind, text, details: rest });
  return answers.get(text);
}

const box = () => ({ dispose: () => undefined, show: () => undefined, hide: () => undefined });

export const window = {
  showErrorMessage: (text: string, ...rest: unknown[]) => message("error", text, ...rest),
  showWarningMessage: (text: string, ...rest: unknown[]) => message("warning", text, ...rest),
  showInformationMessage: (text: string, ...rest: unknown[]) => message("information", text, ...rest),
  async showQuickPick(items: unknown[], options: { title?: string }): Promise<unknown> {
    shown.push({ kind: "pick", text: options.title ?? "", details: items });
    const answer = answers.get(options.title ?? "");
    return typeof answer === "function" ? (answer as (items: unknown[]) => unknown)(items) : answer;
  },
  async showInputBox(options: { title?: string }): Promise<unknown> {
    shown.push({ kind: "input", text: options.title ?? "", details: options });
    return answers.get(options.title ?? "");
  },
  setStatusBarMessage: (text: string) => shown.push({ kind: "status", text }),
  createOutputChannel: () => ({
    ...box(),
    info: () => undefined,
    warn: () => undefined,
    debug: () => undefined,
    error: () => undefined,
    appendLine: (text: string) => shown.push({ kind: "output", text }),
  }),
  createStatusBarItem: () => ({ ...box(), text: "", tooltip: "" }),
  createTreeView: () => ({ ...box(), selection: [] as unknown[] }),
  registerFileDecorationProvider: box,
  async withProgress<T>(
    options: { title: string },
    work: (progress: { report(value: unknown): void }, token: unknown) => Promise<T>,
  ): Promise<T> {
    shown.push({ kind: "progress", text: options.title });
    return work({ report: (details) => shown.push({ kind: "report", text: options.title, details }) }, { onCancellationRequested: box });
  },
};

export const commands = {
  registerCommand(id: string, run: (...args: unknown[]) => unknown): Disposable {
    registered.set(id, run);
    return new Disposable(() => registered.delete(id));
  },
  async executeCommand(id: string, ...args: unknown[]): Promise<unknown> {
    shown.push({ kind: "command", text: id, details: args });
    return registered.get(id)?.(...args);
  },
};

export const workspace = {
  workspaceFolders: undefined,
  getConfiguration: () => ({ get: (_name: string, otherwise: unknown) => otherwise }),
  fs: { writeFile: async () => undefined },
};

export const env = {
  language: "en",
  remoteName: undefined,
  sessionId: "session",
  uiKind: UIKind.Desktop,
  clipboard: { text: "", writeText: async (text: string) => shown.push({ kind: "clipboard", text }), readText: async () => "" },
};
export const extensions = { getExtension: () => undefined };

export const l10n = {
  bundle: undefined,
  t(text: string, ...args: unknown[]): string {
    const translated = bundle.get(text) ?? text;
    return translated.replace(/\{(\d+)\}/g, (_, index: string) => String(args[Number(index)]));
  },
};
