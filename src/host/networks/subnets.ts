import { BlockList } from "node:net";
import { Subnet, vivError } from "../../model/index.ts";

/** What a NAT adapter has inside its guest (src/qemu/network.ts): a machine may have one of each. */
const natSubnets = ["10.0.2.0/23", "10.0.4.0/23"];

/** The first of 10.77.0.0/24, 10.77.1.0/24, … that no other network has. */
export function freeSubnet(taken: readonly string[]): string {
  for (let number = 0; number < 256; number += 1) {
    const subnet = `10.77.${number}.0/24`;
    if (!taken.some((other) => overlap(subnet, other))) return subnet;
  }
  throw vivError("failed", "All 256 subnets from 10.77.0.0/24 on are taken.", "Choose one: viv net create NAME --subnet 10.78.0.0/24");
}

/** @throws VivError `usage` for a bogus subnet, or one that overlaps with another */
export function requireFreeSubnet(subnet: string, taken: readonly string[]): string {
  const parsed = Subnet.safeParse(subnet);
  if (!parsed.success)
    throw vivError(
      "usage",
      `“${subnet}” cannot be a network's addresses: ${parsed.error.issues.map(({ message }) => message).join("; ")}.`,
      "For example 10.77.0.0/24",
    );
  const other = [...taken, ...natSubnets].find((each) => overlap(subnet, each));
  if (other === undefined) return subnet;
  throw vivError(
    "usage",
    `${subnet} overlaps with ${other}${natSubnets.includes(other) ? ", which NAT adapters use" : ", another network's"}.`,
    "For example 10.77.0.0/24",
  );
}

function overlap(left: string, right: string): boolean {
  return contains(left, right) || contains(right, left);
}

function contains(outer: string, inner: string): boolean {
  const [network = "", bits] = outer.split("/");
  const block = new BlockList();
  block.addSubnet(network, Number(bits), "ipv4");
  return block.check(inner.split("/")[0] ?? "", "ipv4");
}
