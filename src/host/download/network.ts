import { readFile } from "node:fs/promises";
import * as tls from "node:tls";
import type { Dispatcher } from "undici";
import { vivError } from "../../model/index.ts";
import { undici } from "./undici.ts";

/** How the web is reached from here; told by the client with each request, since only it knows the user's settings. */
export interface NetworkSettings {
  /** `http://[user:password@]host:port`; for http and for https addresses. */
  readonly httpProxy?: string | undefined;
  readonly httpsProxy?: string | undefined;
  /** Hosts that are asked directly: `example.org`, `.example.org`, `host:port`, `*`. */
  readonly noProxy?: readonly string[] | undefined;
  /** False: certificates are not checked. */
  readonly strictSsl?: boolean | undefined;
  /** PEM files with authorities that are trusted besides the usual ones. */
  readonly caFiles?: readonly string[] | undefined;
}

/** Connections of one piece of work. */
export interface Network {
  readonly dispatcher: Dispatcher;
  close(): Promise<void>;
}

/** @throws VivError `usage` for a proxy that is no URL or a CA file that cannot be read. */
export async function openNetwork(settings: NetworkSettings = {}): Promise<Network> {
  const ca = await authorities(settings.caFiles ?? []);
  const trust = { ...(ca === undefined ? {} : { ca }), ...(settings.strictSsl === false ? { rejectUnauthorized: false } : {}) };
  const { EnvHttpProxyAgent } = await undici();
  const dispatcher = new EnvHttpProxyAgent({
    // Never undefined: the service's own environment may be of another day.
    httpProxy: proxyAddress(settings.httpProxy),
    httpsProxy: proxyAddress(settings.httpsProxy),
    noProxy: (settings.noProxy ?? []).join(","),
    // As curl does: http is asked of the proxy itself, https goes through it.
    proxyTunnel: false,
    connect: { ...trust, timeout: 30_000 },
    requestTls: trust,
    proxyTls: trust,
    // Silence is watched by the download.
    bodyTimeout: 0,
    headersTimeout: 0,
  });
  return { dispatcher, close: () => dispatcher.destroy() };
}

function proxyAddress(text: string | undefined): string {
  if (text === undefined || text === "") return "";
  const url = URL.canParse(text) ? new URL(text) : URL.canParse(`http://${text}`) ? new URL(`http://${text}`) : undefined;
  if (url && /^(https?|socks5?):$/.test(url.protocol) && url.hostname !== "") return url.href;
  // A proxy's address may hold a password: it is not repeated.
  throw vivError("usage", "The proxy is not an address such as http://proxy.example.org:3128.", "Correct http.proxy, or HTTPS_PROXY.");
}

/** Node's own list, the system's where Node can tell it, and the files. Undefined: Node's default. */
async function authorities(files: readonly string[]): Promise<string[] | undefined> {
  const own = await Promise.all(
    files.map((file) =>
      readFile(file, "utf8").catch((error: unknown) => {
        throw vivError("usage", `The certificates of ${file} cannot be read.`, "Correct NODE_EXTRA_CA_CERTS or SSL_CERT_FILE.", error);
      }),
    ),
  );
  const { getCACertificates } = tls as { getCACertificates?: (type: "default" | "system") => string[] };
  const system = getCACertificates?.("system") ?? [];
  if (own.length === 0 && system.length === 0) return undefined;
  return [...(getCACertificates?.("default") ?? tls.rootCertificates), ...system, ...own];
}
