import * as vscode from "vscode";
import { factsOf, plain } from "../editor/index.ts";

const { FileSystemError } = vscode;

/** An error of the service in the words that VS Code's file service acts on; its own sentence stays. */
export function asFileSystemError(thrown: unknown, uri: vscode.Uri): Error {
  if (thrown instanceof FileSystemError || thrown instanceof vscode.CancellationError) return thrown;
  const { code, message, hint } = factsOf(thrown);
  const text = plain([message, hint].filter((part) => part !== undefined && part !== "").join(" "), 600);
  switch (code) {
    case "not-found":
      return FileSystemError.FileNotFound(uri);
    case "exists":
      return FileSystemError.FileExists(uri);
    case "not-a-folder":
      return FileSystemError.FileNotADirectory(uri);
    case "is-a-folder":
      return FileSystemError.FileIsADirectory(uri);
    case "no-permission":
      return FileSystemError.NoPermissions(text);
    case "usage":
      // A path that no guest has.
      return FileSystemError.FileNotFound(text);
    case "cancelled":
      return new vscode.CancellationError();
    default:
      return FileSystemError.Unavailable(text);
  }
}
