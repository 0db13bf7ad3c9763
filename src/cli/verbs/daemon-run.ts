import { pathToFileURL } from "node:url";
import { homeFolder } from "../../api/index.ts";
import { serviceProgram } from "../service.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "daemon run",
  summary: "Be the background service, in this process: what the system calls at login",
  usage: "[--home FOLDER]",
  details: "It ends on SIGTERM, or when a client asks for it. Nobody else needs this: every verb starts the service when there is none.",
  arguments: {},
  options: { home: { summary: "Its home (default VIVARIUM_HOME, else ~/.vivarium)", value: "FOLDER", completes: "folder" } },
  examples: [["viv daemon run", "under a service manager of your own"]],
  async run(work) {
    const [script = ""] = serviceProgram(process.argv[1] ?? "").arguments;
    const home = work.options.home === undefined ? homeFolder() : work.path(work.options.home);
    // From here on this process is vivd: its arguments, and its own answer to signals.
    process.argv.splice(1, Number.POSITIVE_INFINITY, script, "--home", home);
    for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal);
    process.env["VIVARIUM_RUNTIME"] = "here";
    await import(pathToFileURL(script).href);
    return new Promise<never>(() => undefined);
  },
});
