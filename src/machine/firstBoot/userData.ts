import { isMap, LineCounter, parseDocument, stringify } from "yaml";
import { userDataLimitBytes, type VivError, vivError } from "../../model/index.ts";

/** cloud-config as cloud-init reads it: YAML 1.1 (Python's), where 0644 is octal and `on` is true. */
const version = "1.1";

export type CloudConfig = Readonly<Record<string, unknown>>;

/** What else user-data may be to cloud-init, by its first line; none of it can be merged with ours. */
const otherKinds =
  /^(#!|#include|#cloud-boothook|#cloud-config-archive|#part-handler|#upstart-job|## template:|Content-Type:|MIME-Version:)/i;

/**
 * A person's own cloud-config.
 * @throws VivError `usage` with line and column for what does not parse, for other kinds of user-data and for too much of it.
 */
export function parseUserData(text: string, name: string): CloudConfig {
  if (Buffer.byteLength(text) > userDataLimitBytes)
    throw refusal(`${name} has ${Buffer.byteLength(text)} bytes; user-data has at most ${userDataLimitBytes / 1024} KiB.`);
  if (text.includes("\0")) throw refusal(`${name} is no text: it contains a NUL byte.`);
  const other = otherKinds.exec(text);
  if (other) throw refusal(`${name} begins with “${other[0]}”; only cloud-config can be merged.`);
  const lines = new LineCounter();
  const document = parseDocument(text, { version, lineCounter: lines, prettyErrors: false });
  const [problem] = document.errors;
  if (problem) throw at(problem.pos[0], problem.message);
  if (document.contents === null) return {};
  if (!isMap(document.contents)) throw at(document.contents.range?.[0] ?? 0, "a cloud-config is a map of settings");
  try {
    return document.toJS({ maxAliasCount: 100 }) as CloudConfig;
  } catch (error) {
    throw at(0, (error as Error).message);
  }

  function at(offset: number, message: string): VivError {
    const { line, col } = lines.linePos(offset);
    return refusal(`${name}, line ${Math.max(1, line)}, column ${Math.max(1, col)}: ${message.split("\n")[0] ?? ""}`);
  }
}

function refusal(message: string): VivError {
  return vivError("usage", message, "It is a cloud-config file: https://cloudinit.readthedocs.io/en/latest/reference/examples.html");
}

export function cloudConfigText(config: CloudConfig): string {
  return `#cloud-config\n${stringify(config, { version, lineWidth: 0, aliasDuplicateObjects: false })}`;
}

/** What is ours whatever a file says: the guest is known by its host key. */
const ours = new Set(["ssh_keys", "ssh_deletekeys"]);

/** Maps are merged, lists follow one another, users of one name are one; of single values the person's counts. */
export function mergeCloudConfig(base: CloudConfig, own: CloudConfig): CloudConfig {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(own)) {
    if (ours.has(key)) continue;
    merged[key] = key === "users" ? mergeUsers(base.users, value) : mergeValue(base[key], value);
  }
  return merged;
}

function mergeValue(base: unknown, own: unknown): unknown {
  if (Array.isArray(base) && Array.isArray(own)) return [...(base as unknown[]), ...(own as unknown[])];
  if (isPlain(base) && isPlain(own)) {
    const keys = [...new Set([...Object.keys(base), ...Object.keys(own)])];
    return Object.fromEntries(keys.map((key) => [key, Object.hasOwn(own, key) ? mergeValue(base[key], own[key]) : base[key]]));
  }
  return own;
}

function mergeUsers(base: unknown, own: unknown): unknown {
  if (!Array.isArray(base) || !Array.isArray(own)) return own;
  const nameOf = (user: unknown) => (isPlain(user) ? user.name : user);
  const theirs = own as unknown[];
  const rest = theirs.filter((user) => !base.some((each) => nameOf(each) === nameOf(user)));
  const merged = (base as unknown[]).map((user) => mergeValue(user, theirs.find((each) => nameOf(each) === nameOf(user)) ?? user));
  return [...merged.map((user, index) => (isPlain(base[index]) && !isPlain(user) ? base[index] : user)), ...rest];
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
