import { vivError } from "../model/index.ts";

export interface ForwardRequest {
  protocol: "tcp" | "udp";
  hostPort?: number;
  guestPort: number;
}

/** `[HOSTPORT:]GUESTPORT[/udp]` → a forward. */
export function parseForward(text: string): ForwardRequest {
  const match = /^(?:(\d{1,5}):)?(\d{1,5})(?:\/(tcp|udp))?$/.exec(text);
  const hostPort = match?.[1] === undefined ? undefined : Number(match[1]);
  const guestPort = Number(match?.[2]);
  if (!match || !isPort(guestPort) || (hostPort !== undefined && !isPort(hostPort))) {
    throw vivError(
      "usage",
      `--forward: ${JSON.stringify(text)} is not [HOSTPORT:]GUESTPORT[/udp].`,
      "For example 8080:80, or 22 for a free port of the host. Ports are 1 to 65535.",
    );
  }
  return { protocol: match[3] === "udp" ? "udp" : "tcp", ...(hostPort === undefined ? {} : { hostPort }), guestPort };
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}
