/** This build's identity, put in by scripts/build.ts. Run from source: version 0.0.0, build 0. */
declare const __VIVARIUM_VERSION__: string | undefined;
declare const __VIVARIUM_BUILD__: string | undefined;

export interface BuildIdentity {
  /** Semantic version of package.json. */
  version: string;
  /** Orders builds of one version: UTC time of the build, `20261123T110000`. */
  build: string;
}

export const thisBuild: BuildIdentity = {
  version: typeof __VIVARIUM_VERSION__ === "string" ? __VIVARIUM_VERSION__ : "0.0.0",
  build: typeof __VIVARIUM_BUILD__ === "string" ? __VIVARIUM_BUILD__ : "0",
};

/** Positive when `a` is newer than `b`: by version's numbers, then by build. */
export function compareBuilds(a: BuildIdentity, b: BuildIdentity): number {
  const left = numbers(a.version);
  const right = numbers(b.version);
  for (let index = 0; index < 3; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.build < b.build ? -1 : a.build > b.build ? 1 : 0;
}

function numbers(version: string): number[] {
  return version.split("-")[0]?.split(".").map(Number) ?? [];
}
