import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openCatalog } from "../../../src/host/index.ts";
import { Architecture, Catalog, catalogFile, catalogJsonSchema, catalogProblems } from "../../../src/model/index.ts";
import { checkout } from "../../support/home.ts";

const media = join(checkout, "media");
const place = { mediaFolder: media, signal: new AbortController().signal };

describe("the catalog of images", () => {
  it("is well formed, and its schema is the model's", async () => {
    const catalog = Catalog.parse(JSON.parse(await readFile(join(media, "catalog.json"), "utf8")));
    assert.deepEqual(catalogProblems(catalog), []);
    assert.deepEqual(
      JSON.parse(await readFile(join(media, "catalog.schema.json"), "utf8")),
      JSON.parse(JSON.stringify(catalogJsonSchema())),
    );
  });

  it("has every distribution that was promised, for both architectures or says why not", async () => {
    const { images } = await openCatalog(place);
    const stems = new Set(images.map(({ name }) => name.split(":")[0]));
    for (const stem of [
      "starter",
      "debian",
      "ubuntu",
      "fedora",
      "almalinux",
      "opensuse-leap",
      "opensuse-tumbleweed",
      "arch",
      "alpine",
      "freebsd",
    ])
      assert.ok(stems.has(stem), stem);
    for (const image of images)
      for (const architecture of Architecture.options) {
        const stated = image.architectures[architecture];
        assert.ok("url" in stated || "builtIn" in stated || stated.absent.length > 20, `${image.name} ${architecture}`);
      }
  });

  it("names files of publishers by https, for their own architecture, in lists that can name them", async () => {
    const words = { x86_64: /x86_64|amd64/, aarch64: /aarch64|arm64/ };
    for (const image of (await openCatalog(place)).images)
      for (const architecture of Architecture.options) {
        const file = catalogFile(image, architecture);
        if (!file) continue;
        for (const url of [file.url, file.checksums.url]) assert.equal(new URL(url).protocol, "https:", url);
        assert.match(file.url, words[architecture]);
        const list = file.checksums.url;
        const alone = list.toLowerCase().startsWith(`${file.url.toLowerCase()}.sha`);
        assert.ok(
          alone ||
            new URL(list).pathname
              .split("/")
              .at(-1)
              ?.match(/sums|checksum/i),
          list,
        );
      }
  });

  it("carries every key that signs, with the fingerprint it names", async () => {
    const { images, key } = await openCatalog(place);
    const { readKeys } = await import("openpgp");
    const names = new Set(
      images.flatMap((image) => Architecture.options.flatMap((one) => catalogFile(image, one)?.checksums.signature?.keys ?? [])),
    );
    assert.ok(names.size >= 2);
    for (const name of names) {
      const { armored, fingerprint } = await key(name);
      const found = (await readKeys({ armoredKeys: armored })).map((each) => each.getFingerprint().toUpperCase());
      assert.ok(fingerprint !== undefined && found.includes(fingerprint), name);
    }
  });
});
