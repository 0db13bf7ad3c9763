// Mocha's spec reporter, which also writes its numbers, and what failed, to the file VIVARIUM_TEST_STATS for the closing lines.
const { writeFileSync } = require("node:fs");
const { reporters } = require("mocha");

module.exports = class StatsReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const failed = [];
    runner.on("fail", (test, error) => failed.push(`${test.title}: ${String(error.message).split("\n")[0]}`));
    runner.once("end", () => {
      const file = process.env.VIVARIUM_TEST_STATS;
      const { passes, failures, pending } = this.stats;
      if (file) writeFileSync(file, JSON.stringify({ passes, failures, pending, failed }));
    });
  }
};
