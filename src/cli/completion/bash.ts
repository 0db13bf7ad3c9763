import type { Verb } from "../verb.ts";
import { argumentsOf, completionOf, firstWord, firstWords, flagsOf, groupWords, optionsOf, secondWord } from "./words.ts";

/** The completion script for bash 4 and later (3.2 of macOS as well: no associative arrays). */
export function bashScript(verbs: readonly Verb[]): string {
  return `# bash completion for viv; written by: viv completion bash
_viv_words() { COMPREPLY=($(compgen -W "$1" -- "$cur")); }
_viv_asked() { local IFS=$'\\n'; COMPREPLY=($(compgen -W "$(viv completion "$1" 2>/dev/null)" -- "$cur")); }
_viv_files() { compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen "$1" -- "$cur")); }

_viv() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" previous="" verb="" place=0 takes="" word index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    if [ "$word" = "--" ]; then COMPREPLY=($(compgen -f -- "$cur")); return; fi
    if [ -n "$takes" ]; then takes=""; continue; fi
    case "$verb $word" in
${valueOptions(verbs)}
    esac
    case "$word" in -*) continue ;; esac
    case "$verb" in
      "") verb="$word" ;;
      ${groupWords(verbs).join(" | ")}) verb="$verb $word" ;;
      *) place=$((place + 1)) ;;
    esac
  done
  case "$takes" in
${takenValues(verbs)}
  esac
  case "$verb" in
    "") _viv_words "${firstWords(verbs).join(" ")}"; return ;;
${groupWords(verbs)
  .map((word) => `    ${word}) _viv_words "${secondWordsOf(word, verbs).join(" ")}"; return ;;`)
  .join("\n")}
  esac
  case "$cur" in
    -*)
      case "$verb" in
${verbs.map((verb) => `        "${verb.name}") _viv_words "${optionsOf(verb).flatMap(flagsOf).join(" ")}" ;;`).join("\n")}
      esac
      return
      ;;
  esac
  case "$verb:$place" in
${verbs.flatMap(places).join("\n")}
  esac
}
complete -F _viv viv
`;
}

function secondWordsOf(word: string, verbs: readonly Verb[]): string[] {
  return verbs.filter((verb) => firstWord(verb) === word).flatMap((verb) => secondWord(verb) ?? []);
}

function action(what: ReturnType<typeof completionOf>): string {
  if (what === "machine") return "_viv_asked --names";
  if (what === "image") return "_viv_asked --images";
  if (what === "file") return "_viv_files -f";
  if (what === "folder") return "_viv_files -d";
  if (what === "none") return ":";
  return `_viv_words "${what.join(" ")}"`;
}

function valueOptions(verbs: readonly Verb[]): string {
  return verbs
    .flatMap((verb) =>
      optionsOf(verb)
        .filter(({ spec }) => spec.value !== undefined)
        .map(
          (option) =>
            `      ${flagsOf(option)
              .map((flag) => `"${verb.name} ${flag}"`)
              .join(" | ")}) takes="${verb.name} --${option.name}"; continue ;;`,
        ),
    )
    .join("\n");
}

function takenValues(verbs: readonly Verb[]): string {
  return verbs
    .flatMap((verb) =>
      optionsOf(verb)
        .filter(({ spec }) => spec.value !== undefined)
        .map(({ name, spec }) => `    "${verb.name} --${name}") ${action(completionOf(spec))}; return ;;`),
    )
    .join("\n");
}

function places(verb: Verb): string[] {
  return argumentsOf(verb).flatMap((spec, index) => {
    const act = action(completionOf(spec));
    return act === ":" ? [] : [`    "${verb.name}:"${spec.many ? "*" : index}) ${act} ;;`];
  });
}
