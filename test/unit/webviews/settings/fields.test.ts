import assert from "node:assert/strict";
import { definitionJsonSchema } from "../../../../src/model/index.ts";
import { type Field, fieldAt, fields, notShown, sections } from "../../../../src/webviews/settings/fields.ts";

interface Schema {
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  enum?: string[];
  const?: unknown;
  type?: string;
  minimum?: number;
  maximum?: number;
  default?: unknown;
}

interface Leaf {
  readonly schemas: Schema[];
  readonly required: boolean;
}

/** Every place of vm.json that holds a value, from the schema itself; `*` stands for an index. */
function leaves(schema: Schema, path = "", required = true, found = new Map<string, Leaf>()): Map<string, Leaf> {
  const branches = schema.oneOf ?? (schema.anyOf?.some((one) => one.properties) ? schema.anyOf : undefined);
  const isList = schema.type === "array" && schema.items?.enum === undefined;
  if (branches) for (const branch of branches) leaves(branch, path, required, found);
  else if (isList && schema.items) leaves(schema.items, `${path}.*`, required, found);
  else if (schema.properties) {
    for (const [key, inner] of Object.entries(schema.properties)) {
      leaves(inner, path === "" ? key : `${path}.${key}`, schema.required?.includes(key) ?? false, found);
    }
  } else {
    const known = found.get(path);
    found.set(path, { schemas: [...(known?.schemas ?? []), schema], required: required && (known?.required ?? true) });
  }
  return found;
}

const schema = leaves(definitionJsonSchema() as Schema);

function bySchema(check: (field: Field, leaf: Leaf) => void): void {
  for (const field of fields) {
    const leaf = schema.get(field.path);
    assert.ok(leaf, `${field.path} is not in the schema`);
    check(field, leaf);
  }
}

describe("the table of the settings form", () => {
  it("has a row for every setting of the schema, or says that it is not shown", () => {
    const expected = [...schema.keys()].sort();
    assert.ok(expected.length > 40, "the schema was not read");
    assert.deepEqual([...fields.map(({ path }) => path), ...notShown].sort(), expected);
  });

  it("offers exactly the schema's choices", () => {
    bySchema(({ path, control }, { schemas }) => {
      const values = schemas.flatMap(
        (one) => one.enum ?? (one as { items?: Schema }).items?.enum ?? (one.const === undefined ? [] : [String(one.const)]),
      );
      if (control.kind === "choice" || control.kind === "order")
        assert.deepEqual(control.choices.map(({ value }) => value).sort(), [...new Set(values)].sort(), path);
      else if (control.kind !== "fact") assert.deepEqual(values, [], `${path} has choices`);
    });
  });

  it("knows the schema's limits of numbers", () => {
    bySchema(({ path, control }, { schemas: [leaf] }) => {
      const isNumber = control.kind === "number" || control.kind === "rate";
      assert.equal(isNumber, leaf?.type === "integer", path);
      if (isNumber) assert.deepEqual([control.minimum, control.maximum], [leaf?.minimum, leaf?.maximum], path);
      if (control.kind !== "fact") assert.equal(control.kind === "toggle", leaf?.type === "boolean", path);
    });
  });

  it("stands in for an absent key with the schema's default", () => {
    bySchema(({ path, fallback }, { schemas: [leaf] }) => assert.deepEqual(fallback, leaf?.default, path));
  });

  it("lets a field be emptied only where the key may be absent", () => {
    bySchema(({ path, optional, fallback }, { required }) => {
      if (required) assert.ok(!optional && fallback === undefined, `${path} must be there`);
      else assert.ok(optional || fallback !== undefined || path.includes("netboot"), `${path} may be absent`);
    });
  });

  it("puts every row into a section, and leaves none empty", () => {
    assert.deepEqual(
      sections.map(({ id }) => id),
      [...new Set(fields.map(({ section }) => section))],
    );
  });

  it("says of a place which row it belongs to", () => {
    assert.equal(fieldAt("networks.0.forwards.12.guestPort")?.path, "networks.*.forwards.*.guestPort");
    assert.equal(fieldAt("networks.0.nothing"), undefined);
  });
});
