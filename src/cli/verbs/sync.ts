import { homeFolder } from "../../api/index.ts";
import { parsePlace } from "../../copy/index.ts";
import { errorReport, humanBytes, vivError } from "../../model/index.ts";
import { follow, type LeftOut, type Synced, type SyncRequest, sync } from "../../sync/index.ts";
import { connecting } from "../connecting.ts";
import { safeJson, safeText } from "../safe.ts";
import { defineVerb, type Work } from "../verb.ts";

export const verb = defineVerb({
  name: "sync",
  summary: "Bring a folder into a guest, and keep it so",
  usage: "DIR NAME:/path [--watch] [--exclude PATTERN]… [--git] [--force]",
  details:
    "What is in DIR comes to be in /path; only what changed since the last time travels. What the guest has there of its own stays; a file that changed here wins. " +
    "Left out: what .gitignore names, what .vivignore names (the same form; !pattern takes back), and .git unless --git. " +
    "Modes and times are kept, links stay links, files belong to the owner of the guest's folder. With --watch each change follows within a second, also after the machine, the guest or the service was away, until Ctrl+C. " +
    "Back comes only what viv pull is asked for. Needs viv-agent in the guest (the starter guest has it).",
  arguments: {
    source: { label: "DIR", summary: "A folder of this host", completes: "folder" },
    target: { label: "NAME:/path", summary: "A folder of the guest; made when it is missing", completes: "machine" },
  },
  options: {
    watch: { short: "w", summary: "Go on: a change here is one there within a second" },
    exclude: { value: "PATTERN", many: true, summary: "Leave this out too, as a line of .gitignore" },
    git: { summary: "Take .git as well" },
    force: { summary: "Also when DIR is empty though it was not at the last sync" },
  },
  examples: [
    ["viv sync . hello:/work", "this folder, once"],
    ["viv sync src hello:/work/src --watch", "and keep it so"],
    ["viv sync . hello:/work --exclude '*.log'", "without some files"],
  ],
  async run(work) {
    const target = parsePlace(work.args.target);
    if (target.kind === "host")
      throw vivError(
        "usage",
        `${JSON.stringify(target.path)} is not in a guest.`,
        "For example viv sync . hello:/work; back comes viv pull.",
      );
    const { exclude, git, force, watch } = work.options;
    const folder = work.path(work.args.source);
    const request: SyncRequest = { folder, machine: target.machine, path: target.path, exclude, git, force };
    if (watch) return keepInSync(work, request);
    const synced = await sync({ client: await work.client(), home: homeFolder(), signal: work.signal }, request);
    noteLeftOut(work, synced.leftOut);
    work.print(synced, () => `${safeText(`${synced.machine}:${synced.path}`)}: ${syncedText(synced)}\n`);
    return 0;
  },
});

/** Until Ctrl+C, which is its ordinary end. With --json each state is a line of its own. */
async function keepInSync(work: Work, request: SyncRequest): Promise<number> {
  const place = safeText(`${request.machine}:${request.path}`);
  let waiting = false;
  await follow(request, {
    connect: connecting(work),
    home: homeFolder(),
    signal: work.signal,
    onNote: (text) => work.note(`viv: ${text}`),
    onState: (now) => {
      if (work.json) {
        work.host.stdout.write(`${safeJson(now.state === "waiting" ? { ...now, error: errorReport(now.error) } : now)}\n`);
      } else if (now.state === "waiting" && !waiting) {
        work.note(`${place}: waiting: ${now.error.message}`);
      } else if (now.state === "in-sync") {
        noteLeftOut(work, now.last.leftOut);
        work.host.stdout.write(`${place}: ${syncedText(now.last)}\n`);
      }
      waiting = now.state === "waiting";
    },
  });
  return 0;
}

const shownLeftOut = 10;
let told = "";

/** Once for each list, not at each change. */
function noteLeftOut(work: Work, leftOut: readonly LeftOut[]): void {
  const lines = leftOut.map(({ path, reason }) => `viv: left out: ${safeText(path)}: ${safeText(reason)}`);
  if (lines.length === 0 || told === lines.join("\n")) return;
  told = lines.join("\n");
  for (const line of lines.slice(0, shownLeftOut)) work.note(line);
  if (lines.length > shownLeftOut) work.note(`viv: and ${lines.length - shownLeftOut} more left out`);
}

function syncedText({ put, removed, bytes }: Synced): string {
  if (put === 0 && removed === 0) return "in sync";
  return [...(put > 0 ? [`${put} sent (${humanBytes(bytes)})`] : []), ...(removed > 0 ? [`${removed} removed`] : [])].join(", ");
}
