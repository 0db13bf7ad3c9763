import type { Verb } from "../verb.ts";
import { argumentsOf, completionOf, firstWord, firstWords, groupWords, optionsOf, secondWord } from "./words.ts";

/** The completion script for zsh. */
export function zshScript(verbs: readonly Verb[]): string {
  return `#compdef viv
# zsh completion for viv; written by: viv completion zsh
_viv_machines() { local -a names; names=(\${(f)"$(viv completion --names 2>/dev/null)"}); compadd -a names }
_viv_images() { local -a names; names=(\${(f)"$(viv completion --images 2>/dev/null)"}); compadd -a names }

_viv() {
  local verb="\${words[2]}"
  if (( CURRENT == 2 )); then
    local -a verbs=(
${firstWords(verbs)
  .map((word) => `      ${quote(`${word}:${describe(word, verbs)}`)}`)
  .join("\n")}
    )
    _describe verb verbs
    return
  fi
  case "$verb" in
${groupWords(verbs)
  .map((word) => group(word, verbs))
  .join("\n")}
  esac
  shift words
  (( CURRENT-- ))
  case "$verb" in
${verbs.map((verb) => `    ${quote(verb.name)}) _arguments -S ${specs(verb)} ;;`).join("\n")}
  esac
}
if [ "\${funcstack[1]}" = "_viv" ]; then _viv "$@"; else compdef _viv viv; fi
`;
}

/** A first word that needs a second: complete it, or take both as the verb. */
function group(word: string, verbs: readonly Verb[]): string {
  const seconds = verbs
    .filter((verb) => firstWord(verb) === word)
    .map((verb) => quote(`${secondWord(verb) ?? ""}:${verb.summary.replace(/:/g, "\\:")}`));
  return `    ${word})
      if (( CURRENT == 3 )); then
        local -a verbs=(${seconds.join(" ")})
        _describe verb verbs
        return
      fi
      verb="$verb \${words[3]}"
      shift words
      (( CURRENT-- ))
      ;;`;
}

function describe(word: string, verbs: readonly Verb[]): string {
  const verb = verbs.find((one) => one.name === word);
  const text = verb?.summary ?? verbs.flatMap((one) => (firstWord(one) === word ? (secondWord(one) ?? []) : [])).join(", ");
  return text.replace(/:/g, "\\:");
}

function action(what: ReturnType<typeof completionOf>): string {
  if (what === "machine") return "_viv_machines";
  if (what === "image") return "_viv_images";
  if (what === "file") return "_files";
  if (what === "folder") return "_files -/";
  return what === "none" ? " " : `(${what.join(" ")})`;
}

function specs(verb: Verb): string {
  const options = optionsOf(verb).flatMap(({ name, spec }) => {
    const text = `[${spec.summary.replace(/[[\]]/g, "\\$&").replace(/:/g, "\\:")}]`;
    const value = spec.value === undefined ? "" : `:${spec.value.replace(/:/g, "\\:")}:${action(completionOf(spec))}`;
    const flags = spec.short === undefined ? [`--${name}`] : [`--${name}`, `-${spec.short}`];
    return flags.map((flag) => quote(`${spec.many ? "*" : ""}${flag}${text}${value}`));
  });
  const args = argumentsOf(verb).map((spec, index) => {
    const label = spec.label.replace(/:/g, "\\:");
    return quote(`${spec.many ? "*" : index + 1}:${label}:${action(completionOf(spec))}`);
  });
  return [...options, ...args].join(" ");
}

function quote(text: string): string {
  return `'${text.replace(/'/g, "'\\''")}'`;
}
