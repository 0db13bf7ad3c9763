import { createHash, randomBytes } from "node:crypto";
import { basename } from "node:path";

/** A machine for one run: no other has its name. */
export function runMachineName(folder: string, target: string | undefined): string {
  return `${stem(folder, target)}-${randomBytes(3).toString("hex")}`;
}

/** The machine of `viv up`: always the same for a folder and target. */
export function upMachineName(folder: string, target: string | undefined): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([folder, target ?? null]))
    .digest("hex");
  return `${stem(folder, target)}-up-${digest.slice(0, 6)}`;
}

/** At most 31 characters, so that names stay below 41. */
function stem(folder: string, target: string | undefined): string {
  const word = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 14)
    .replace(/-+$/, "");
  return `${word === "" ? "tests" : word}${target === undefined ? "" : `-${target}`}`;
}
