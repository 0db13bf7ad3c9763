import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkout, runScript } from "./run.ts";

type GuestArchitecture = "x86_64" | "aarch64";

/** Makes what is not there yet: the bundle of this platform, the guests, the programs. Each step says what it does. */
export async function ensureBundle(): Promise<void> {
  const platform = `${process.platform}-${process.arch}`;
  if (existsSync(join(checkout, "dist", "bundle", platform, "manifest.json"))) return;
  console.log(`Making the QEMU bundle for ${platform} from Debian 13's packages (a few minutes the first time) …`);
  // The tests verify it in an empty root; starting must not need the right to make one.
  await runScript("scripts/bundle.ts", ["--platform", platform, "--no-verify"]);
}

export async function ensureGuests(architectures: readonly GuestArchitecture[]): Promise<void> {
  const missing = architectures.filter((architecture) => !existsSync(join(checkout, "dist", "guest", architecture, "image.json")));
  for (const architecture of missing) {
    console.log(`Building the starter guest for ${architecture} …`);
    await runScript("scripts/guest.ts", ["--arch", architecture]);
  }
}

export function hostGuestArchitecture(): GuestArchitecture {
  return process.arch === "arm64" ? "aarch64" : "x86_64";
}

export async function build(): Promise<void> {
  await runScript("scripts/build.ts");
}
