import type { ForwardView } from "../api/index.ts";
import { type ForwardRequest, forwardRequest, vivError } from "../model/index.ts";

/** `[HOSTPORT:]GUESTPORT[/udp]` → a forward. @throws VivError `usage`. */
export function parseForward(text: string): ForwardRequest {
  const request = forwardRequest(text);
  if (request) return request;
  throw vivError(
    "usage",
    `${JSON.stringify(text)} is not [HOSTPORT:]GUESTPORT[/udp].`,
    "For example 8080:80, or 22 for a free port of the host. Ports are 1 to 65535.",
  );
}

/** `127.0.0.1:8080 → 80/tcp` */
export function forwardLine({ protocol, hostAddress, hostPort, guestPort, open, kept }: ForwardView): string {
  const place = hostPort === null ? `${hostAddress}:(a free port)` : `${hostAddress}:${hostPort}`;
  const words = [open ? undefined : "from the next start on", kept ? undefined : "until the machine stops"];
  const said = words.filter((word) => word !== undefined).join(", ");
  return `${place} → ${guestPort}/${protocol}${said === "" ? "" : `  (${said})`}\n`;
}
