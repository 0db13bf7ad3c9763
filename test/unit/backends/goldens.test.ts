import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseAccelerator, findToolchain, hostReport, reportText } from "../../../src/backends/index.ts";
import { errorReport } from "../../../src/model/index.ts";
import { type Case, cases } from "./cases.ts";
import { type Facts, fakeHost } from "./fake-host.ts";

const folder = join(import.meta.dirname, "../../golden/backends");
const update = process.env.UPDATE_GOLDEN === "1";

describe("hosts (goldens; UPDATE_GOLDEN=1 rewrites them)", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "vivarium-golden-"));
  });
  afterEach(() => rm(home, { recursive: true }));

  for (const [name, one] of Object.entries(cases)) {
    it(`${name}: ${one.story}`, async () => {
      const written = await transcript(one, home);
      const file = join(folder, `${name}.txt`);
      if (update) return writeFile(file, written);
      assert.ok(existsSync(file), `${file} is missing: run with UPDATE_GOLDEN=1 and read what it writes.`);
      assert.equal(written, await readFile(file, "utf8"));
    });
  }

  it("there is no golden without its case", async () => {
    const files = (await readdir(folder)).filter((file) => file.endsWith(".txt")).map((file) => file.slice(0, -4));
    assert.deepEqual(
      files.filter((file) => !(file in cases)),
      [],
    );
  });
});

/** The case's facts, what was run, what is reported, and what a machine would be started with: prose to review. */
async function transcript({ story, facts }: Case, home: string): Promise<string> {
  const log: string[] = [];
  const host = fakeHost(facts, log);
  const parts = [story, "", ...factLines(facts), ""];
  try {
    const toolchain = await findToolchain({ host, home, bundlesFolder: "/nowhere" });
    const report = await hostReport({ host, toolchain, home });
    parts.push("── Run ──", ...log, "", "── Report ──", reportText(report), "── Machines ──");
    for (const architecture of ["x86_64", "aarch64"] as const) {
      for (const accelerator of ["auto", hardware[facts.platform]] as const) {
        parts.push(`${architecture}, accelerator ${accelerator}:`);
        try {
          const choice = chooseAccelerator(report, { architecture, accelerator });
          parts.push(
            `  ${choice.arguments.join(" ")}`,
            ...[choice.reason, choice.hint].filter((text) => text !== undefined).map((text) => `  (${text})`),
          );
        } catch (thrown) {
          parts.push(...errorLines(thrown));
        }
      }
    }
  } catch (thrown) {
    parts.push("── Run ──", ...log, "", "── Error ──", ...errorLines(thrown));
  }
  return `${parts.join("\n")}\n`;
}

const hardware = { linux: "kvm", darwin: "hvf", win32: "whpx" } as const;

function errorLines(thrown: unknown): string[] {
  const { code, message, hint } = errorReport(thrown);
  return [`  error ${code}: ${message}`, `  hint: ${hint}`];
}

function factLines({ platform, processArchitecture, release, files, commands, qemu }: Facts): string[] {
  return [
    `platform ${platform}, process ${processArchitecture}, release ${release}`,
    ...Object.entries(files ?? {}).map(
      ([path, file]) => `file ${path}: ${typeof file === "string" ? JSON.stringify(file) : "may not be opened"}`,
    ),
    ...Object.entries(commands ?? {}).map(([line, printed]) => `command ${line} → ${JSON.stringify(printed.trim())}`),
    ...(qemu === undefined ? ["no QEMU"] : [`QEMU ${JSON.stringify(qemu.version)}, compiled with ${qemu.accelerators.join(", ")}`]),
    ...Object.entries(qemu?.probes ?? {}).map(([accel, script]) => `guest under ${accel}: ${JSON.stringify(script)}`),
  ];
}
