import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { vivError } from "../model/index.ts";

/** Can this address and port be listened on now? @throws VivError `host-cannot` for a privileged port. */
export async function portIsFree(protocol: "tcp" | "udp", address: string, port: number): Promise<boolean> {
  return (await tryPort(protocol, address, port)) !== undefined;
}

/** `wanted` when it is free, otherwise a port the system picks. */
export async function freePort(protocol: "tcp" | "udp", address: string, wanted?: number): Promise<number> {
  if (wanted !== undefined && (await portIsFree(protocol, address, wanted))) return wanted;
  const port = await tryPort(protocol, address, 0);
  if (port === undefined)
    throw vivError("host-cannot", `No free ${protocol} port on ${address}.`, "Close a program that listens, or use another address.");
  return port;
}

function tryPort(protocol: "tcp" | "udp", address: string, port: number): Promise<number | undefined> {
  return protocol === "tcp" ? tryTcp(address, port) : tryUdp(address, port);
}

function tryTcp(address: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => refuse(error, address, port, resolve, reject));
    server.listen({ host: address, port, exclusive: true }, () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === "object" && bound ? bound.port : undefined));
    });
  });
}

function tryUdp(address: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.once("error", (error: NodeJS.ErrnoException) => refuse(error, address, port, resolve, reject));
    socket.bind({ address, port, exclusive: true }, () => {
      const bound = socket.address().port;
      socket.close(() => resolve(bound));
    });
  });
}

function refuse(
  error: NodeJS.ErrnoException,
  address: string,
  port: number,
  resolve: (port: undefined) => void,
  reject: (error: Error) => void,
): void {
  if (error.code === "EADDRINUSE") resolve(undefined);
  else if (error.code === "EACCES")
    reject(
      vivError("host-cannot", `Port ${port} on ${address} needs more rights than yours.`, "Choose a host port of 1024 or above.", error),
    );
  else if (error.code === "EADDRNOTAVAIL") reject(vivError("host-cannot", `This host has no address ${address}.`, "Use 127.0.0.1.", error));
  else reject(error);
}
