import { StringDecoder } from "node:string_decoder";
import type { ReadinessStep } from "../model/index.ts";

/** The steps of the readiness ladder that a machine tells on its serial console. */
export type ReadinessMark = Exclude<ReadinessStep, "qmp">;

/**
 * What each step looks like. The starter guest says `vivarium: agent 3.41` (seconds since its kernel started);
 * the others are what SeaBIOS, iPXE, EDK II, GRUB, Linux and its first programs print.
 */
const marks: readonly (readonly [ReadinessMark, RegExp])[] = [
  [
    "firmware",
    /SeaBIOS \(version|iPXE \d|UEFI firmware \(version|BdsDxe: |TianoCore|EDK II|Booting from (?:ROM|Hard Disk|DVD)|Welcome to GRUB|GNU GRUB/,
  ],
  ["kernel", /vivarium: kernel [\d.]+|Linux version \d|EFI stub: |^\[ +\d+\.\d+\] /],
  ["init", /vivarium: init [\d.]+|Run \S+ as init process|systemd\[1\]: |(?:^| )login: ?$/],
  ["network", /vivarium: network [\d.]+/],
  ["agent", /vivarium: agent [\d.]+/],
  ["ssh", /vivarium: ssh [\d.]+/],
];

/** Longest part of a line that is looked at; a guest may print without end. */
const lineLimit = 1000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is removed
const escapes = /\u001b\[[0-9;?=]*[ -/]*[@-~]|\u001b[()][A-Z0-9]|\u001b[78=>cM]|[\u0000-\u0008\u000e-\u001a]/g;

/**
 * A reader of one machine's console: give it what arrives, it gives the steps seen for the first time.
 * Prompts without a line end count; text cut anywhere between two pieces is put together.
 */
export function readinessReader(): (data: Buffer | string) => ReadinessMark[] {
  const decoder = new StringDecoder("utf8");
  const seen = new Set<ReadinessMark>();
  let rest = "";
  return (data) => {
    const lines = `${rest}${typeof data === "string" ? data : decoder.write(data)}`.split(/\r\n|\n|\r/);
    rest = (lines.at(-1) ?? "").slice(-lineLimit);
    return lines.flatMap((line) => marksOf(line.slice(0, lineLimit)).filter((mark) => isNew(mark, seen)));
  };
}

const startUp: readonly ReadinessMark[] = ["firmware", "kernel", "init"];

/** Remembers it. A quiet kernel first speaks when it shuts down: what comes after init is no step of starting up. */
function isNew(mark: ReadinessMark, seen: Set<ReadinessMark>): boolean {
  const later = startUp.slice(startUp.includes(mark) ? startUp.indexOf(mark) + 1 : startUp.length);
  if (seen.has(mark) || later.some((each) => seen.has(each))) return false;
  seen.add(mark);
  return true;
}

function marksOf(line: string): ReadinessMark[] {
  const text = line.replace(escapes, "");
  return marks.flatMap(([mark, pattern]) => (pattern.test(text) ? [mark] : []));
}
