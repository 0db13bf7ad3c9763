// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the shell's own
import { guestPathBytes } from "../../model/index.ts";

/**
 * What an editor does with files, as POSIX shell, for guests without viv-agent. Their answers have the form of the
 * agent's applet (records.ts). Paths come as octal numbers: a shell's own quoting cannot carry every byte, and `$(…)`
 * drops newlines at the end, which the X keeps.
 */

/** Assigns a path to a shell variable. */
function assign(name: string, path: string): string {
  const octal = [...guestPathBytes(path)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  return `${name}=$(printf '${octal}X'); ${name}=\${${name}%X}`;
}

const begin = 'set -u; LC_ALL=C; export LC_ALL; umask 022; fail() { echo "errno $1" >&2; exit 1; }';
const there = '[ -e "$p" ] || [ -h "$p" ] || { [ -d "${p%/*}/" ] || [ "${p%/*}" = "" ] || fail 20; fail 2; }';
/** f d o -, and whether it is a link, by the shell alone. */
const typed =
  'kind() { l=0; [ -h "$1" ] && l=1; if [ -d "$1" ]; then t=d; elif [ -f "$1" ]; then t=f; elif [ -e "$1" ]; then t=o; else t=-; fi; }';

function script(...lines: string[]): string {
  return [begin, ...lines].join("\n");
}

/** GNU's and busybox' stat(1), else a BSD's. */
export function statScript(path: string): string {
  return script(
    assign("p", path),
    there,
    typed,
    'kind "$p"; f=-L; [ $t = - ] && f=',
    `s=$(stat $f -c '%a %s %Y %Z' -- "$p" 2>/dev/null || stat $f -f '%Lp %z %m %c' -- "$p") || fail 5`,
    "set -- $s",
    'w=0; [ -w "$p" ] && w=1',
    'printf "%s %s %s %s %s000000000 %s000000000 %s " "$t" "$l" "$1" "$2" "$3" "$4" "$w"',
    '[ $l = 0 ] || printf "%s" "$(readlink -- "$p")"',
    "printf '\\000'",
  );
}

export function listScript(path: string, limit: number): string {
  return script(
    assign("p", path),
    there,
    typed,
    '[ -d "$p" ] || fail 20',
    '[ -r "$p" ] && [ -x "$p" ] || fail 13',
    "i=0",
    'for f in "${p%/}"/* "${p%/}"/.[!.]* "${p%/}"/..?*; do',
    'kind "$f"; [ $t = - ] && [ $l = 0 ] && continue',
    `i=$((i+1)); [ $i -gt ${limit} ] && { printf 'more\\000'; break; }`,
    "printf '%s %s 0 0 %s\\000' $t $l \"${f##*/}\"",
    "done; :",
  );
}

/** In blocks, which is all that POSIX' dd(1) has: the caller cuts off what it did not ask for. */
export const readBlockBytes = 64 * 1024;

export function readScript(path: string, offsetBytes: number, lengthBytes: number): string {
  const first = Math.floor(offsetBytes / readBlockBytes);
  const last = Math.ceil((offsetBytes + lengthBytes) / readBlockBytes);
  return script(
    assign("p", path),
    there,
    '[ -d "$p" ] && fail 21; [ -f "$p" ] || fail 22; [ -r "$p" ] || fail 13',
    `exec dd if="$p" bs=${readBlockBytes} skip=${first} count=${last - first} 2>/dev/null`,
  );
}

/** stdin becomes the file: beside it first, then renamed over it. */
export function writeScript(path: string, how: "create" | "overwrite" | "either", sizeBytes: number): string {
  return script(
    assign("p", path),
    'd=${p%/*}; [ -n "$d" ] || d=/; [ -d "$d" ] || { [ -e "$d" ] && fail 20; fail 2; }',
    '[ -d "$p" ] && fail 21',
    'if [ -e "$p" ]; then',
    how === "create" ? "fail 17" : '[ -f "$p" ] || fail 22; [ -w "$p" ] || fail 13',
    `if [ -h "$p" ]; then p=$(readlink -f -- "$p" && echo X) || fail 40; p=\${p%?X}; d=\${p%/*}; fi`,
    `k=$(stat -c '%a %u:%g %h' -- "$p" 2>/dev/null || stat -f '%Lp %u:%g %l' -- "$p") || fail 5`,
    "else k=",
    how === "overwrite" ? "fail 2" : '[ -h "$p" ] && fail 2',
    "fi",
    't=$d/.viv-$$-write; set -C; : > "$t" || { set +C; t=; }; set +C',
    '[ -z "$k" ] && [ -z "$t" ] && { [ -w "$d" ] || fail 13; fail 5; }',
    // Nothing can stand beside it, or it has another name too: in place.
    "set -- $k",
    'if [ -z "$t" ] || [ "${3:-1}" -gt 1 ]; then',
    '[ -z "$t" ] || rm -f -- "$t"',
    't=$(mktemp) || fail 28; cat > "$t" || { rm -f "$t"; fail 28; }',
    `[ "$(wc -c < "$t")" -eq ${sizeBytes} ] || { rm -f "$t"; fail 32; }`,
    'cat "$t" > "$p"; r=$?; rm -f "$t"; exit $r; fi',
    "trap 'rm -f -- \"$t\"' EXIT HUP INT TERM",
    'cat > "$t" || exit 1',
    `[ "$(wc -c < "$t")" -eq ${sizeBytes} ] || fail 32`,
    'if [ -n "$k" ]; then chown "$2" "$t" 2>/dev/null; chmod "$1" "$t"; fi',
    how === "create" ? '[ -e "$p" ] || [ -h "$p" ] && fail 17' : ":",
    'sync -- "$t" 2>/dev/null; mv -f -- "$t" "$p"',
  );
}

export function makeFolderScript(path: string): string {
  return script(assign("p", path), '[ -e "$p" ] || [ -h "$p" ] && fail 17', 'exec mkdir -- "$p"');
}

/** What is there stands aside until the new one has its place. */
const putInPlace = [
  'if [ -e "$q" ] || [ -h "$q" ]; then',
  'a="${q%/*}/.viv-$$-aside"; mv -- "$q" "$a" || exit 1',
  'if mv -- "$from" "$q"; then exec rm -rf -- "$a"; fi; mv -- "$a" "$q"; exit 1; fi',
  'exec mv -- "$from" "$q"',
];

const targetFree = '{ [ -e "$q" ] || [ -h "$q" ]; } && fail 17';
const targetFolder = '[ -d "${q%/*}/" ] || fail 2';
/** Said by mv and cp in words of each system: a folder into itself. */
const notIntoItself = '[ -d "$p" ] && [ ! -h "$p" ] && case "$q/" in "$p/"*) fail 22;; esac';

export function renameScript(path: string, target: string, overwrite: boolean): string {
  return script(
    assign("p", path),
    assign("q", target),
    there,
    targetFolder,
    notIntoItself,
    '[ "$p" = "$q" ] && exit 0',
    overwrite ? ":" : targetFree,
    "from=$p",
    ...putInPlace,
  );
}

export function copyScript(path: string, target: string, overwrite: boolean): string {
  return script(
    assign("p", path),
    assign("q", target),
    there,
    targetFolder,
    notIntoItself,
    overwrite ? ":" : targetFree,
    'from="${q%/*}/.viv-$$-copy"; cp -RPp -- "$p" "$from" || { rm -rf -- "$from"; exit 1; }',
    ...putInPlace,
  );
}

export function removeScript(path: string, recursive: boolean): string {
  return script(
    assign("p", path),
    there,
    '[ "$p" = / ] && fail 16',
    recursive
      ? [
          'if [ -d "$p" ] && [ ! -h "$p" ]; then',
          // What is mounted below is not ours to empty. Blanks in these paths are octal.
          'r=$(cd -P -- "$p" && pwd && echo X) || fail 13; r=${r%?X}',
          'if [ -r /proc/mounts ]; then while read -r d m rest; do m=$(printf %b "$m"); case "$m" in "$r"/*) fail 18;; esac; done < /proc/mounts; fi',
          'fi; exec rm -rf -- "$p"',
        ].join("\n")
      : 'if [ -d "$p" ] && [ ! -h "$p" ]; then exec rmdir -- "$p"; fi; exec rm -f -- "$p"',
  );
}
