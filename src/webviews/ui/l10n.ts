/**
 * `vscode.l10n.t` for code that also runs in a page and in tests, where there is no `vscode`. The English text is the
 * key, as there; `l10n.t("…")` is what VS Code's exporter looks for, so texts here are exported with all others.
 */
let bundle: Readonly<Record<string, string>> = {};

export const l10n = {
  /** Translations from now on: `vscode.l10n.bundle`. */
  use(translations: Readonly<Record<string, string>> | undefined): void {
    bundle = translations ?? {};
  },
  /** The text in the user's language, `{0}` replaced by the first argument. What is not translated stays English. */
  t(text: string, ...args: readonly (string | number)[]): string {
    return (bundle[text] ?? text).replace(/\{(\d+)\}/g, (whole, index: string) => String(args[Number(index)] ?? whole));
  },
};
