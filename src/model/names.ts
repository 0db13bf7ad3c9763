import { vivError } from "./errors.ts";

export const machineNamePattern = /^[a-z][a-z0-9-]{0,40}$/;

/** Refuses anything that is not a machine's name, before it is used in a path. */
export function requireMachineName(name: string): string {
  if (machineNamePattern.test(name)) return name;
  const shown = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
  throw vivError(
    "invalid-name",
    `${shown} cannot be a machine's name.`,
    "Use a lower-case letter, then up to 40 lower-case letters, digits and dashes.",
  );
}
