import { open } from "node:fs/promises";
import { vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "screenshot",
  summary: "Save the guest's screen as PNG",
  usage: "NAME -o FILE.png [--force]",
  arguments: { name: machineArgument },
  options: {
    output: { value: "FILE", short: "o", summary: "Where to; - is stdout", completes: "file" },
    force: { summary: "Overwrite the file if it exists" },
  },
  examples: [
    ["viv screenshot hello -o hello.png", "into a new file"],
    ["viv screenshot hello -o - | img2sixel", "into a pipe"],
  ],
  async run(work) {
    const { output, force } = work.options;
    if (output === undefined) throw vivError("usage", "-o FILE is missing.", "Usage: viv screenshot NAME -o FILE.png (- is stdout)");
    if (output === "-") {
      if (work.json) throw vivError("usage", "-o - and --json both want stdout.", "Write the picture to a file.");
      if (work.host.stdout.isTTY) throw vivError("usage", "A picture would garble this terminal.", "Write it to a file: -o FILE.png.");
      work.host.stdout.write(await picture());
      return 0;
    }
    const file = work.path(output);
    // Opened before the picture is taken, with "wx": nothing is overwritten, not even a file made meanwhile.
    const handle = await openForWriting(file, force);
    try {
      const png = await picture();
      await handle.truncate(0);
      await handle.writeFile(png);
      work.print({ file, bytes: png.length }, () => `${file}\n`);
    } catch (thrown) {
      if (!force) await (await import("node:fs/promises")).rm(file, { force: true });
      throw thrown;
    } finally {
      await handle.close();
    }
    return 0;

    async function picture(): Promise<Buffer> {
      const { pngBase64 } = await work.call("machine.screenshot", { machine: work.args.name }, work.args.name);
      return Buffer.from(pngBase64, "base64");
    }
  },
});

async function openForWriting(file: string, force: boolean) {
  try {
    return await open(file, force ? "a" : "wx", 0o644);
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code === "EEXIST") throw vivError("exists", `${file} exists.`, "Choose another file, or --force to overwrite it.", thrown);
    throw vivError("io-error", `Cannot write ${file}: ${message}`, "Check that its folder exists and belongs to you.", thrown);
  }
}
