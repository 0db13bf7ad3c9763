import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ConnectionError, ConnectionErrors } from "vscode-jsonrpc/node";
import { apiText } from "../../../scripts/setup/apiText.ts";
import { fromResponseError } from "../../../src/api/connection.ts";
import { compareBuilds, methods, proofMatches, proveToken, toResponseError } from "../../../src/api/index.ts";
import { vivError } from "../../../src/model/index.ts";

describe("the method table", () => {
  it("says what each method does, in one line", () => {
    for (const [name, method] of Object.entries(methods)) assert.match(method.doc, /^[A-Z][^\n]{10,}$/, name);
  });
  it("refuses parameters it does not know", () => {
    for (const [name, method] of Object.entries(methods)) assert.equal(method.params.safeParse({ surprise: 1 }).success, false, name);
  });
});

describe("the connection", () => {
  it("proves the token to one side only", () => {
    const proof = proveToken("secret", "nonce", "server");
    assert.ok(proofMatches(proof, proveToken("secret", "nonce", "server")));
    for (const other of [
      proveToken("secret", "nonce", "client"),
      proveToken("secret", "other", "server"),
      proveToken("wrong", "nonce", "server"),
      "",
    ]) {
      assert.ok(!proofMatches(proof, other));
    }
  });
  it("carries code, message and hint of an error", () => {
    const error = toResponseError(vivError("locked", "busy", "wait"));
    assert.deepEqual(error.data, { code: "locked", message: "busy", hint: "wait" });
  });
  it("never carries a stack", () => {
    assert.deepEqual(toResponseError(new Error("x")).data, { code: "internal", message: "x" });
  });
});

describe("builds", () => {
  const build = (version: string, time = "0") => ({ version, build: time });
  it("are ordered by version, then by build", () => {
    assert.ok(compareBuilds(build("0.10.0"), build("0.9.9")) > 0);
    assert.ok(compareBuilds(build("1.0.0", "20260101T000000"), build("1.0.0", "20260101T000001")) < 0);
    assert.equal(compareBuilds(build("1.0.0"), build("1.0.0")), 0);
  });
});

describe("docs/api.md", () => {
  it("is what the method table says", () => {
    assert.equal(readFileSync(join(import.meta.dirname, "../../../docs/api.md"), "utf8"), apiText(), "run: node scripts/apiDocs.ts");
  });
});

describe("a connection that is gone", () => {
  it("is the service's absence, not an inner mistake", () => {
    assert.equal(fromResponseError(new ConnectionError(ConnectionErrors.Disposed, "Connection is disposed.")).code, "daemon-unavailable");
    assert.equal(fromResponseError(Object.assign(new Error("write EPIPE"), { code: "EPIPE" })).code, "daemon-unavailable");
  });
});
