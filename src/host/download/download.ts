import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { vivError } from "../../model/index.ts";
import { fileSink } from "./fileSink.ts";
import { type NetworkSettings, openNetwork } from "./network.ts";
import { ask, cut, explained, isPage, lengthOf, letGo, page, refused, silenceAfter, tooLong, type WebAnswer } from "./web.ts";

export { requireWebAddress } from "./web.ts";

export interface DownloadOptions {
  readonly maximumBytes: number;
  /** Hex; the file must have it. */
  readonly sha256?: string | undefined;
  readonly signal: AbortSignal;
  /** A web page in its place counts as absent (`not-found`): servers answer so for what they do not have. */
  readonly mayBeAbsent?: boolean;
  /** Without an answer or a byte for this long it is given up. */
  readonly silenceMs?: number;
  /** Told of each mebibyte; the total is there when the server says it. */
  readonly progress?: (bytes: number, totalBytes: number | undefined) => void;
  readonly network?: NetworkSettings | undefined;
}

/**
 * Fetches a file by http or https into `target`, which must not exist. A server is a stranger: redirects lead to http and
 * https alone and never from https back to http, an HTML page is no file, and no more is taken than was agreed.
 *
 * @returns the address that answered, after redirects.
 * @throws VivError `usage` (not a URL that can be fetched), `not-found` (404, 410), `untrusted-input` (a page, too long, another
 *   SHA-256, a redirect elsewhere), `timeout`, `failed` (the server or the way to it), `disk-full`.
 */
export async function download(address: URL, target: string, options: DownloadOptions): Promise<URL> {
  const network = await openNetwork(options.network);
  const silence = silenceAfter(options.silenceMs ?? 30_000);
  const signal = AbortSignal.any([options.signal, silence.signal]);
  try {
    const answer = await ask(address, network.dispatcher, signal);
    try {
      await receive(answer, target, options, silence.heard);
    } finally {
      letGo(answer.body);
    }
    return answer.url;
  } catch (error) {
    options.signal.throwIfAborted();
    throw explained(error, address, silence.signal.aborted);
  } finally {
    silence.stop();
    await network.close();
  }
}

/** A small text file: a list of checksums, a signature. @throws as `download` */
export async function downloadText(address: URL, options: Omit<DownloadOptions, "sha256" | "mayBeAbsent">): Promise<Buffer> {
  const network = await openNetwork(options.network);
  const silence = silenceAfter(options.silenceMs ?? 30_000);
  const signal = AbortSignal.any([options.signal, silence.signal]);
  try {
    const { url, status, body, ...answer } = await ask(address, network.dispatcher, signal);
    const parts: Buffer[] = [];
    let bytes = 0;
    try {
      if (status !== 200) throw refused(status, url);
      for await (const part of body) {
        const chunk = part as Buffer;
        silence.heard();
        if (bytes === 0 && isPage({ url, status, body, ...answer }, chunk)) throw page(url);
        bytes += chunk.length;
        if (bytes > options.maximumBytes) throw tooLong(url, options.maximumBytes);
        parts.push(chunk);
      }
    } finally {
      letGo(body);
    }
    if (bytes === 0) throw vivError("untrusted-input", `${url.href} is empty.`, "Check the address.");
    return Buffer.concat(parts);
  } catch (error) {
    options.signal.throwIfAborted();
    throw explained(error, address, silence.signal.aborted);
  } finally {
    silence.stop();
    await network.close();
  }
}

async function receive(answer: WebAnswer, target: string, options: DownloadOptions, heard: () => void): Promise<void> {
  const { url, status, body } = answer;
  if (status < 200 || status > 299) throw refused(status, url);
  const total = lengthOf(answer);
  if (total !== undefined && total > options.maximumBytes) throw tooLong(url, options.maximumBytes);
  const hash = createHash("sha256");
  const file = await open(target, "wx", 0o600);
  const sink = fileSink(file, 0);
  let bytes = 0;
  let said = 0;
  try {
    for await (const part of body) {
      const chunk = part as Buffer;
      heard();
      if (bytes === 0 && isPage(answer, chunk)) throw page(url, options.mayBeAbsent === true);
      bytes += chunk.length;
      if (bytes > options.maximumBytes) throw tooLong(url, options.maximumBytes);
      hash.update(chunk);
      await sink.write(chunk);
      if (bytes - said >= 1 << 20) options.progress?.(bytes, total);
      if (bytes - said >= 1 << 20) said = bytes;
    }
    await sink.flush();
  } finally {
    await file.close();
  }
  if (total !== undefined && bytes !== total) throw cut(url);
  if (bytes === 0) throw vivError("untrusted-input", `${url.href} is empty.`, "Check the address.");
  requireHash(url, hash.digest("hex"), options.sha256);
}

function requireHash(url: URL, found: string, wanted: string | undefined): void {
  if (wanted === undefined || found === wanted.toLowerCase()) return;
  throw vivError(
    "untrusted-input",
    `${url.href} is not what was expected: its SHA-256 is ${found}.`,
    "The file was replaced, or the sum is of another one. Compare it with the publisher's.",
  );
}
