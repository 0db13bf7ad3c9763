import { execa } from "execa";
import { BundleError } from "./errors.ts";

/**
 * A command as data: pure functions make these, `run` carries them out.
 * `parse` turns standard output into what the caller wanted to know.
 */
export type Command<T = void> = {
  command: string;
  args: string[];
  parse: (stdout: string) => T;
  cwd?: string;
  /** Added to the environment of this process. */
  env?: Record<string, string>;
};

/** For commands whose output says nothing of interest. */
export const ignoreOutput = (): void => undefined;

/** Runs a command and parses its output. Fails with the command's own last words. */
export async function run<T>(command: Command<T>): Promise<T> {
  const result = await execa(command.command, command.args, {
    reject: false,
    maxBuffer: 256 * 1024 * 1024,
    // Tools print what we parse in the user's language otherwise.
    env: { LC_ALL: "C.UTF-8", ...command.env },
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
  });
  if (!result.failed) return command.parse(result.stdout);
  const words = [command.command, ...command.args].join(" ");
  if (result.code === "ENOENT") {
    throw new BundleError("tool-missing", `${command.command} was not found`, `Install ${command.command} and try again.`);
  }
  const lastWords = `${result.stderr}\n${result.stdout}`.trim().split("\n").slice(-12).join("\n  ");
  throw new BundleError("command-failed", `${words}\n  ${lastWords}`, "Run the command by hand to see more.", {
    cause: result,
  });
}
