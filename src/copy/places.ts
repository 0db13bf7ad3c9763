import { machineNamePattern, vivError } from "../model/index.ts";

/** One end of a copy: a path of this host, or of a machine. */
export type Place =
  | { readonly kind: "host"; readonly path: string }
  | { readonly kind: "guest"; readonly machine: string; readonly path: string };

/**
 * `NAME:/path` is a machine's, everything else this host's (also `C:\…`, and `./a:b` for a file with a colon).
 * @throws VivError `usage`
 */
export function parsePlace(word: string): Place {
  const colon = word.indexOf(":");
  const name = word.slice(0, colon);
  // One letter and a backslash or slash is a drive of Windows.
  const drive = colon === 1 && /^[A-Za-z]:[\\/]/.test(word) && process.platform === "win32";
  if (colon < 1 || drive || /[\\/]/.test(name)) return { kind: "host", path: word };
  if (!machineNamePattern.test(name))
    throw vivError(
      "usage",
      `${JSON.stringify(name)} is no machine's name.`,
      "NAME:/path is a machine's file; ./a:b is a file of this host.",
    );
  const path = word.slice(colon + 1);
  if (!path.startsWith("/"))
    throw vivError("usage", `${JSON.stringify(word)} needs an absolute path in the guest.`, `For example ${name}:/root/${path || "file"}`);
  if (path.includes("\0")) throw vivError("usage", "A path cannot hold a zero byte.");
  return { kind: "guest", machine: name, path };
}

/** The last part of a guest's path: `/a/b/` → `b`; the root has none. */
export function guestBase(path: string): string {
  return path.split("/").filter(Boolean).at(-1) ?? "";
}

/** The folder a guest's path lies in: `/a/b/` → `/a`. */
export function guestFolder(path: string): string {
  return `/${path.split("/").filter(Boolean).slice(0, -1).join("/")}`;
}
