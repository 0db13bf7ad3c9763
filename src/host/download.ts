import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { humanBytes, type VivError, vivError } from "../model/index.ts";

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
}

const maximumRedirects = 5;

/**
 * Fetches a file by http or https into `target`, which must not exist. A server is a stranger: redirects lead to http and
 * https alone and never from https back to http, an HTML page is no file, and no more is taken than was agreed.
 *
 * @returns the address that answered, after redirects.
 * @throws VivError `usage` (not a URL that can be fetched), `not-found` (404, 410), `untrusted-input` (a page, too long, another
 *   SHA-256, a redirect elsewhere), `timeout`, `failed` (the server or the way to it), `disk-full`.
 */
export async function download(address: URL, target: string, options: DownloadOptions): Promise<URL> {
  const silence = silenceAfter(options.silenceMs ?? 30_000);
  const signal = AbortSignal.any([options.signal, silence.signal]);
  try {
    const { response, url } = await follow(address, signal);
    await receive(response, url, target, options, silence.heard);
    return url;
  } catch (error) {
    options.signal.throwIfAborted();
    throw explained(error, address, silence.signal.aborted);
  } finally {
    silence.stop();
  }
}

/** An http or https URL of a text. @throws VivError `usage`. */
export function requireWebAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !isWeb(url))
    throw vivError("usage", `${text} is not an http or https URL.`, "For example https://example.org/boot/linux");
  if (url.username !== "" || url.password !== "")
    throw vivError("usage", "A URL with a user or a password is not taken.", "Fetch the file yourself and give its path.");
  return url;
}

function isWeb(url: URL): boolean {
  return url.protocol === "http:" || url.protocol === "https:";
}

async function follow(address: URL, signal: AbortSignal): Promise<{ response: Response; url: URL }> {
  let url = address;
  for (let redirects = 0; redirects <= maximumRedirects; redirects += 1) {
    // What is packed on the way would have another length than the server says.
    const response = await fetch(url, { redirect: "manual", signal, headers: { "accept-encoding": "identity" } });
    const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
    if (location === null) return { response, url };
    await response.body?.cancel();
    url = redirected(url, location);
  }
  throw vivError(
    "failed",
    `${address.href} leads from one address to the next, more than ${maximumRedirects} times.`,
    "Give the last address.",
  );
}

function redirected(from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (to === undefined || !isWeb(to) || (from.protocol === "https:" && to.protocol === "http:")) {
    throw vivError(
      "untrusted-input",
      `${from.href} leads to ${location}, which is not followed.`,
      "Only http and https are, and never from https to http. Give the address itself if you trust it.",
    );
  }
  return to;
}

async function receive(response: Response, url: URL, target: string, options: DownloadOptions, heard: () => void): Promise<void> {
  if (!response.ok) {
    await response.body?.cancel();
    throw refused(response.status, url);
  }
  const length = response.headers.get("content-length");
  const total = length !== null && /^\d+$/.test(length) ? Number(length) : undefined;
  if (total !== undefined && total > options.maximumBytes) {
    await response.body?.cancel();
    throw tooLong(url, options.maximumBytes);
  }
  const hash = createHash("sha256");
  const file = createWriteStream(target, { flags: "wx", mode: 0o600 });
  let bytes = 0;
  let said = 0;
  try {
    for await (const part of response.body ?? []) {
      const chunk = part as Uint8Array;
      heard();
      if (bytes === 0 && isPage(response, chunk)) throw page(url, options.mayBeAbsent === true);
      bytes += chunk.length;
      if (bytes > options.maximumBytes) throw tooLong(url, options.maximumBytes);
      hash.update(chunk);
      if (!file.write(chunk)) await once(file, "drain");
      if (bytes - said >= 1 << 20) options.progress?.(bytes, total);
      if (bytes - said >= 1 << 20) said = bytes;
    }
    file.end();
    await finished(file);
  } finally {
    file.destroy();
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

function isPage(response: Response, start: Uint8Array): boolean {
  if (/^text\/html\b/i.test(response.headers.get("content-type") ?? "")) return true;
  return /^\uFEFF?\s*<(!doctype\s+html|html|head|body|\?xml)\b/i.test(new TextDecoder().decode(start.subarray(0, 512)));
}

function page(url: URL, absent: boolean): VivError {
  return vivError(
    absent ? "not-found" : "untrusted-input",
    `${url.href} is a web page, not a file.`,
    "Give the address of the file itself: the one its link points to.",
  );
}

function tooLong(url: URL, maximumBytes: number): VivError {
  return vivError(
    "untrusted-input",
    `${url.href} is longer than ${humanBytes(maximumBytes)}.`,
    "That is no such file. An ISO is given with --iso.",
  );
}

function cut(url: URL): VivError {
  return vivError("failed", `${url.href} ended before its end.`, "The connection broke; try again.");
}

function refused(status: number, url: URL): VivError {
  if (status === 404 || status === 410) return vivError("not-found", `${url.href} does not exist (HTTP ${status}).`, "Check the address.");
  if (status === 401 || status === 403)
    return vivError("failed", `${url.href} may not be read (HTTP ${status}).`, "Fetch it yourself and give the file.");
  return vivError("failed", `${url.href}: the server answered HTTP ${status}.`, status >= 500 ? "Try again later." : "Check the address.");
}

/** What the network said, in words. */
function explained(error: unknown, address: URL, silent: boolean): unknown {
  if (silent) return vivError("timeout", `${address.host} does not answer.`, "Check the address and this computer's network.", error);
  const { cause } = error as { cause?: { code?: string; message?: string } };
  if (!(error instanceof TypeError)) return error;
  if (error.message === "terminated") return cut(address);
  const why = cause?.code ?? cause?.message ?? error.message;
  return vivError("failed", `${address.href} cannot be reached (${why}).`, "Check the address and this computer's network.", error);
}

/** Aborts when nothing was heard for a time. */
function silenceAfter(ms: number): { signal: AbortSignal; heard: () => void; stop: () => void } {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ms);
  return { signal: abort.signal, heard: () => timer.refresh(), stop: () => clearTimeout(timer) };
}
