import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { fetchResumably } from "../../src/host/download/index.ts";
import { figure, type Measured, ratio } from "./figure.ts";
import { pairwise, quotient, timed } from "./samples.ts";
import type { World } from "./world.ts";

const mib = 1024 ** 2;
const fileMib = 512;

/** Fetching with hashing on the way, against curl from the same server of this computer, which hashes nothing. */
export async function measureDownload(world: World, runs: number): Promise<Measured> {
  const source = join(world.folder, "download.raw");
  await randomFile(source, fileMib * mib);
  const server = await fileServer(world.folder);
  const address = new URL("download.raw", server.url);
  const [ours, theirs, floor]: [number[], number[], number[]] = [[], [], []];
  const [part, hand] = [join(world.folder, "ours.part"), join(world.folder, "hand")];
  try {
    for (let run = 0; run < runs + 1; run += 1) {
      const fetchIt = async () =>
        (
          await timed(() =>
            fetchResumably(address, part, { signal: AbortSignal.timeout(120_000), maximumBytes: 1024 * mib, algorithm: "sha256" }),
          )
        ).ms;
      const byCurl = async () => (await timed(() => promisify(execFile)("curl", ["-sS", "-o", hand, address.href]))).ms;
      const byHand = `set -o pipefail; curl -sS ${address.href} | tee ${hand} | openssl dgst -sha256`;
      const hashed = (await timed(() => promisify(execFile)("bash", ["-c", byHand]))).ms;
      const [first, second] = run % 2 === 0 ? [await fetchIt(), await byCurl()] : [await byCurl(), await fetchIt()];
      // The first round loads the file into the host's cache, and our code.
      if (run > 0) {
        ours.push(run % 2 === 0 ? first : second);
        theirs.push(run % 2 === 0 ? second : first);
        floor.push(hashed);
      }
      for (const file of [part, `${part}.json`, hand]) await rm(file, { force: true });
    }
  } finally {
    await server.close();
    await rm(source);
  }
  return {
    figures: [
      figure(
        "download.ours",
        `Download of ${fileMib} MiB, SHA-256 on the way`,
        ours,
        "call to outcome of fetchResumably, from a server on loopback",
      ),
      figure("download.curl", "The same by curl, without a hash", theirs, "spawn to exit"),
      figure(
        "download.byHand",
        "The same by curl with OpenSSL's SHA-256 on the way",
        floor,
        "`curl | tee FILE | openssl dgst -sha256`, spawn to exit",
      ),
      figure(
        "download.ratio",
        "Download against curl",
        pairwise(ours, theirs, quotient),
        "pair by pair, each first in every other one; 1.11 is 90 % of its rate",
        {
          unit: "×",
          limit: 1.11,
        },
      ),
    ],
    ratios: { "download.curl": ratio(ours, theirs) },
  };
}

async function randomFile(file: string, bytes: number): Promise<void> {
  const handle = await open(file, "wx");
  for (let at = 0; at < bytes; at += mib) await handle.write(randomBytes(mib), 0, mib, at);
  await handle.close();
}

/** A process of its own: it serves curl and us alike. */
async function fileServer(folder: string): Promise<{ url: string; close(): Promise<void> }> {
  const child = spawn("python3", ["-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", folder, "0"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(child, "exit");
  // Read to the end: it prints its line in two pieces, and dies of a pipe that was closed after the first.
  let text = "";
  const url = await new Promise<string>((listening, failed) => {
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const port = /port (\d+) /.exec(text)?.[1];
      if (port !== undefined) listening(`http://127.0.0.1:${port}/`);
    });
    void ended.then(() => failed(new Error(`The web server ended: ${text}`)));
  });
  return {
    url,
    async close() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
