import assert from "node:assert/strict";
import { chooseMirror, parseListFile, parseSourcesFile } from "../../../scripts/apt/sources.ts";

describe("the host's apt sources", () => {
  it("are read in deb822 form, without comments and disabled ones", () => {
    const text = [
      "Types: deb deb-src",
      "# a comment",
      "URIs: http://mirror.example/debian",
      "Suites: bookworm bookworm-updates",
      "Signed-By: /usr/share/keyrings/k.gpg",
      "",
      "Enabled: no",
      "Types: deb",
      "URIs: http://other.example/",
      "Suites: sid",
    ];
    assert.deepEqual(parseSourcesFile(text.join("\n")), [
      { uris: ["http://mirror.example/debian"], suites: ["bookworm", "bookworm-updates"], signedBy: "/usr/share/keyrings/k.gpg" },
    ]);
  });

  it("are read in one-line form", () => {
    assert.deepEqual(parseListFile("# deb x y z\ndeb [arch=amd64 signed-by=/k.gpg] http://m.example/debian trixie main\n"), [
      { uris: ["http://m.example/debian"], suites: ["trixie"], signedBy: "/k.gpg" },
    ]);
  });

  it("give Debian's mirror and leave others alone", () => {
    const foreign = { uris: ["http://node.example"], suites: ["nodistro"], signedBy: "/n.gpg" };
    const archive = { uris: ["http://m.example/debian/"], suites: ["trixie"], signedBy: "/k.gpg" };
    assert.deepEqual(chooseMirror([foreign, archive]), {
      archive: "http://m.example/debian/",
      security: "http://m.example/debian-security",
      keyring: "/k.gpg",
    });
    const security = { uris: ["http://s.example/x"], suites: ["trixie-security"], signedBy: "/k.gpg" };
    assert.equal(chooseMirror([security, archive])?.security, "http://s.example/x");
    assert.equal(chooseMirror([foreign]), undefined);
  });
});
