import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** Debian's chromium; it speaks to localhost and to nobody else. */
const args = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-domain-reliability",
  "--disable-sync",
  "--no-first-run",
  "--no-pings",
  "--dns-prefetch-disable",
  "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
  "--force-color-profile=srgb",
];

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export async function startBrowser(): Promise<Browser> {
  const executablePath = process.env["VIVARIUM_CHROMIUM"] ?? places.find((place) => existsSync(place));
  if (executablePath === undefined) throw new Error("There is no chromium: run `npm test`, which installs Debian's.");
  return chromium.launch({ executablePath, args, headless: true });
}
