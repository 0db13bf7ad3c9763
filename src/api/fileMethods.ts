import * as z from "zod";
import { change, done, type Method, machine, operation, read } from "./method.ts";

/**
 * Files of a guest: what vm:// and the Files rows are made of. Paths are absolute; what is no UTF-8 in them is escaped
 * (model/guestPath.ts). `way` says how the guest is reached: viv-agent, else a shell by qemu-guest-agent, else by SSH.
 */

const path = z.string().min(1).max(16_384);
const way = z.enum(["auto", "viv-agent", "agent", "ssh"]).default("auto");
const wayTaken = z.enum(["viv-agent", "agent", "ssh"]);
/** Of what a link leads to; `none`: it leads nowhere. */
const type = z.enum(["file", "folder", "other", "none"]);

/** One request's content: more is asked for piece by piece. */
export const fileReadBytes = 4 * 1024 * 1024;
export const fileWriteLimitBytes = 128 * 1024 * 1024;
/** Entries of one list. */
export const fileListLimit = 20_000;

export const FileStat = z.object({
  type,
  link: z.boolean(),
  target: z.string().optional(),
  mode: z.int(),
  sizeBytes: z.number(),
  modifiedMs: z.number(),
  changedMs: z.number(),
  writable: z.boolean(),
  way: wayTaken,
});
export type FileStat = z.infer<typeof FileStat>;

export const FileEntry = z.object({ name: z.string(), type, link: z.boolean() });
export type FileEntry = z.infer<typeof FileEntry>;

/** What `file.watch` tells, a JSON text a message; `overflow`: more happened than can be told. */
export const FileChanges = z.union([
  z.array(z.object({ kind: z.enum(["created", "changed", "removed"]), path: z.string() })),
  z.literal("overflow"),
]);
export type FileChanges = z.infer<typeof FileChanges>;

const pair = z.strictObject({ machine, path, target: path, overwrite: z.boolean().default(false), way });

export const fileMethods = {
  "file.home": read(
    "The home folder of the guest's user, where browsing starts",
    z.strictObject({ machine }),
    z.object({ path: z.string(), user: z.string() }),
  ),
  "file.stat": read("What a file of the guest is, links followed", z.strictObject({ machine, path, way }), FileStat),
  "file.list": read(
    "What is in a folder of the guest, at most `limit` entries; `more` says whether there are others",
    z.strictObject({ machine, path, limit: z.int().min(1).max(fileListLimit).default(fileListLimit), way }),
    z.object({ entries: z.array(FileEntry), more: z.boolean(), way: wayTaken }),
  ),
  "file.read": read(
    "A part of a file of the guest; fewer bytes than asked for are its end",
    z.strictObject({
      machine,
      path,
      offsetBytes: z.int().min(0).default(0),
      lengthBytes: z.int().min(1).max(fileReadBytes).default(fileReadBytes),
      way,
    }),
    z.object({ dataBase64: z.string(), way: wayTaken }),
  ),
  "file.write": operation(
    "Write a whole file of the guest: what was there stays until the new content is on its disk; owner and mode stay",
    z.strictObject({
      machine,
      path,
      dataBase64: z.string().max(Math.ceil(fileWriteLimitBytes / 3) * 4 + 4),
      /** `create`: it must not exist; `overwrite`: it must. */
      how: z.enum(["create", "overwrite", "either"]).default("either"),
      way,
    }),
    z.object({ bytes: z.number(), way: wayTaken }),
  ),
  "file.createFolder": change("Make a folder in the guest; its parent exists", z.strictObject({ machine, path, way }), done),
  "file.rename": operation("Rename or move a file or folder inside the guest", pair, done),
  "file.copy": operation("Copy a file or folder inside the guest; modes, times and links are kept", pair, done),
  "file.remove": operation(
    "Remove a file of the guest, or with `recursive` a folder with all that is in it; what is mounted below is left alone",
    z.strictObject({ machine, path, recursive: z.boolean().default(false), way }),
    done,
  ),
  "file.watch": change(
    "Tell what changes in a folder of the guest (`recursive`: and below it), by stream.data: FileChanges as JSON. `stream` is null where the guest has no viv-agent: nothing is polled",
    z.strictObject({ machine, path, recursive: z.boolean().default(false), excludes: z.array(z.string().max(1000)).max(200).default([]) }),
    z.object({ stream: z.int().nullable() }),
  ),
} as const satisfies Record<string, Method>;
