import assert from "node:assert/strict";
import "./support/load.ts";

const { firstBootRequest } = await import("../../../src/commands/create/firstBootStep.ts");
const { createRequest } = await import("../../../src/commands/create/plan.ts");
const { parseSize, sizesFor } = await import("../../../src/commands/create/sizes.ts");
const { parsePorts } = await import("../../../src/commands/create/networkStep.ts");
const { nameProblem, suggestName } = await import("../../../src/commands/name.ts");

const gib = 1024 ** 3;

describe("creating a machine", () => {
  it("asks the service for what was answered", () => {
    const plan = {
      guest: { from: "iso", file: "/a.iso" },
      size: { cpus: 2, memory: "2G", disk: "20G" },
      name: "a",
      network: "nat",
      ports: [80],
      group: "team",
    } as const;
    assert.deepEqual(createRequest(plan), {
      name: "a",
      iso: "/a.iso",
      cpus: 2,
      memory: "2G",
      disk: "20G",
      networks: [{ mode: "nat", forwards: [{ guestPort: 22 }, { guestPort: 80 }] }],
      set: ['group="team"'],
    });
  });

  it("asks for network boot from a folder here or from an address", () => {
    const rest = { size: { cpus: 1, memory: "512M" }, name: "a", network: "nat", ports: [] } as const;
    const folder = createRequest({ guest: { from: "netboot", directory: "/tftp", file: "pxelinux.0" }, ...rest });
    assert.deepEqual(folder.netboot, { directory: "/tftp", file: "pxelinux.0" });
    const address = createRequest({ guest: { from: "netbootUrl", url: "https://example.org/os/" }, ...rest });
    assert.deepEqual(address.netboot, { url: "https://example.org/os/" });
  });

  it("leaves disk and network of an image to the image and the service", () => {
    const plan = {
      guest: { from: "image", image: "starter", title: "Starter" },
      size: { cpus: 1, memory: "512M", disk: "10G" },
      name: "a",
      network: "nat",
      ports: [],
    } as const;
    assert.deepEqual(createRequest(plan), { name: "a", image: "starter", cpus: 1, memory: "512M" });
  });

  it("offers sizes that this computer has", () => {
    for (const host of [
      { cores: 1, memoryBytes: gib },
      { cores: 2, memoryBytes: 4 * gib },
      { cores: 32, memoryBytes: 128 * gib },
    ]) {
      const sizes = sizesFor(host);
      assert.ok(sizes.length > 0);
      for (const { cpus, memoryBytes } of sizes) assert.ok(cpus <= host.cores && memoryBytes <= host.memoryBytes / 2);
    }
    assert.deepEqual(
      sizesFor({ cores: 8, memoryBytes: 64 * gib }).map(({ name }) => name),
      ["small", "medium", "large"],
    );
  });

  it("reads a size as one types it", () => {
    assert.deepEqual(parseSize("2 2G 20g"), { cpus: 2, memory: "2G", disk: "20g" });
    assert.deepEqual(parseSize(" 1 512M "), { cpus: 1, memory: "512M" });
    for (const wrong of ["", "2", "0 1G", "2 lots", "2 2G 20G 5"]) assert.equal(parseSize(wrong), undefined, wrong);
  });

  it("reads ports as one types them", () => {
    assert.deepEqual(parsePorts("80, 8080"), [80, 8080]);
    for (const wrong of ["", "http", "0", "65536", "1.5"]) assert.equal(parsePorts(wrong), undefined, wrong);
  });

  it("suggests a name that is free", () => {
    const taken = new Set(["debian-12-5-netinst", "machine"]);
    assert.equal(suggestName("Debian 12.5 (netinst).iso", new Set()), "debian-12-5-netinst");
    assert.equal(suggestName("Debian 12.5 (netinst).iso", taken), "debian-12-5-netinst-2");
    assert.equal(suggestName("…", taken), "machine-2");
    for (const from of ["x".repeat(90), "9lives", "-a-", "日本.iso"])
      assert.equal(nameProblem(suggestName(from, taken), taken), undefined, from);
  });
});

describe("a first boot that was customized", () => {
  it("is what was answered, and nothing else", () => {
    assert.deepEqual(firstBootRequest({}), {});
    assert.deepEqual(firstBootRequest({ timeZone: "UTC", packages: ["a", "b"] }), { timeZone: "UTC", packages: ["a", "b"] });
    assert.deepEqual(firstBootRequest({ user: "ada", keys: ["ssh-ed25519 AAAA"] }), {
      users: [{ name: "ada", sshKeys: ["ssh-ed25519 AAAA"] }],
    });
  });

  it("has a user for keys that were given to nobody", () => {
    const [user] = firstBootRequest({ keys: ["ssh-ed25519 AAAA"] }).users ?? [];
    assert.match(user?.name ?? "", /^[a-z_][a-z0-9_-]*$/);
    assert.notEqual(user?.name, "root");
  });
});
