import * as vscode from "vscode";
import type { Params } from "../api/index.ts";

type Web = Pick<Params<"image.catalog">, "catalog" | "network">;

/**
 * How this editor reaches the web, handed over with each request: VS Code's `http.*` settings, else the environment, as VS
 * Code itself does it; and which catalog of images is meant (machine scope: no workspace chooses what is fetched).
 */
export function webSettings(environment: NodeJS.ProcessEnv = process.env): Web {
  const http = vscode.workspace.getConfiguration("http");
  const text = (value: string | undefined): string | undefined => (value === undefined || value.trim() === "" ? undefined : value.trim());
  const own = text(http.get<string>("proxy"));
  const httpProxy = own ?? text(environment["http_proxy"] ?? environment["HTTP_PROXY"]);
  const httpsProxy = own ?? text(environment["https_proxy"] ?? environment["HTTPS_PROXY"]);
  const excepted = http.get<string[]>("noProxy", []);
  const noProxy = excepted.length > 0 ? excepted : (text(environment["no_proxy"] ?? environment["NO_PROXY"])?.split(/[\s,]+/) ?? []);
  const caFile = text(environment["NODE_EXTRA_CA_CERTS"]);
  const off = http.get<string>("proxySupport") === "off";
  const network = {
    ...(httpProxy === undefined || off ? {} : { httpProxy }),
    ...(httpsProxy === undefined || off ? {} : { httpsProxy }),
    ...(noProxy.length === 0 ? {} : { noProxy }),
    ...(http.get<boolean>("proxyStrictSSL", true) ? {} : { strictSsl: false }),
    ...(caFile === undefined ? {} : { caFiles: [caFile] }),
  };
  const catalog = text(vscode.workspace.getConfiguration("vivarium").get<string>("catalog")) ?? text(environment["VIVARIUM_CATALOG"]);
  return { ...(catalog === undefined ? {} : { catalog }), ...(Object.keys(network).length === 0 ? {} : { network }) };
}
