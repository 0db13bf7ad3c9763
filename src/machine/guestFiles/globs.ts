/**
 * Which paths a pattern of VS Code's `files.watcherExclude` means: `**`, `*`, `?`, `{a,b}`, `[ab]`, `[!a]`. One that begins
 * with a slash is of the guest's root, any other of the watched folder. One that cannot be read means nothing.
 */
export function globMatcher(patterns: readonly string[], folder: string): (path: string) => boolean {
  const expressions = patterns.flatMap((pattern) => {
    try {
      return [new RegExp(`^${expressionOf(pattern)}(?:/.*)?$`, "u")];
    } catch {
      return [];
    }
  });
  const prefix = folder === "/" ? 1 : folder.length + 1;
  return (path) => expressions.some((expression) => expression.test(path) || expression.test(path.slice(prefix)));
}

function expressionOf(pattern: string): string {
  let text = "";
  let open = 0;
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at] ?? "";
    if (character === "*") {
      const double = pattern[at + 1] === "*";
      const slash = double && pattern[at + 2] === "/";
      text += slash ? "(?:[^/]*/)*" : double ? ".*" : "[^/]*";
      at += slash ? 2 : double ? 1 : 0;
    } else if (character === "?") text += "[^/]";
    else if (character === "{") {
      text += "(?:";
      open += 1;
    } else if (character === "}" && open > 0) {
      text += ")";
      open -= 1;
    } else if (character === "," && open > 0) text += "|";
    else if (character === "[" && pattern.indexOf("]", at + 2) > 0) {
      const end = pattern.indexOf("]", at + 2);
      const inside = pattern.slice(at + 1, end).replaceAll(/[\\[]/g, "\\$&");
      text += `[${inside.startsWith("!") ? `^/${inside.slice(1)}` : inside}]`;
      at = end;
    } else text += character.replace(/[\\^$.*+?()[\]{}|/-]/u, "\\$&").replace("\\-", "-");
  }
  return `${text}${")".repeat(open)}`.replace(/\/$/, "");
}
