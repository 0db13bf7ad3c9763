import type { TargetFile, TestVmFile } from "./schema.ts";

type Values = Readonly<Record<string, unknown>>;

/** What is put together key by key; everything else is replaced as a whole, lists and lifecycle commands too. */
const merged: ReadonlySet<string> = new Set(["hostRequirements", "portsAttributes", "remoteEnv", "targets", "tests"]);

/** The files of a chain as one, the nearest over what it extends. */
export function mergeChain(nearestFirst: readonly TestVmFile[]): TestVmFile {
  return nearestFirst.reduceRight<TestVmFile>((base, file) => over(base, file) as TestVmFile, {});
}

/** What holds for one target. */
export function forTarget(file: TestVmFile, target: string | undefined): TestVmFile {
  const own: TargetFile | undefined = target === undefined ? undefined : file.targets?.[target];
  return own === undefined ? file : (over(file, own) as TestVmFile);
}

function over(base: Values, upper: Values): Values {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(upper)) {
    const below = base[key];
    result[key] = merged.has(key) && isObject(value) && isObject(below) ? overAll(key, below, value) : value;
  }
  return result;
}

/** A target that stands in both files is put together as the files are. */
function overAll(key: string, below: Values, value: Values): Values {
  if (key !== "targets" && key !== "portsAttributes") return { ...below, ...value };
  const result: Record<string, unknown> = { ...below };
  for (const [name, one] of Object.entries(value)) {
    const before = below[name];
    result[name] = isObject(one) && isObject(before) ? over(before, one) : one;
  }
  return result;
}

function isObject(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
