import * as z from "zod";
import { apiVersion, type MethodName, methods } from "../../src/api/index.ts";

interface JsonSchema {
  type?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  enum?: unknown[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  default?: unknown;
}

/** The method table as a page. */
export function apiText(): string {
  const rows = (Object.keys(methods) as MethodName[]).map((name) => {
    const { doc, params, changes, long } = methods[name];
    const traits = [changes ? "changes" : "reads", ...(long ? ["long"] : [])].join(", ");
    return `| \`${name}\` | ${doc.replaceAll("|", "\\|")} | ${parameters(z.toJSONSchema(params, { io: "input" }) as JsonSchema)} | ${traits} |`;
  });
  return [
    "# The API",
    "",
    `Version ${apiVersion}. JSON-RPC 2.0 over the socket that \`run/vivd.json\` names; made from \`src/api/methods.ts\` by \`node scripts/apiDocs.ts\`. Results and events have their schemas there. “Long” methods report progress and can be cancelled. Errors carry \`{code, message, hint}\`.`,
    "",
    "| method | what it does | parameters | |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

function parameters(schema: JsonSchema): string {
  const entries = Object.entries(schema.properties ?? {});
  if (entries.length === 0) return "–";
  return entries.map(([name, property]) => `\`${name}${schema.required?.includes(name) ? "" : "?"}: ${typeText(property)}\``).join(" ");
}

function typeText(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map(String).join("/");
  if (schema.type === "array") return `${typeText(schema.items ?? {})}[]`;
  if (schema.anyOf) return schema.anyOf.map(typeText).join("/");
  return schema.type ?? "any";
}
