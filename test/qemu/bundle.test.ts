import { resolve } from "node:path";
import { checksOf, type Unpacked, unpackIntoEmptyRoot } from "../../scripts/bundle/verify.ts";

// Mocha needs the tests' names before anything is unpacked: they come from the manifest alone.
const bundle = resolve(`dist/bundle/${process.platform}-${process.arch}`);

describe("the bundle", function () {
  this.timeout(180_000);
  let unpacked: Unpacked | undefined;

  // A missing bundle, or a host without namespaces, fails here: nothing is skipped.
  before(async () => {
    unpacked = await unpackIntoEmptyRoot(bundle);
  });
  after(async () => {
    await unpacked?.dispose();
  });

  it("needs nothing of its host", async () => {
    if (unpacked === undefined) throw new Error("not unpacked");
    const failures: string[] = [];
    for (const { name, check } of checksOf(unpacked)) {
      await check().catch((error: unknown) => failures.push(`${name}: ${String(error)}`));
    }
    if (failures.length > 0) throw new Error(failures.join("\n"));
  });
});
