import { isAbsolute } from "node:path";
import type { Params } from "../api/index.ts";

type Web = Pick<Params<"image.catalog">, "catalog" | "network">;

/**
 * How this terminal reaches the web, for the service, which may be of another day: the proxy variables as curl reads them,
 * the authorities as Node and OpenSSL name them, and `VIVARIUM_CATALOG`.
 */
export function webOf(environment: NodeJS.ProcessEnv, path: (text: string) => string): Web {
  const value = (...names: string[]): string | undefined =>
    names.map((name) => environment[name]).find((text) => text !== undefined && text !== "");
  // A CGI program's HTTP_PROXY is a header of its client; curl does not take it in capitals either, Node's tools do.
  const httpProxy = value("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY");
  const httpsProxy = value("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY");
  const noProxy = value("no_proxy", "NO_PROXY")
    ?.split(/[\s,]+/)
    .filter((host) => host !== "");
  const caFiles = [value("NODE_EXTRA_CA_CERTS"), value("SSL_CERT_FILE")].filter((file) => file !== undefined);
  const network = {
    ...(httpProxy === undefined ? {} : { httpProxy }),
    ...(httpsProxy === undefined ? {} : { httpsProxy }),
    ...(noProxy === undefined ? {} : { noProxy }),
    ...(environment["NODE_TLS_REJECT_UNAUTHORIZED"] === "0" ? { strictSsl: false } : {}),
    ...(caFiles.length === 0 ? {} : { caFiles: caFiles.map((file) => (isAbsolute(file) ? file : path(file))) }),
  };
  const catalog = value("VIVARIUM_CATALOG");
  return {
    ...(catalog === undefined ? {} : { catalog: /^https?:\/\//i.test(catalog) ? catalog : path(catalog) }),
    ...(Object.keys(network).length === 0 ? {} : { network }),
  };
}
