import { type VivError, vivError } from "../../model/index.ts";

/** Linux's numbers for what can go wrong with a file, and what C's library calls them (LC_ALL=C). */
const known: readonly (readonly [number: number, words: RegExp])[] = [
  [2, /No such file or directory|does not exist/],
  [17, /File exists/],
  [13, /Permission denied/],
  [1, /Operation not permitted/],
  [30, /Read-only file system/],
  [20, /Not a directory/],
  [21, /Is a directory/],
  [39, /Directory not empty/],
  [28, /No space left on device/],
  [122, /Disk quota exceeded/],
  [36, /File name too long/],
  [40, /Too many (?:levels of )?symbolic links/],
  [18, /cross-device|different file system/i],
  [26, /Text file busy/],
  [16, /resource busy|Device or resource busy/],
];

/** What the guest said on stderr as an error: `errno N` of the agent's applet and of our scripts, else a program's words. */
export function guestFileError(said: string, path: string, exitCode: number): VivError {
  const number = /^errno (\d+)$/m.exec(said)?.[1];
  const found = number === undefined ? known.find(([, words]) => words.test(said))?.[0] : Number(number);
  return errorOf(found, JSON.stringify(path), said, exitCode);
}

function errorOf(number: number | undefined, path: string, said: string, exitCode: number): VivError {
  switch (number) {
    case 2:
      return vivError("not-found", `There is no ${path} in the guest.`);
    case 17:
      return vivError("exists", `${path} exists in the guest.`);
    case 1:
    case 13:
      return vivError("no-permission", `${path}: the guest does not permit it.`, "Another user may: its owner and mode say who.");
    case 30:
      return vivError("no-permission", `${path} lies on a file system that the guest has mounted read-only.`);
    case 20:
      return vivError("not-a-folder", `A part of ${path} is no folder in the guest.`);
    case 21:
      return vivError("is-a-folder", `${path} is a folder in the guest.`);
    case 39:
      return vivError("io-error", `${path} is not empty.`, "Remove it with all that is in it.");
    case 28:
    case 122:
      return vivError("disk-full", `The guest's disk is full: ${path} cannot be written.`, "Free some space in the guest.");
    case 22:
      return vivError("io-error", `${path}: that cannot be done with what it is (a pipe, a device, a folder into itself).`);
    case 36:
      return vivError("usage", `${path} is longer than the guest takes.`);
    case 40:
      return vivError("io-error", `${path} is a link that leads in a circle.`);
    case 18:
      return vivError("io-error", `Another file system is mounted in ${path}: it was left alone.`, "Unmount it first.");
    case 16:
    case 26:
      return vivError("io-error", `${path} is in use in the guest.`);
    case 32:
      return vivError("io-error", `${path} was not written: its content did not arrive whole.`, "Write it again.");
    default: {
      const words = said
        .replaceAll(/[^\x20-\x7e]+/g, " ")
        .trim()
        .slice(0, 200);
      return vivError(
        "io-error",
        `${path}: the guest refused (${words || (number === undefined ? `exit code ${exitCode}` : `error ${number}`)}).`,
      );
    }
  }
}
