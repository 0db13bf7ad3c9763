import type { Dispatcher } from "undici";
import { humanBytes, type VivError, vivError } from "../../model/index.ts";
import { undici } from "./undici.ts";

/** What a server answered, redirects followed. The body must be read or destroyed. */
export interface WebAnswer {
  readonly url: URL;
  readonly status: number;
  header(name: string): string | undefined;
  readonly body: Dispatcher.ResponseData["body"];
}

const maximumRedirects = 5;

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

/** Asks; redirects lead to http and https alone, and never from https back to http. */
export async function ask(
  address: URL,
  dispatcher: Dispatcher,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): Promise<WebAnswer> {
  const { request } = await undici();
  let url = address;
  for (let redirects = 0; redirects <= maximumRedirects; redirects += 1) {
    // What is packed on the way would have another length than the server says.
    const wanted = { "accept-encoding": "identity", "user-agent": "vivarium", accept: "*/*", ...headers };
    const { statusCode, headers: given, body } = await request(url, { dispatcher, signal, headers: wanted });
    const header = (name: string): string | undefined => {
      const value = given[name];
      return Array.isArray(value) ? value[0] : value;
    };
    const location = statusCode >= 300 && statusCode < 400 ? header("location") : undefined;
    if (location === undefined) return { url, status: statusCode, header, body };
    letGo(body);
    url = redirected(url, location);
  }
  throw vivError(
    "failed",
    `${address.href} leads from one address to the next, more than ${maximumRedirects} times.`,
    "Give the last address.",
  );
}

/** The rest is not wanted. */
export function letGo(body: WebAnswer["body"]): void {
  body.on("error", () => undefined);
  body.destroy();
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

export function lengthOf(answer: WebAnswer): number | undefined {
  const length = answer.header("content-length");
  return length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined;
}

export function isPage(answer: WebAnswer, start: Uint8Array): boolean {
  if (/^(text\/html|application\/xhtml)\b/i.test(answer.header("content-type") ?? "")) return true;
  return /^\uFEFF?\s*<(!doctype\s+html|html|head|body|\?xml)\b/i.test(new TextDecoder().decode(start.subarray(0, 512)));
}

export function page(url: URL, absent = false): VivError {
  return vivError(
    absent ? "not-found" : "untrusted-input",
    `${url.href} is a web page, not a file.`,
    "Give the address of the file itself: the one its link points to.",
  );
}

export function tooLong(url: URL, maximumBytes: number): VivError {
  return vivError(
    "untrusted-input",
    `${url.href} is longer than ${humanBytes(maximumBytes)}.`,
    "That is no such file. An ISO is given with --iso.",
  );
}

export function cut(url: URL): VivError {
  return vivError("failed", `${url.href} ended before its end.`, "The connection broke; try again.");
}

export function refused(status: number, url: URL): VivError {
  if (status === 404 || status === 410) return vivError("not-found", `${url.href} does not exist (HTTP ${status}).`, "Check the address.");
  if (status === 407) return vivError("failed", "The proxy wants a name and a password (HTTP 407).", "Put them into the proxy's address.");
  if (status === 401 || status === 403)
    return vivError("failed", `${url.href} may not be read (HTTP ${status}).`, "Fetch it yourself and give the file.");
  return vivError("failed", `${url.href}: the server answered HTTP ${status}.`, status >= 500 ? "Try again later." : "Check the address.");
}

/** What the network said, in words. */
export function explained(error: unknown, address: URL, silent: boolean): unknown {
  if (silent) return vivError("timeout", `${address.host} does not answer.`, "Check the address and this computer's network.", error);
  const { code = "", message = "", name = "" } = error as { code?: string; message?: string; name?: string };
  if (name === "VivError" || code === "ENOSPC" || code === "EDQUOT" || code === "EIO") return error;
  if (code === "UND_ERR_SOCKET" || code === "ECONNRESET" || /terminated|other side closed/.test(message)) return cut(address);
  if (/CERT|certificate|SELF_SIGNED|UNABLE_TO_VERIFY/i.test(`${code} ${message}`))
    return vivError(
      "failed",
      `${address.host} has a certificate that is not trusted here (${code || message}).`,
      "If your organisation has an authority of its own, name its file in NODE_EXTRA_CA_CERTS.",
      error,
    );
  if (!/^(UND_ERR|E[A-Z]+$)/.test(code)) return error;
  return vivError(
    "failed",
    `${address.href} cannot be reached (${code}).`,
    "Check the address, this computer's network and its proxy.",
    error,
  );
}

/** Aborts when nothing was heard for a time. */
export function silenceAfter(ms: number): { signal: AbortSignal; heard: () => void; stop: () => void } {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ms);
  return { signal: abort.signal, heard: () => timer.refresh(), stop: () => clearTimeout(timer) };
}
