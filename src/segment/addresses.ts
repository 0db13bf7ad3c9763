/** Addresses as the data path wants them: numbers, so that looking one up makes no garbage. */

/** `52:54:00:12:34:56` → 48-bit number. */
export function macNumber(text: string): number {
  return Number.parseInt(text.replaceAll(":", ""), 16);
}

export function macText(mac: number): string {
  return mac
    .toString(16)
    .padStart(12, "0")
    .replace(/(..)(?=.)/g, "$1:");
}

/** `10.77.0.1` → 32-bit number. */
export function ipv4Number(text: string): number {
  return text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function ipv4Text(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** An IPv4 network in numbers. */
export interface Subnet {
  readonly network: number;
  readonly mask: number;
  readonly broadcast: number;
}

/** `10.77.0.0/24`, already checked by the schema. */
export function subnetOf(cidr: string): Subnet {
  const [address = "", bits = ""] = cidr.split("/");
  const mask = Number(bits) === 0 ? 0 : (0xffffffff << (32 - Number(bits))) >>> 0;
  const network = (ipv4Number(address) & mask) >>> 0;
  return { network, mask, broadcast: (network | ~mask) >>> 0 };
}
