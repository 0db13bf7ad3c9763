import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import "./support/load.ts";

const { commandIds, webviewCommandIds } = await import("../../../src/editor/commandIds.ts");

interface MenuItem {
  command?: string;
  submenu?: string;
  when?: string;
}
interface Manifest {
  main: string;
  l10n: string;
  activationEvents: string[];
  engines: { vscode: string };
  capabilities: { untrustedWorkspaces: { restrictedConfigurations: string[] } };
  contributes: {
    commands: { command: string; category?: string; title: string }[];
    menus: Record<string, MenuItem[]>;
    submenus: { id: string }[];
    views: Record<string, { id: string }[]>;
    viewsWelcome: { view: string; contents: string }[];
    keybindings: { command: string }[];
    configuration: { properties: Record<string, { scope?: string; description?: string; markdownDescription?: string }> };
    walkthroughs: { id: string; steps: { description: string; media: { svg: string; altText: string } }[] }[];
    jsonValidation: { url: string }[];
  };
}

const text = readFileSync("package.json", "utf8");
const manifest = JSON.parse(text) as Manifest;
const texts = JSON.parse(readFileSync("package.nls.json", "utf8")) as Record<string, string>;
const { contributes } = manifest;
const declared = contributes.commands.map(({ command }) => command);

describe("the manifest", () => {
  it("declares exactly the commands that are registered", () => {
    assert.deepEqual([...declared].sort(), [...commandIds, ...webviewCommandIds].sort());
  });

  it("gives every command the category, so that the palette groups them", () => {
    for (const { command, category } of contributes.commands) assert.equal(category, "%category%", command);
  });

  it("names only declared commands and submenus in menus and keybindings", () => {
    const submenus = new Set(contributes.submenus.map(({ id }) => id));
    for (const [menu, items] of Object.entries(contributes.menus)) {
      for (const { command, submenu } of items) {
        if (command !== undefined) assert.ok(declared.includes(command), `${menu}: ${command}`);
        if (submenu !== undefined) assert.ok(submenus.has(submenu), `${menu}: ${submenu}`);
      }
    }
    for (const { command } of contributes.keybindings) assert.ok(declared.includes(command), command);
  });

  it("links only to declared commands in welcome texts and walkthroughs", () => {
    const written = Object.values(texts).flatMap((one) => [...one.matchAll(/\(command:([\w.]+)\)/g)].map(([, id]) => id));
    assert.ok(written.length > 5);
    for (const id of written) assert.ok(declared.includes(id!), id);
  });

  it("has a text for every %key%, and a use for every text", () => {
    const used = new Set([...text.matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key!));
    assert.deepEqual([...used].sort(), Object.keys(texts).sort());
  });

  it("writes no visible text outside package.nls.json", () => {
    for (const { title } of contributes.commands) assert.match(title, /^%.+%$/);
    for (const { contents } of contributes.viewsWelcome) assert.match(contents, /^%.+%$/);
    for (const [name, { description, markdownDescription }] of Object.entries(contributes.configuration.properties)) {
      assert.match(description ?? markdownDescription ?? "", /^%.+%$/, name);
    }
  });

  it("lets no workspace say which program runs or where machines live", () => {
    for (const name of ["vivarium.home", "vivarium.qemuPath"]) {
      assert.equal(contributes.configuration.properties[name]?.scope, "machine", name);
      assert.ok(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations.includes(name), name);
    }
  });

  it("points at files that are there", () => {
    const files = [...text.matchAll(/"(?:\.\/)?(media\/[^"]+)"/g)].map(([, file]) => file!);
    assert.ok(files.length >= 6);
    for (const file of files) assert.ok(existsSync(file), file);
  });

  it("is activated by nothing that every window does", () => {
    for (const event of manifest.activationEvents) assert.ok(!["*", "onStartupFinished"].includes(event), event);
  });

  it("has at most five steps in its walkthrough, each with a picture that is described", () => {
    const [walkthrough] = contributes.walkthroughs;
    assert.ok(walkthrough && walkthrough.steps.length <= 5);
    for (const { media } of walkthrough.steps) assert.match(media.altText, /^%.+%$/);
  });
});
