import type { ForkView } from "../../api/index.ts";
import { requireDuration, vivError } from "../../model/index.ts";
import { runInEach } from "../inForks.ts";
import { forkLine } from "../templates.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "fork",
  summary: "Start machines that go on where a template, a running machine or a snapshot stands",
  usage: "NAME|TEMPLATE [-n COUNT] [--rm] [--snapshot TAG] [--group G] [--timeout 15s] [-- CMD ARG…]",
  details:
    "A fork shares the template's memory and disks and keeps only what it writes itself; it has a name, host name, machine-id, keys and ports of its own. It is ready when its agent answers and knows them. " +
    "A template of that name comes before a machine; of a machine a template is made on the way. With a command it runs in each of them, output comes line by line behind the fork's name, and the exit code is the first that is not 0.",
  arguments: {
    source: { label: "NAME|TEMPLATE", summary: "A template's or a machine's name", completes: "machine" },
    command: { label: "CMD", summary: "A command to run in each", many: true, optional: true },
  },
  options: {
    count: { value: "COUNT", short: "n", summary: "How many; 1 without" },
    rm: { summary: "Remove them when the command has ended (without one: when Ctrl+C is pressed)" },
    snapshot: { value: "TAG", summary: "Go on from this snapshot of the machine" },
    present: { summary: "The machine as it is now, although a template has its name" },
    name: { value: "NAME", many: true, summary: "A name for each fork" },
    group: { value: "GROUP", summary: "Show them in this group" },
    env: { value: "K=V", many: true, summary: "Set an environment variable for the command" },
    timeout: { value: "DURATION", summary: "How long to wait for each to be ready" },
  },
  examples: [
    ["viv fork web -n 4", "four of it"],
    ["viv fork web --rm -- npm test", "a command in a machine of its own"],
    ["viv fork web --snapshot s1", "from what it was then"],
  ],
  async run(work) {
    const { source, command } = work.args;
    const { rm, snapshot, present, name, group, env, timeout } = work.options;
    const count = work.options.count === undefined ? Math.max(1, name.length) : Number(work.options.count);
    if (!Number.isInteger(count) || count < 1 || count > 256)
      throw vivError("usage", `-n ${JSON.stringify(work.options.count)} is not a number from 1 to 256.`);
    const forks = await work.call(
      "fork.create",
      {
        source,
        count,
        present,
        ...(snapshot === undefined ? {} : { snapshot }),
        ...(name.length > 0 ? { names: [...name] } : {}),
        ...(group === undefined ? {} : { group }),
        ...(timeout === undefined ? {} : { readyWithinMs: requireDuration(timeout) }),
      },
      source,
    );
    try {
      if (command.length === 0) return await show(work, forks, rm);
      return await runInEach(work, forks, { command, environment: env });
    } finally {
      if (rm) await removeAll(work, forks);
    }
  },
});

type Work = Parameters<typeof runInEach>[0];

async function show(work: Work, forks: readonly ForkView[], rm: boolean): Promise<number> {
  work.print(forks, () => forks.map(forkLine).join(""));
  if (rm) {
    work.note("They are removed when Ctrl+C is pressed.");
    await new Promise<void>((done) => work.signal.addEventListener("abort", () => done(), { once: true }));
  }
  return 0;
}

/** Also after Ctrl+C: this request is not cancelled by it. */
async function removeAll(work: Work, forks: readonly ForkView[]): Promise<void> {
  const client = await work.client();
  await Promise.all(forks.map(({ name }) => client.call("fork.remove", { machine: name }).catch((error: unknown) => work.report(error))));
}
