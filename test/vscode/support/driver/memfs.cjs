// A workspace that is on no disk: three files of another scheme.
const vscode = require("vscode");

const files = new Map([
  ["/readme.txt", "A virtual workspace.\n"],
  ["/boot.iso", "not on any disk"],
  ["/.vivarium/welcome.json", '{ "console": "web" }'],
]);

function statOf(path) {
  if (files.has(path)) return { type: vscode.FileType.File, ctime: 0, mtime: 0, size: files.get(path).length };
  const folder = path === "/" ? "/" : `${path}/`;
  if ([...files.keys()].some((file) => file.startsWith(folder))) return { type: vscode.FileType.Directory, ctime: 0, mtime: 0, size: 0 };
  throw vscode.FileSystemError.FileNotFound(path);
}

const readOnly = () => {
  throw vscode.FileSystemError.NoPermissions("This workspace can only be read.");
};

exports.memfs = {
  onDidChangeFile: new vscode.EventEmitter().event,
  watch: () => new vscode.Disposable(() => undefined),
  stat: ({ path }) => statOf(path),
  readFile: ({ path }) => {
    if (!files.has(path)) throw vscode.FileSystemError.FileNotFound(path);
    return Buffer.from(files.get(path));
  },
  readDirectory: ({ path }) => {
    const folder = path === "/" ? "/" : `${path}/`;
    const below = [...files.keys()].filter((file) => file.startsWith(folder)).map((file) => file.slice(folder.length).split("/")[0]);
    return [...new Set(below)].map((name) => [name, statOf(folder + name).type]);
  },
  createDirectory: readOnly,
  writeFile: readOnly,
  delete: readOnly,
  rename: readOnly,
};
