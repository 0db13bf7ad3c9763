/** X11's names (keysymdef.h) for the keys of the menu: QEMU takes them where a machine has a keyboard layout. */
const symbols: Readonly<Record<string, number>> = {
  ControlLeft: 0xffe3,
  AltLeft: 0xffe9,
  MetaLeft: 0xffeb,
  Delete: 0xffff,
  Backspace: 0xff08,
  Tab: 0xff09,
  Escape: 0xff1b,
  PrintScreen: 0xff61,
};
const f1 = 0xffbe;

/** @returns 0 for a key without one: QEMU then goes by the scan code. */
export function keySymbol(code: string): number {
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  if (letter !== undefined) return letter.toLowerCase().charCodeAt(0);
  const number = /^F(\d{1,2})$/.exec(code)?.[1];
  if (number !== undefined) return f1 + Number(number) - 1;
  return symbols[code] ?? 0;
}
