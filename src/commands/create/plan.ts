import type { CreateRequest } from "../../api/index.ts";

/** What a new machine is made from. */
export type Guest =
  | {
      readonly from: "image";
      readonly image: string;
      readonly title: string;
      readonly architecture?: "x86_64" | "aarch64";
      /** It is of the catalog and not here yet. */
      readonly pull?: boolean;
    }
  | { readonly from: "iso"; readonly file: string }
  | { readonly from: "netboot"; readonly directory: string; readonly file: string }
  | { readonly from: "netbootUrl"; readonly url: string }
  | { readonly from: "nothing" };

export interface ChosenSize {
  readonly cpus: number;
  readonly memory: string;
  /** Undefined: what the image has. */
  readonly disk?: string | undefined;
}

export interface Plan {
  readonly guest: Guest;
  readonly size: ChosenSize;
  readonly name: string;
  readonly network: "nat" | "none";
  /** Ports of the guest to forward to free ports of this computer. */
  readonly ports: readonly number[];
  readonly group?: string | undefined;
  /** Absent: what an image's machines get unasked. */
  readonly firstBoot?: CreateRequest["firstBoot"];
}

/** The answers as the service's request; pure. An image keeps its own disk, so that the smallest start is the fastest. */
export function createRequest({ guest, size, name, network, ports, group, firstBoot }: Plan): CreateRequest {
  const ownDisk = guest.from !== "image";
  return {
    name,
    ...source(guest),
    cpus: size.cpus,
    memory: size.memory,
    ...(ownDisk && size.disk !== undefined ? { disk: size.disk } : {}),
    ...networks(network, ports),
    ...(firstBoot === undefined ? {} : { firstBoot }),
    ...(group === undefined ? {} : { set: [`group=${JSON.stringify(group)}`] }),
  };
}

function source(guest: Guest): Pick<CreateRequest, "image" | "iso" | "netboot" | "architecture"> {
  switch (guest.from) {
    case "image":
      return { image: guest.image, ...(guest.architecture === undefined ? {} : { architecture: guest.architecture }) };
    case "iso":
      return { iso: guest.file };
    case "netboot":
      return { netboot: { directory: guest.directory, file: guest.file } };
    case "netbootUrl":
      return { netboot: { url: guest.url } };
    case "nothing":
      return {};
  }
}

/** Without ports nothing is said: the service then gives NAT with the forward for SSH. */
function networks(network: Plan["network"], ports: readonly number[]): Pick<CreateRequest, "networks"> {
  if (network === "none") return { networks: [{ mode: "none" }] };
  if (ports.length === 0) return {};
  return { networks: [{ mode: "nat", forwards: [...new Set([22, ...ports])].map((guestPort) => ({ guestPort })) }] };
}
