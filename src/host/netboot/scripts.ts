/** How slirp's guests reach this computer's own servers (10.0.2.2 is the first adapter's gateway). */
const gateway = "10.0.2.2";

/** iPXE loads a script from where it stands, so that what it names is found beside it, and is today's. */
export function chainScript(url: URL): string {
  return `#!ipxe\n# Loads this script at each start. Another address may stand here.\nchain ${asSeenByGuest(url).href}\n`;
}

/** Boots the kernel and initrd that lie beside the script. An EFI kernel finds its initrd by the name on its command line. */
export function bootScript(found: URL, words: readonly string[]): string {
  const lines = [
    "#!ipxe",
    `# Fetched from ${found.href} when the machine was created. Words for the kernel may be added here.`,
    ["kernel linux initrd=initrd", ...words].join(" "),
    "initrd initrd",
    "boot",
  ];
  return `${lines.join("\n")}\n`;
}

function asSeenByGuest(url: URL): URL {
  const seen = new URL(url);
  if (/^(localhost|127(\.\d+){3}|\[::1\])$/.test(seen.hostname)) seen.hostname = gateway;
  return seen;
}
