import assert from "node:assert/strict";
import { editText, replacement } from "../../../../src/webviews/settings/edits.ts";
import { sampleText } from "./support/sample.ts";

const lines = (text: string) => text.split("\n");

/** The lines that differ, as `-old` and `+new`. */
function changes(before: string, after: string): string[] {
  const [old, now] = [lines(before), lines(after)];
  return [
    ...old.filter((line) => !now.includes(line)).map((line) => `-${line.trim()}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `+${line.trim()}`),
  ];
}

describe("an edit of vm.json's text", () => {
  it("changes the value and keeps the comment behind it", () => {
    const after = editText(sampleText, [{ path: "memory", value: "2G" }]);
    assert.deepEqual(changes(sampleText, after), ['-"memory": "1G", // measured in June', '+"memory": "2G", // measured in June']);
  });

  it("reaches into lists", () => {
    const after = editText(sampleText, [{ path: "networks.0.forwards.0.hostPort", value: 2022 }]);
    assert.deepEqual(changes(sampleText, after), [
      '-{ "guestPort": 22, "hostPort": 2222 } // SSH',
      '+{ "guestPort": 22, "hostPort": 2022 } // SSH',
    ]);
  });

  it("puts a new key at the end, behind the comment of the line before", () => {
    const after = editText(sampleText, [{ path: "guestUser", value: "admin" }]);
    assert.deepEqual(changes(sampleText, after), [
      '-"note": "by hand" // the last line',
      '+"note": "by hand", // the last line',
      '+"guestUser": "admin"',
    ]);
  });

  it("makes the objects on the way to a new key", () => {
    const after = editText(sampleText, [{ path: "devices.tpm", value: true }]);
    assert.match(after, /\/\/ the last line\n {2}"devices": \{\n {4}"tpm": true\n {2}\}\n\}\n$/);
  });

  it("adds to a list that has items, comments kept", () => {
    const after = editText(sampleText, [{ path: "networks.0.forwards.1", value: { protocol: "udp", guestPort: 53 } }]);
    assert.match(after, /"hostPort": 2222 \}, \/\/ SSH\n {8}\{\n {10}"protocol": "udp",\n {10}"guestPort": 53\n {8}\}\n {6}\]/);
  });

  it("adds the first of a list that is not there", () => {
    const after = editText('{\n  "a": 1\n}\n', [{ path: "networks.0", value: { mode: "none" } }]);
    assert.deepEqual(JSON.parse(after), { a: 1, networks: [{ mode: "none" }] });
  });

  it("takes a key out", () => {
    const after = editText(sampleText, [{ path: "cpus", value: undefined }]);
    assert.ok(!after.includes('"cpus"'));
    assert.ok(after.includes("// measured in June"));
  });

  it("keeps tabs, line ends and a trailing comma", () => {
    const windows = '{\r\n\t"a": 1,\r\n\t"b": 2, // two\r\n}\r\n';
    assert.equal(
      editText(windows, [{ path: "c", value: { d: 3 } }]),
      '{\r\n\t"a": 1,\r\n\t"b": 2, // two\r\n\t"c": {\r\n\t\t"d": 3\r\n\t},\r\n}\r\n',
    );
  });

  it("writes into one line where all is in one line", () => {
    assert.deepEqual(JSON.parse(editText('{"a":1}', [{ path: "b.c", value: 2 }])), { a: 1, b: { c: 2 } });
  });
});

describe("the replacement of a text", () => {
  it("is the least that differs", () => {
    assert.deepEqual(replacement('"memory": "1G", // x', '"memory": "2G", // x'), { offset: 11, length: 1, text: "2" });
  });

  it("is none for equal texts, and right where the ends overlap", () => {
    assert.equal(replacement("aa", "aa"), undefined);
    for (const [before, after] of [
      ["aa", "aaa"],
      ["aaa", "aa"],
      ["", "x"],
      ["x", ""],
    ] as const) {
      const change = replacement(before, after);
      assert.ok(change);
      assert.equal(before.slice(0, change.offset) + change.text + before.slice(change.offset + change.length), after);
    }
  });
});
