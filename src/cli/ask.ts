import { createInterface } from "node:readline";
import { vivError } from "../model/index.ts";
import type { Work } from "./verb.ts";

/** A yes-or-no question on the terminal; Enter gives the default. */
export function ask(work: Work, question: string, byDefault: "yes" | "no"): Promise<boolean> {
  const { host } = work;
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: host.stdin, output: host.stderr, terminal: false });
    const abort = (): void => {
      lines.close();
      reject(vivError("cancelled", "Cancelled."));
    };
    if (work.signal.aborted) return abort();
    work.signal.addEventListener("abort", abort, { once: true });
    let answer = byDefault === "yes";
    lines.once("line", (line) => {
      const word = line.trim().toLowerCase();
      if (word !== "") answer = word === "y" || word === "yes";
      lines.close();
    });
    lines.once("close", () => {
      work.signal.removeEventListener("abort", abort);
      host.stdin.pause();
      resolve(answer);
    });
    host.stderr.write(`${question} ${byDefault === "yes" ? "[Y/n]" : "[y/N]"} `);
  });
}
