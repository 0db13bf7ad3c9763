import { Impairment, parseBytes, vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { impairmentText, networkArgument } from "../networks.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "net impair",
  summary: "Make a machine's link slow, lossy or cut, or good again",
  usage: "NET NAME [--delay MS] [--jitter MS] [--loss PERCENT] [--rate SIZE] [--partition WORD] [--seed N]",
  details:
    "What is not given is as on a good link; without options the link is good again. It holds each way, from now on, and for the machine's next starts.",
  arguments: { net: networkArgument, name: machineArgument },
  options: {
    delay: { summary: "Each frame is held that long, each way", value: "MS" },
    jitter: { summary: "Up to so much longer, different each time", value: "MS" },
    loss: { summary: "So many of a hundred frames are lost, each way", value: "PERCENT" },
    rate: { summary: "Bytes a second, such as 1M", value: "SIZE" },
    partition: { summary: "Only machines with the same word hear each other", value: "WORD" },
    seed: { summary: "A number: the same one loses the same frames", value: "N" },
  },
  examples: [
    ["viv net impair lab web --delay 50 --loss 2", "a ping takes 100 ms longer"],
    ["viv net impair lab db --partition away", "db is cut off"],
    ["viv net impair lab db", "and back"],
  ],
  async run(work) {
    const { net, name } = work.args;
    const { delay, jitter, loss, rate, partition, seed } = work.options;
    const bytesPerSecond = rate === undefined ? undefined : parseBytes(rate);
    if (rate !== undefined && bytesPerSecond === undefined) throw vivError("usage", `--rate: “${rate}” is not a size.`, "For example 1M");
    const wanted = {
      ...numeric("delayMs", delay),
      ...numeric("jitterMs", jitter),
      ...numeric("lossPercent", loss),
      ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
      ...(partition === undefined ? {} : { partition }),
      ...numeric("seed", seed),
    };
    const parsed = Impairment.safeParse(wanted);
    if (!parsed.success)
      throw vivError(
        "usage",
        parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`).join("; "),
        "See viv help net impair.",
      );
    const impairment = Object.keys(wanted).length === 0 ? null : parsed.data;
    const shown = await work.call("network.impair", { network: net, machine: name, impairment });
    work.print(shown, () => `${name}: ${impairment === null ? "a good link" : impairmentText(impairment)}\n`);
    return 0;
  },
});

function numeric(key: "delayMs" | "jitterMs" | "lossPercent" | "seed", text: string | undefined): Partial<Record<typeof key, number>> {
  return text === undefined ? {} : { [key]: text.trim() === "" ? Number.NaN : Number(text) };
}
