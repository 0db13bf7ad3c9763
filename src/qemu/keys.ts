import { vivError } from "../model/index.ts";
import { type KeyLayout, keyLayouts, rowKeys } from "./keyLayouts.ts";

/** Keys pressed together, as QEMU's qcodes, in the order they go down; they come up in reverse. */
export interface KeyStep {
  readonly keys: readonly string[];
}

const modifiers: Readonly<Record<string, string>> = {
  ...{ ctrl: "ctrl", control: "ctrl", shift: "shift", alt: "alt", option: "alt", altgr: "alt_r" },
  ...{ meta: "meta_l", super: "meta_l", win: "meta_l", cmd: "meta_l", command: "meta_l" },
};

const named: Readonly<Record<string, string>> = {
  ...{
    delete: "delete",
    del: "delete",
    insert: "insert",
    ins: "insert",
    home: "home",
    end: "end",
    pageup: "pgup",
    pgup: "pgup",
    pagedown: "pgdn",
    pgdn: "pgdn",
  },
  ...{ up: "up", down: "down", left: "left", right: "right" },
  ...{ enter: "ret", return: "ret", ret: "ret", esc: "esc", escape: "esc", tab: "tab", space: "spc", spc: "spc", backspace: "backspace" },
  ...{
    print: "print",
    printscreen: "print",
    sysrq: "sysrq",
    pause: "pause",
    menu: "menu",
    capslock: "caps_lock",
    numlock: "num_lock",
    scrolllock: "scroll_lock",
  },
  ...{
    minus: "minus",
    equal: "equal",
    comma: "comma",
    dot: "dot",
    period: "dot",
    slash: "slash",
    backslash: "backslash",
    semicolon: "semicolon",
    apostrophe: "apostrophe",
  },
  ...{ grave: "grave_accent", bracketleft: "bracket_left", bracketright: "bracket_right", less: "less" },
  ...Object.fromEntries([..."abcdefghijklmnopqrstuvwxyz0123456789"].map((key) => [key, key])),
  ...Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`f${index + 1}`, `f${index + 1}`])),
};

const keyNames: ReadonlyMap<string, string> = new Map(Object.entries({ ...modifiers, ...named }));

/**
 * `ctrl-alt-delete`, `ctrl+alt+f2`, `meta-r`, `enter` → the keys. Letters are places on a US keyboard.
 *
 * @throws VivError `usage` that lists near names
 */
export function keyCombination(text: string): KeyStep {
  const parts = text.trim().toLowerCase().split(/[-+]/);
  const keys = parts.map((part) => {
    const key = keyNames.get(part);
    if (key !== undefined) return key;
    throw vivError("usage", `“${text}”: there is no key named “${part}”.`, nearHint(part));
  });
  return { keys: [...new Set(keys)] };
}

function nearHint(part: string): string {
  const names = [...keyNames.keys()].filter((name) => name.length > 1);
  const near = names.filter((name) => part !== "" && (name.startsWith(part) || distance(name, part) <= 2)).slice(0, 6);
  const example = "Write for example ctrl-alt-delete, ctrl-alt-f2, meta-r or enter.";
  return near.length === 0 ? example : `Did you mean ${near.join(", ")}? ${example}`;
}

/** Letters to change, add or drop to get from one word to the other (Levenshtein). */
function distance(one: string, other: string): number {
  const first = Array.from({ length: other.length + 1 }, (_, index) => index);
  const last = [...one].reduce((row, letter, at) => {
    const next = [at + 1];
    [...other].forEach((each, index) => {
      next.push(Math.min((next[index] ?? 0) + 1, (row[index + 1] ?? 0) + 1, (row[index] ?? 0) + (each === letter ? 0 : 1)));
    });
    return next;
  }, first);
  return last.at(-1) ?? 0;
}

export const keyLayoutNames = Object.keys(keyLayouts).sort();

/**
 * The keys that type a text on a keyboard of that layout, in a guest set to the same layout. Dead keys are used where
 * the layout has them (`ê` on a German one: `^`, then `e`).
 *
 * @throws VivError `usage` for an unknown layout, or a character which that keyboard does not have
 */
export function textKeys(text: string, layoutName: string): KeyStep[] {
  if (!Object.hasOwn(keyLayouts, layoutName)) {
    throw vivError("usage", `There is no keyboard layout “${layoutName}”.`, `Known layouts: ${keyLayoutNames.join(", ")}.`);
  }
  const table = charactersOf(keyLayouts[layoutName as keyof typeof keyLayouts]);
  return [...text.replace(/\r\n?/g, "\n").normalize("NFC")].flatMap((character) => {
    const steps = table.get(character) ?? byDeadKey(table, character);
    if (steps !== undefined) return steps;
    throw vivError(
      "usage",
      `${JSON.stringify(character)} is not on a ${layoutName} keyboard.`,
      "Choose the guest's layout with --layout, or send the text through viv exec or viv cp.",
    );
  });
}

const levelModifiers = [[], ["shift"], ["alt_r"], ["shift", "alt_r"]] as const;

/** Character → keys. Combining characters stand for dead keys. */
function charactersOf(layout: KeyLayout): Map<string, KeyStep[]> {
  const table = new Map<string, KeyStep[]>([
    [" ", [{ keys: ["spc"] }]],
    ["\n", [{ keys: ["ret"] }]],
    ["\t", [{ keys: ["tab"] }]],
  ]);
  const add = (character: string | undefined, key: string | undefined, level: number): void => {
    if (character === undefined || key === undefined || character === " " || table.has(character)) return;
    table.set(character, [{ keys: [...(levelModifiers[level] ?? []), key] }]);
  };
  layout.levels.forEach((rows, level) => {
    rows.forEach((row, at) => {
      [...row].forEach((character, index) => {
        add(character, rowKeys[at]?.[index], level);
      });
    });
  });
  for (const [key, characters] of Object.entries(layout.extra ?? {})) {
    [...characters].forEach((character, level) => {
      add(character, key, level);
    });
  }
  return table;
}

/** What a dead key gives when a space follows. */
const spacing: Readonly<Record<string, string>> = { "`": "\u0300", "´": "\u0301", "^": "\u0302", "~": "\u0303", "¨": "\u0308" };

function byDeadKey(table: ReadonlyMap<string, KeyStep[]>, character: string): KeyStep[] | undefined {
  const alone = table.get(spacing[character] ?? "");
  if (alone !== undefined) return [...alone, { keys: ["spc"] }];
  const [letter = "", accent = "", ...more] = character.normalize("NFD");
  const [dead, base] = [table.get(accent), table.get(letter)];
  return dead === undefined || base === undefined || more.length > 0 ? undefined : [...dead, ...base];
}
