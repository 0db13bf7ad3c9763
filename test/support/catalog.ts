import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import type { Catalog } from "../../src/model/index.ts";
import type { Answer } from "./webServer.ts";

/** A file of any size, streamed, in the form that a publisher's server has it. */
export function servedFile(file: string): Answer {
  return (_request, response) => {
    void stat(file).then(({ size }) => {
      response.writeHead(200, { "content-type": "application/octet-stream", "content-length": size });
      createReadStream(file).pipe(response);
    });
  };
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

interface Listed {
  readonly name: string;
  readonly title: string;
  /** Where the server has it; its list of checksums is at `/SHA256SUMS`. */
  readonly path: string;
  readonly login?: string;
  readonly minimumMemory?: string;
  readonly firstBoot?: "cloud-init" | "none";
}

/** A catalog of a server on loopback (`url`, with a slash at its end), in a file. */
export async function writeCatalog(file: string, url: string, images: readonly Listed[]): Promise<void> {
  const catalog: Catalog = {
    schema: 1,
    keys: {},
    images: images.map(({ name, title, path, login = "root", minimumMemory = "256M", firstBoot = "none" }) => ({
      name,
      title,
      description: "",
      login,
      minimumMemory,
      agents: [],
      firstBoot,
      notes: [],
      lookedUp: "2026-11-23",
      source: "a test",
      architectures: {
        x86_64: {
          url: new URL(path, url).href,
          firmware: "uefi",
          checksums: { url: new URL("/SHA256SUMS", url).href, algorithm: "sha256" },
        },
        aarch64: { absent: "A test has none." },
      },
    })),
  };
  await writeFile(file, JSON.stringify(catalog));
}
