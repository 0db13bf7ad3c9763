import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import * as z from "zod";
import { vivError } from "../model/index.ts";

/** Where the service of a home listens, and who it is: `<home>/run/vivd.json`, 0600, written by vivd. */
export const Endpoint = z.object({
  schema: z.literal(1),
  /** Socket path, or on Windows the name of a pipe. */
  address: z.string(),
  /** Shared secret both sides prove; whoever can read this file is the user. */
  token: z.string().min(20),
  pid: z.int().positive(),
  startTime: z.string(),
  version: z.string(),
  build: z.string(),
});
export type Endpoint = z.infer<typeof Endpoint>;

/** The home folder: argument, else `VIVARIUM_HOME`, else `~/.vivarium`. */
export function homeFolder(given?: string): string {
  return resolve(given ?? process.env.VIVARIUM_HOME ?? join(homedir(), ".vivarium"));
}

export function endpointFile(home: string): string {
  return join(home, "run", "vivd.json");
}

export async function readEndpoint(home: string): Promise<Endpoint | undefined> {
  let text: string;
  try {
    text = await readFile(endpointFile(home), "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw vivError(
      "home-unusable",
      `Cannot read ${endpointFile(home)}: ${(error as Error).message}`,
      "Check that the folder belongs to you.",
      error,
    );
  }
  try {
    return Endpoint.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
