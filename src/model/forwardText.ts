export interface ForwardRequest {
  protocol: "tcp" | "udp";
  hostPort?: number;
  guestPort: number;
}

/** `[HOSTPORT:]GUESTPORT[/tcp|/udp]` as people type a forward; undefined: it is none. Ports are 1 to 65535. */
export function forwardRequest(text: string): ForwardRequest | undefined {
  const match = /^(?:(\d{1,5}):)?(\d{1,5})(?:\/(tcp|udp))?$/.exec(text);
  const hostPort = match?.[1] === undefined ? undefined : Number(match[1]);
  const guestPort = Number(match?.[2]);
  if (!match || !isPort(guestPort) || (hostPort !== undefined && !isPort(hostPort))) return undefined;
  return { protocol: match[3] === "udp" ? "udp" : "tcp", ...(hostPort === undefined ? {} : { hostPort }), guestPort };
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}
