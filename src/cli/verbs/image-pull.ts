import { humanBytes, vivError } from "../../model/index.ts";
import { safeText } from "../safe.ts";
import { defineVerb } from "../verb.ts";
import { webOf } from "../web.ts";

export const verb = defineVerb({
  name: "image pull",
  summary: "Fetch an image by its name in the catalog, or by a URL and what proves it",
  usage: "NAME|URL [--sha256 HEX | --checksums URL [--signature URL] [--key FILE]] [OPTION]…",
  details:
    "The list of checksums and its signature come first, then the file; what came of it stays when it is interrupted, and the next try goes on there. " +
    "Proxies and authorities are those of the environment (HTTPS_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS, SSL_CERT_FILE). VIVARIUM_CATALOG names another catalog.",
  arguments: { source: { label: "NAME|URL", summary: "A name (viv image catalog), or an http or https URL" } },
  options: {
    sha256: { value: "HEX", summary: "What the file must have (also the 128 digits of a SHA-512)" },
    checksums: { value: "URL", summary: "The publisher's list of checksums" },
    signature: { value: "URL", summary: "The list's OpenPGP signature; “inside” for a clear-signed list" },
    key: { value: "FILE", summary: "Who may sign it: an armoured public key (default: the catalog's)", completes: "file" },
    name: { value: "NAME", summary: "What it is called here" },
    arch: { value: "ARCH", choices: ["x86_64", "aarch64"], summary: "Default: this host's, or by its boot loader" },
    firmware: { value: "KIND", choices: ["bios", "uefi"], summary: "Default: by its partitions" },
    user: { value: "NAME", summary: "Whom SSH logs in as (default: what the catalog says, else root)" },
    "cloud-init": { summary: "cloud-init is in it and sets up the first start" },
    replace: { summary: "Take the place of an image of that name" },
  },
  examples: [
    ["viv image pull debian:12", "then: viv create web --image debian:12"],
    ["viv image pull https://example.org/disk.qcow2 --sha256 9f86d0…", "any image whose digest you know"],
    [
      "viv image pull https://example.org/disk.img.xz --checksums https://example.org/SHA256SUMS --signature https://example.org/SHA256SUMS.gpg --key example.asc",
      "proved by a signature",
    ],
  ],
  async run(work) {
    const { sha256, checksums, signature, key, name, arch, firmware, user, replace } = work.options;
    if (sha256 !== undefined && checksums !== undefined)
      throw vivError("usage", "--sha256 and --checksums exclude each other.", "One of them says what the file must be.");
    const pulled = await work.call(
      "image.pull",
      {
        source: work.args.source,
        ...(sha256 === undefined ? {} : { digest: sha256 }),
        ...(checksums === undefined ? {} : { checksums }),
        ...(signature === undefined ? {} : { signature }),
        ...(key === undefined ? {} : { keyFile: work.path(key) }),
        ...(name === undefined ? {} : { name }),
        ...(arch === "x86_64" || arch === "aarch64" ? { architecture: arch } : {}),
        ...(firmware === "bios" || firmware === "uefi" ? { firmware } : {}),
        ...(user === undefined ? {} : { login: user }),
        ...(work.options["cloud-init"] ? { firstBoot: "cloud-init" as const } : {}),
        replace,
        ...webOf(work.host.environment, work.path),
      },
      work.args.source,
    );
    const { image, fetched, resumedBytes, notes } = pulled;
    work.print(pulled, () => {
      const what = `${image.name} (${image.architecture})`;
      if (!fetched) return `${what}: is what its publisher has\n`;
      const resumed = resumedBytes > 0 ? `, ${humanBytes(resumedBytes)} of the file were here already` : "";
      const signed = image.origin?.signedBy === undefined ? [] : [`Signed by ${image.origin.signedBy}.`];
      return `${what}: pulled, ${humanBytes(image.bytes)} on disk${resumed}\n${[...signed, ...notes].map((note) => `  ${safeText(note)}\n`).join("")}`;
    });
    return 0;
  },
});
