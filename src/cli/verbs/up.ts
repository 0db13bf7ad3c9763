import { bringUp, type Standing } from "../../testvm/index.ts";
import { safeText } from "../safe.ts";
import { planOptions, runWork, trustedPlans } from "../testvm.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "up",
  summary: "Bring up a repository's test machine, to look and work in",
  usage: "[--folder DIR] [--target T]… [--trust] [--allow-env NAME]…",
  details:
    "Makes the machine of .testvm/testvm.json, runs what prepares it, and leaves it running with a copy of the folder; again, it brings the folder anew and starts what was stopped. viv down removes it.",
  arguments: {},
  options: planOptions,
  examples: [
    ["viv up", "the machine of ./.testvm/testvm.json"],
    ["viv up --target debian", "one target's"],
  ],
  async run(work) {
    const { loaded, plans } = await trustedPlans(work, work.options);
    const runner = runWork(work);
    const standing: Standing[] = [];
    for (const plan of plans) standing.push(await bringUp(runner, loaded, plan));
    work.print(standing, () => standing.map(text).join(""));
    return 0;
  },
});

function text({ machine, forwards }: Standing): string {
  const ports = forwards.map(
    ({ guestPort, hostAddress, hostPort, label }) =>
      `  ${hostAddress}:${hostPort} → ${guestPort}${label === undefined ? "" : ` (${safeText(label)})`}\n`,
  );
  return `${machine}: up\n${ports.join("")}`;
}
