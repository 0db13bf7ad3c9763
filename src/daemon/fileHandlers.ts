import type { CheckedParams, fileMethods, Result } from "../api/index.ts";
import { exec, type GuestFiles, type GuestWay, globMatcher, guestFiles } from "../machine/index.ts";
import { guestPath, guestPathText, vivError } from "../model/index.ts";
import type { HandlerContext, HandlersOf } from "./handler.ts";

interface About {
  readonly machine: string;
  readonly way?: GuestWay | "auto";
}

function filesOf({ machine, way }: About, { world, work }: HandlerContext): Promise<GuestFiles> {
  return guestFiles(world.library.find(machine), way ?? "auto", work.signal);
}

export const fileHandlers: HandlersOf<typeof fileMethods> = {
  "file.home": home,
  "file.stat": async (params, context) => {
    const path = guestPath(params.path);
    const files = await filesOf(params, context);
    return { ...(await files.stat(path)), way: files.way };
  },
  "file.list": async (params, context) => {
    const path = guestPath(params.path);
    const files = await filesOf(params, context);
    return { ...(await files.list(path, params.limit)), way: files.way };
  },
  "file.read": async (params, context) => {
    const path = guestPath(params.path);
    const files = await filesOf(params, context);
    return { dataBase64: (await files.read(path, params.offsetBytes, params.lengthBytes)).toString("base64"), way: files.way };
  },
  "file.write": async (params, context) => {
    const path = guestPath(params.path);
    const files = await filesOf(params, context);
    const data = Buffer.from(params.dataBase64, "base64");
    await files.write(path, data, params.how);
    return { bytes: data.length, way: files.way };
  },
  "file.createFolder": async (params, context) => {
    const path = guestPath(params.path);
    await (await filesOf(params, context)).makeFolder(path);
    return {};
  },
  "file.rename": async (params, context) => {
    const [path, target] = [guestPath(params.path), guestPath(params.target)];
    await (await filesOf(params, context)).rename(path, target, params.overwrite);
    return {};
  },
  "file.copy": async (params, context) => {
    const [path, target] = [guestPath(params.path), guestPath(params.target)];
    await (await filesOf(params, context)).copy(path, target, params.overwrite);
    return {};
  },
  "file.remove": async (params, context) => {
    const path = guestPath(params.path);
    await (await filesOf(params, context)).remove(path, params.recursive);
    return {};
  },
  "file.watch": watch,
};

/** The shell knows where its users are at home; the name is the definition's, which allows no word of a shell. */
async function home({ machine: name }: CheckedParams<"file.home">, { world, work }: HandlerContext): Promise<Result<"file.home">> {
  const machine = world.library.find(name);
  const user = machine.effectiveDefinition?.guestUser ?? "root";
  if (!/^[a-z_][a-z0-9_-]*$/i.test(user)) throw vivError("invalid-definition", `${JSON.stringify(user)} is no user's name.`);
  const { stdout } = await exec(machine, {
    command: ["/bin/sh", "-c", `printf %s ~${user}`],
    environment: [],
    timeoutMs: 30_000,
    way: "auto",
    signal: work.signal,
  });
  const said = guestPathText(stdout.subarray(0, 4096));
  return { path: said.startsWith("/") ? guestPath(said) : "/", user };
}

async function watch(params: CheckedParams<"file.watch">, context: HandlerContext): Promise<Result<"file.watch">> {
  const path = guestPath(params.path);
  const files = await filesOf(params, context);
  const isExcluded = globMatcher(params.excludes, path);
  let send: (data: Buffer) => void = () => undefined;
  const watched = await files.watch(path, params.recursive, (changes) => {
    const told = changes === "overflow" ? changes : changes.filter((one) => !isExcluded(one.path));
    if (told.length > 0) send(Buffer.from(JSON.stringify(told)));
  });
  if (!watched) return { stream: null };
  const stream = await context.openStream(async (sendData, end) => {
    send = sendData;
    void watched.ended.then(() => end("ended"));
    return { receive: () => undefined, close: () => watched.close() };
  });
  return { stream };
}
