import * as z from "zod";
import { vivError } from "./errors.ts";
import { machineNamePattern } from "./names.ts";

/** What the user wants a network of machines to be: the content of `networks/NAME/network.json`. */

export const networkNamePattern = /^[a-z][a-z0-9-]{0,30}$/;
export const NetworkName = z.string().regex(networkNamePattern, "must match ^[a-z][a-z0-9-]{0,30}$");

/** Addresses for guests: private ones (RFC 1918), at least 14 of them, so that none hides a host of the internet. */
export const Subnet = z.cidrv4().refine(isUsableSubnet, "must be a private network of /16 to /28, such as 10.77.0.0/24");

const RuleSide = z
  .union(
    [z.string().regex(machineNamePattern), z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
    "must be a machine's name, an address or a CIDR block",
  )
  .optional();

/** Packets that fit every given part; the first rule that fits decides, without one a packet may pass. */
export const Rule = z
  .strictObject({
    action: z.enum(["allow", "deny"]),
    from: RuleSide.describe("Sender: a machine's name, an address or a CIDR block; absent: anyone"),
    to: RuleSide.describe("Receiver, as `from`"),
    protocol: z.enum(["tcp", "udp", "icmp"]).optional(),
    port: z.int().min(1).max(65535).optional().describe("Destination port; needs tcp or udp"),
  })
  .refine(({ port, protocol }) => port === undefined || protocol === "tcp" || protocol === "udp", "a port needs tcp or udp");
export type Rule = z.infer<typeof Rule>;

/** What a machine's link suffers, each way. */
export const Impairment = z.strictObject({
  delayMs: z.number().min(0).max(10_000).optional().describe("Each frame is held that long, each way: a ping takes twice as long more"),
  jitterMs: z.number().min(0).max(10_000).optional().describe("Up to so much more, different for each frame; the order stays"),
  lossPercent: z.number().min(0).max(100).optional().describe("So many frames are lost, each way"),
  bytesPerSecond: z.int().min(1000).max(1e12).optional().describe("Rate limit, each way"),
  partition: NetworkName.optional().describe("Only machines with the same word here hear each other"),
  seed: z.int().min(0).max(0xffffffff).optional().describe("The same seed loses the same frames"),
});
export type Impairment = z.infer<typeof Impairment>;

export const SegmentDefinition = z.strictObject({
  $schema: z.string().optional(),
  schema: z.literal(1).describe("Version of this file's format"),
  id: z.uuid(),
  name: NetworkName,
  subnet: Subnet,
  dhcp: z.boolean().default(true).describe("Addresses and names are given by Vivarium"),
  isolation: z.boolean().default(false).describe("Machines do not hear each other"),
  rules: z.array(Rule).max(256).default([]),
});
export type SegmentDefinition = z.infer<typeof SegmentDefinition>;

function isUsableSubnet(cidr: string): boolean {
  const [address = "", bits] = cidr.split("/");
  const [first = 0, second = 0, third = 0, fourth = 0] = address.split(".").map(Number);
  const size = Number(bits);
  if (size < 16 || size > 28) return false;
  const number = ((first << 24) | (second << 16) | (third << 8) | fourth) >>> 0;
  if ((number & (2 ** (32 - size) - 1)) !== 0) return false;
  return first === 10 || (first === 172 && second >= 16 && second < 32) || (first === 192 && second === 168);
}

/** Names below it are the machines': `web.lab.internal`. */
export function networkDomain(name: string): string {
  return `${name}.internal`;
}

/**
 * A rule in one line: `deny web db tcp:5432`, `allow any 10.77.0.0/28`.
 * @throws VivError `usage`
 */
export function parseRule(text: string): Rule {
  const [action, from, to, kind, ...rest] = text.trim().split(/\s+/);
  const [protocol, port] = (kind ?? "").split(":");
  const parsed = Rule.safeParse({
    action,
    ...(from === undefined || from === "any" ? {} : { from }),
    ...(to === undefined || to === "any" ? {} : { to }),
    ...(protocol === "" || protocol === "any" ? {} : { protocol }),
    ...(port === undefined ? {} : { port: Number(port) }),
  });
  if (parsed.success && rest.length === 0) return parsed.data;
  const why = parsed.success ? "" : `: ${parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`.trim()).join("; ")}`;
  throw vivError("usage", `“${text}” is not a rule${why}.`, "allow|deny FROM TO [tcp|udp|icmp[:PORT]], for example: deny web db tcp:5432");
}

export function ruleText({ action, from = "any", to = "any", protocol, port }: Rule): string {
  return [action, from, to, ...(protocol === undefined ? [] : [port === undefined ? protocol : `${protocol}:${port}`])].join(" ");
}
