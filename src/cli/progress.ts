import type { ProgressReport } from "../api/index.ts";
import type { Host } from "./host.ts";
import { safeText } from "./safe.ts";
import { displayWidth } from "./table.ts";

/**
 * The live line on stderr: `start hello: waiting for the guest agent 42 %`. Only on a terminal; elsewhere
 * nothing, or with `--verbose` one line for each new step.
 */
export class Progress {
  readonly #host: Host;
  readonly #verbose: boolean;
  readonly #active = new Map<string, string>();
  #drawn = false;

  constructor(host: Host, verbose: boolean) {
    this.#host = host;
    this.#verbose = verbose;
  }

  /** `subject` is what is done to what: `start hello`. */
  update(subject: string, report: ProgressReport): void {
    const step = safeText(report.step);
    if (this.#host.stderr.isTTY) {
      this.#active.set(subject, `${subject}: ${step}${report.percent === undefined ? "" : ` ${Math.floor(report.percent)} %`}`);
      this.#draw();
    } else if (this.#verbose && this.#active.get(subject) !== step) {
      this.#active.set(subject, step);
      this.#host.stderr.write(`${subject}: ${step}\n`);
    }
  }

  end(subject: string): void {
    this.#active.delete(subject);
    this.clear();
    if (this.#host.stderr.isTTY && this.#active.size > 0) this.#draw();
  }

  /** Takes the line away, before anything else is printed. */
  clear(): void {
    if (this.#drawn) this.#host.stderr.write("\r\u001b[K");
    this.#drawn = false;
  }

  #draw(): void {
    const line = shortened([...this.#active.values()].join(" · "), (this.#host.stderr.columns ?? 80) - 1);
    this.#host.stderr.write(`\r\u001b[K${line}`);
    this.#drawn = true;
  }
}

function shortened(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let line = "";
  for (const character of text) {
    if (displayWidth(line + character) > columns - 1) break;
    line += character;
  }
  return `${line}…`;
}
