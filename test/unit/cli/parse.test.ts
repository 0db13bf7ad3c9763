import assert from "node:assert/strict";
import { findCommand } from "../../../src/cli/command.ts";
import { parseWords } from "../../../src/cli/parse.ts";
import { defineVerb } from "../../../src/cli/verb.ts";
import { loadAll, verbNames } from "../../../src/cli/verbs.ts";
import { nearest } from "../../../src/model/index.ts";

const sample = defineVerb({
  name: "sample",
  summary: "A verb for tests",
  usage: "NAME -- CMD…",
  arguments: { name: { label: "NAME", summary: "", completes: "machine" }, command: { label: "CMD", summary: "", many: true } },
  options: {
    force: { summary: "" },
    timeout: { value: "DURATION", summary: "" },
    env: { value: "K=V", many: true, summary: "" },
    output: { value: "FILE", short: "o", summary: "" },
    way: { value: "WAY", choices: ["agent", "ssh"], summary: "" },
  },
  examples: [],
  run: async () => 0,
});

function parsed(...words: string[]) {
  const outcome = parseWords(sample, words);
  assert.ok("parsed" in outcome, JSON.stringify(outcome));
  return outcome.parsed;
}

function problem(...words: string[]): string {
  const outcome = parseWords(sample, words);
  assert.ok("problem" in outcome, JSON.stringify(outcome));
  return `${outcome.problem.message} ${outcome.problem.hint}`;
}

describe("words of a command line", () => {
  it("become arguments in the order of the table, the last taking the rest", () => {
    assert.deepEqual(parsed("hello", "uname", "now").args, { name: "hello", command: ["uname", "now"] });
  });

  it("are never options after --", () => {
    const { options, args } = parsed("--force", "hello", "--", "ls", "--json", "-l", "--", "--force");
    assert.equal(options["json"], false);
    assert.deepEqual(args["command"], ["ls", "--json", "-l", "--", "--force"]);
  });

  it("may be a lone dash", () => {
    assert.deepEqual(parsed("-o", "-", "hello", "-").options["output"], "-");
  });

  it("give options their defaults, values and repetitions", () => {
    const { options } = parsed("hello", "x", "--env", "A=1", "--env=B=2", "-oF", "--timeout", "5s");
    assert.deepEqual(options, {
      force: false,
      timeout: "5s",
      env: ["A=1", "B=2"],
      output: "F",
      way: undefined,
      json: false,
      verbose: false,
      help: false,
    });
  });

  it("are refused when an option is unknown, with the one that was meant", () => {
    assert.match(problem("hello", "x", "--forse"), /no option --forse\. Did you mean --force\?/);
    assert.match(problem("hello", "x", "--time"), /Did you mean --timeout\?/);
  });

  it("point to -- when the option may be the guest command's", () => {
    assert.match(problem("hello", "ls", "-la"), /comes after --/);
  });

  it("are refused when an option lacks its value, has one too many, or one that does not exist", () => {
    assert.match(problem("hello", "x", "--timeout"), /--timeout needs a value/);
    assert.match(problem("hello", "x", "--timeout", "--json"), /--timeout needs a value/);
    assert.match(problem("hello", "x", "--force=yes"), /takes no value/);
    assert.match(problem("hello", "x", "--way", "smoke"), /"smoke" is not one of agent, ssh/);
  });

  it("are refused when arguments are missing or empty", () => {
    assert.match(problem(), /NAME is missing\. Usage: viv sample NAME/);
    assert.match(problem("hello"), /CMD is missing/);
    assert.match(problem("", "x"), /NAME is empty/);
  });

  it("do not take names of Object.prototype for options", () => {
    for (const word of ["--constructor", "--__proto__", "--toString"]) assert.match(problem("hello", "x", word), /no option/);
  });
});

describe("the verb", () => {
  it("is found after options every verb has", () => {
    assert.deepEqual(findCommand(["--json", "ls"]), { kind: "verb", name: "ls", words: ["--json"] });
  });

  it("may be of two words", () => {
    assert.deepEqual(findCommand(["trash", "empty", "hello"]), { kind: "verb", name: "trash empty", words: ["hello"] });
    assert.deepEqual(findCommand(["trash"]), { kind: "group", name: "trash", words: [] });
  });

  it("is suggested when it was mistyped", () => {
    const hint = (...words: string[]): string => {
      const command = findCommand(words);
      assert.equal(command.kind, "problem");
      return command.kind === "problem" ? command.problem.hint : "";
    };
    assert.equal(hint("strat"), "Did you mean viv start?");
    assert.equal(hint("lst"), "Did you mean viv ls?");
    assert.equal(hint("trash", "emtpy"), "Did you mean viv trash empty?");
    assert.equal(hint("frobnicate"), "viv help lists the verbs.");
    assert.equal(hint("constructor"), "viv help lists the verbs.");
    assert.match(hint("--jsn", "ls"), /--json/);
  });

  it("is near only when little differs", () => {
    assert.equal(nearest("x", ["ls", "rm"]), undefined);
    assert.equal(nearest("resrat", ["restart", "reset"]), "restart");
    assert.equal(nearest("sr", ["rs"]), "rs");
  });
});

describe("the table of verbs", () => {
  it("names each verb as its file does, each with an example that begins like a call of it", async () => {
    const verbs = (await loadAll()).flatMap((group) => group.verbs);
    assert.deepEqual(
      verbs.map((verb) => verb.name),
      verbNames,
    );
    for (const verb of verbs) {
      assert.ok(verb.examples.length > 0, `${verb.name} has an example`);
      assert.ok(verb.examples.some(([command]) => command.includes(`viv ${verb.name}`)) || verb.name === "help", verb.name);
      assert.ok(!verb.summary.endsWith("."), verb.name);
    }
  });

  it("has arguments that can be told apart: only the last takes the rest, optional ones come last", async () => {
    for (const verb of (await loadAll()).flatMap((group) => group.verbs)) {
      const specs = Object.values(verb.arguments);
      for (const spec of specs.slice(0, -1)) assert.ok(!spec.many && !spec.optional, `${verb.name} ${spec.label}`);
      for (const name of Object.keys(verb.options)) assert.ok(!["json", "verbose", "help"].includes(name), `${verb.name} --${name}`);
    }
  });
});
