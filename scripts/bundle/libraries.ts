import { BundleError } from "./errors.ts";

/**
 * All libraries that some programs need, followed through the libraries themselves.
 * Works for every platform: only how needs are read and resolved differs.
 *
 * @param start what to begin with: programs and modules
 * @param needsOf the names a file asks its loader for
 * @param resolve the file behind a name; `"system"` where the operating system has it; undefined when it is missing
 * @returns name → file, sorted by name
 */
export async function libraryClosure(
  start: readonly string[],
  needsOf: (file: string) => Promise<string[]>,
  resolve: (name: string, neededBy: string) => Promise<string | "system" | undefined>,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const system = new Set<string>();
  const queue = [...start];
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    for (const name of await needsOf(file)) {
      if (found.has(name) || system.has(name)) continue;
      const library = await resolve(name, file);
      if (library === undefined) {
        throw new BundleError(
          "library-missing",
          `${name}, needed by ${file}, is in none of the packages`,
          "Add the package which has it to the recipe.",
        );
      }
      if (library === "system") {
        system.add(name);
      } else {
        found.set(name, library);
        queue.push(library);
      }
    }
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
