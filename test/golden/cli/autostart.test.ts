import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { autostartPlan } from "../../../src/cli/autostart.ts";

describe("starting the service at login", () => {
  for (const platform of ["linux", "darwin", "win32"] as const) {
    it(`on ${platform} is as pinned`, () => {
      const plan = autostartPlan({
        platform,
        userHome: "/home/ann",
        home: "/home/ann/my $pecial 100% & home",
        service: ["/opt/node", "/opt/viv/vivd.js"],
      });
      const text = [
        ...(plan.file ? [`# ${plan.file.path}`, plan.file.text] : []),
        "# enable",
        ...plan.enable.map((words) => words.join(" ")),
        "# disable",
        ...plan.disable.map((words) => words.join(" ")),
        "",
      ].join("\n");
      const golden = join(import.meta.dirname, `autostart-${platform}.txt`);
      if (process.env.UPDATE_GOLDEN) writeFileSync(golden, text);
      assert.equal(text, readFileSync(golden, "utf8"));
    });
  }
  it("elsewhere is refused", () => {
    assert.throws(() => autostartPlan({ platform: "freebsd", userHome: "/", home: "/", service: [] }), { code: "host-cannot" });
  });
});
