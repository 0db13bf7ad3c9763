import { vivError } from "../../model/index.ts";
import { defineVerb } from "../verb.ts";
import { loadAll } from "../verbs.ts";

export const verb = defineVerb({
  name: "completion",
  summary: "Print a shell's completion script",
  usage: "bash|zsh|fish",
  arguments: { shell: { label: "SHELL", summary: "The shell", choices: ["bash", "zsh", "fish"], optional: true } },
  options: {
    names: { summary: "Print the machines' names, one a line (what the scripts ask)" },
    images: { summary: "Print the images' names, one a line (what the scripts ask)" },
  },
  examples: [
    ["source <(viv completion bash)", "in this bash; put the line into ~/.bashrc to keep it"],
    ["viv completion zsh > ~/.zfunc/_viv", "a folder of your fpath"],
    ["viv completion fish > ~/.config/fish/completions/viv.fish", "for fish"],
  ],
  async run(work) {
    const { shell } = work.args;
    if (work.options.names) return printNames((await work.call("machine.list", {})).map((machine) => machine.name));
    if (work.options.images) return printNames((await work.call("image.list", {})).map((image) => image.name));
    if (shell === undefined) throw vivError("usage", "SHELL is missing.", "Usage: viv completion bash|zsh|fish");
    const verbs = (await loadAll()).flatMap((group) => group.verbs);
    const script = await scriptFor(shell, verbs);
    work.print({ shell, script }, () => script);
    return 0;

    function printNames(names: readonly string[]): number {
      work.print(names, () => names.map((name) => `${name}\n`).join(""));
      return 0;
    }
  },
});

async function scriptFor(shell: string, verbs: Awaited<ReturnType<typeof loadAll>>[number]["verbs"]): Promise<string> {
  switch (shell) {
    case "bash":
      return (await import("../completion/bash.ts")).bashScript(verbs);
    case "zsh":
      return (await import("../completion/zsh.ts")).zshScript(verbs);
    default:
      return (await import("../completion/fish.ts")).fishScript(verbs);
  }
}
