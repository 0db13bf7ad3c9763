import type { Readable, Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { safeBlock } from "./safe.ts";

/** A line nobody ends is printed at this length. */
const longestLine = 8192;

/** Copies text line by line, each behind `prefix`: lines of several commands mix whole. Escapes of a guest stay out. */
export async function copyLines(from: Readable, to: Writable, prefix: string): Promise<void> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const print = async (lines: readonly string[]) => {
    if (lines.length === 0) return;
    const text = lines.map((line) => `${prefix}${safeBlock(line)}\n`).join("");
    if (!to.write(text)) await new Promise<void>((drained) => to.once("drain", drained));
  };
  for await (const chunk of from as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    while (rest.length > longestLine) {
      lines.push(rest.slice(0, longestLine));
      rest = rest.slice(longestLine);
    }
    await print(lines);
  }
  rest += decoder.end();
  if (rest !== "") await print([rest]);
}
