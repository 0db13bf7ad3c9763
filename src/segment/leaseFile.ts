import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { ipv4Number, ipv4Text, macNumber, macText } from "./addresses.ts";
import type { Lease } from "./leases.ts";

/** Leases on disk: `[{mac, address, expiresAt}]`, ISO 8601 or null for a machine's own. A file that cannot be read is as none. */
export function readLeases(file: string): Lease[] {
  let entries: unknown;
  try {
    entries = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return [];
  }
  return Array.isArray(entries) ? entries.flatMap(leaseOf) : [];
}

function leaseOf(entry: { mac?: unknown; address?: unknown; expiresAt?: unknown } | null): Lease[] {
  const { mac, address, expiresAt } = entry ?? {};
  if (typeof mac !== "string" || !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) return [];
  if (typeof address !== "string" || !/^\d{1,3}(\.\d{1,3}){3}$/.test(address)) return [];
  const until = typeof expiresAt === "string" ? Date.parse(expiresAt) : Number.POSITIVE_INFINITY;
  return [{ mac: macNumber(mac), address: ipv4Number(address), expiresAt: Number.isNaN(until) ? 0 : until }];
}

/** Whole or not at all. */
export function writeLeases(file: string, leases: readonly Lease[]): void {
  const entries = leases.map(({ mac, address, expiresAt }) => ({
    mac: macText(mac),
    address: ipv4Text(address),
    expiresAt: Number.isFinite(expiresAt) ? new Date(expiresAt).toISOString() : null,
  }));
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(entries, null, 1)}\n`, { mode: 0o600 });
  renameSync(temporary, file);
}
