import { type ParseError, parse, printParseErrorCode } from "jsonc-parser";
import { checkDefinition, type Definition, type DefinitionProblem } from "../../model/index.ts";
import { l10n } from "../ui/l10n.ts";

/** What the text of a `vm.json` says, for the form. */
export type ReadDefinition =
  | {
      readonly kind: "read";
      readonly values: Readonly<Record<string, unknown>>;
      readonly problems: readonly DefinitionProblem[];
      readonly definition?: Definition;
    }
  /** Not JSON: `line` and `column` count from 1. */
  | { readonly kind: "broken"; readonly line: number; readonly column: number; readonly problem: string };

export function readDefinition(text: string): ReadDefinition {
  const errors: ParseError[] = [];
  const values: unknown = parse(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first) return { kind: "broken", ...position(text, first.offset), problem: parseProblem(first.error) };
  if (typeof values !== "object" || values === null || Array.isArray(values)) {
    return { kind: "broken", line: 1, column: 1, problem: l10n.t("the file must be an object in braces") };
  }
  const checked = checkDefinition(values);
  const read = { kind: "read", values: values as Record<string, unknown> } as const;
  return "definition" in checked ? { ...read, problems: [], definition: checked.definition } : { ...read, problems: checked.problems };
}

function position(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** jsonc-parser's names of errors, in words. */
function parseProblem(code: ParseError["error"]): string {
  switch (printParseErrorCode(code)) {
    case "CommaExpected":
      return l10n.t("a comma is missing");
    case "ColonExpected":
      return l10n.t("a colon is missing");
    case "CloseBraceExpected":
      return l10n.t("a closing brace is missing");
    case "CloseBracketExpected":
      return l10n.t("a closing bracket is missing");
    case "PropertyNameExpected":
      return l10n.t("a name in quotation marks is missing");
    case "ValueExpected":
      return l10n.t("a value is missing");
    case "EndOfFileExpected":
      return l10n.t("there is more after the end");
    case "UnexpectedEndOfString":
      return l10n.t("a text has no closing quotation mark");
    case "UnexpectedEndOfComment":
      return l10n.t("a comment has no end");
    default:
      return l10n.t("this is not JSON");
  }
}
