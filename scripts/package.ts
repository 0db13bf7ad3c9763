/**
 * Packs what was built as VSIX files into `dist/`: one for each platform whose bundle is there, with that bundle and
 * the guest of its architecture, and a universal one that uses the system's QEMU. `npm run package`.
 *
 *   --target linux-x64 | universal    only this one (may be repeated)
 *   --out FOLDER                      default: dist
 */
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const universal = "universal";
/** The promise (docs/architecture.md): what an editor downloads at each update stays below this. */
const largestBytes = 90 * 1000 * 1000;

const texts = ["README.md", "CHANGELOG.md", "LICENSE", "THIRD_PARTY_NOTICES.md", "package.nls.json"] as const;
const programs = ["extension.cjs", "extension-parts", "package.json", "viv.js", "viv-parts", "vivd.js", "vivd-parts", "webviews"] as const;

/** Every file and folder that a VSIX is made from, this script included: the same contents make the same VSIX. */
export function sourcesOf(target: string): string[] {
  const guests = guestsOf(target).map((architecture) => join("dist", "guest", architecture));
  const bundle = target === universal ? [] : [join("dist", "bundle", target)];
  const built = programs.map((program) => join("dist", program));
  return ["package.json", ...texts, "media", "l10n", ...built, ...guests, ...bundle, join("scripts", "package.ts")];
}

/** Only what the editor reads: no scripts that npm would run, no packages, which are in the programs already. */
async function stageManifest(stage: string): Promise<{ name: string; version: string }> {
  const manifest = JSON.parse(await readFile("package.json", "utf8")) as Record<string, unknown> & { name: string; version: string };
  const {
    scripts: _scripts,
    devDependencies: _development,
    dependencies: _bundled,
    allowScripts: _allowed,
    private: _private,
    ...kept
  } = manifest;
  await writeFile(join(stage, "package.json"), `${JSON.stringify(kept, undefined, 2)}\n`);
  return manifest;
}

async function stageCommon(stage: string): Promise<void> {
  for (const file of [...texts, ".vscodeignore"]) await cp(file, join(stage, file));
  await cp("media", join(stage, "media"), { recursive: true });
  await cp("l10n", join(stage, "l10n"), { recursive: true });
  for (const program of programs) {
    const from = join("dist", program);
    if (existsSync(from)) await cp(from, join(stage, "dist", program), { recursive: true });
    else if (program !== "webviews") throw new Error(`${from} is missing: run npm run build.`);
  }
}

function guestsOf(target: string): string[] {
  if (target === universal) return ["x86_64", "aarch64"];
  return [target.endsWith("arm64") ? "aarch64" : "x86_64"];
}

/** The starter guests: on a platform the one it can accelerate; the other one would double the download. */
async function stageGuests(stage: string, target: string): Promise<void> {
  for (const architecture of guestsOf(target)) {
    const from = join("dist", "guest", architecture);
    if (existsSync(from)) await cp(from, join(stage, "dist", "guest", architecture), { recursive: true });
    else if (target !== universal) throw new Error(`${from} is missing: run node scripts/guest.ts.`);
  }
}

/** The emulator of the other architecture is an extra pack. */
async function stageBundle(stage: string, target: string): Promise<void> {
  const from = join("dist", "bundle", target);
  const wanted = (await readdir(from)).filter((name) => !name.startsWith("emulator-"));
  const to = join(stage, "dist", "bundle", target);
  await mkdir(to, { recursive: true });
  for (const name of wanted) await cp(join(from, name), join(to, name), { recursive: true });
}

async function pack(target: string, out: string): Promise<string> {
  const stage = await mkdtemp(join(tmpdir(), "viv-vsix-"));
  try {
    await mkdir(join(stage, "dist"), { recursive: true });
    const { name, version } = await stageManifest(stage);
    await stageCommon(stage);
    await stageGuests(stage, target);
    if (target !== universal) await stageBundle(stage, target);
    const packagePath = join(out, `${name}-${version}-${target}.vsix`);
    const { createVSIX } = await import("@vscode/vsce");
    await createVSIX({
      cwd: stage,
      packagePath,
      dependencies: false,
      allowMissingRepository: true,
      // There is no public repository yet that relative links of the README could be made to point to.
      rewriteRelativeLinks: false,
      ...(target === universal ? {} : { target }),
    });
    return packagePath;
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

async function builtPlatforms(): Promise<string[]> {
  const folders = await readdir(join("dist", "bundle")).catch(() => []);
  return folders.filter((name) => existsSync(join("dist", "bundle", name, "manifest.json")));
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { target: { type: "string", multiple: true }, out: { type: "string", default: "dist" } } });
  const out = resolve(values.out);
  await mkdir(out, { recursive: true });
  // Reproducible: vsce stamps entries of the archive with this time.
  process.env["SOURCE_DATE_EPOCH"] ??= String(Math.floor((await stat("package.json")).mtimeMs / 1000));
  for (const target of values.target ?? [...(await builtPlatforms()), universal]) {
    const file = await pack(target, out);
    const { size } = await stat(file);
    console.log(`${file}  ${(size / 1e6).toFixed(1)} MB`);
    if (size > largestBytes) throw new Error(`${file} is larger than ${largestBytes / 1e6} MB.`);
  }
}

if (import.meta.main) await main();
