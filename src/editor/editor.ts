import * as vscode from "vscode";
import type { AnyCommandId, MachineRef } from "./commandIds.ts";
import { ContextKeys } from "./contextKeys.ts";
import { type ErrorContext, presentError } from "./errors.ts";
import { GuestChanges } from "./guestChanges.ts";
import { Images } from "./images.ts";
import { Machines } from "./machines.ts";
import { Networks } from "./networks.ts";
import { homeSetting, serviceProgram } from "./program.ts";
import { Service } from "./service.ts";
import { hasProcess } from "./states.ts";
import { Storage } from "./storage.ts";
import { type TemplateRef, Templates } from "./templates.ts";

/**
 * What every room of the extension shares, made once by `activate`: made in order, disposed in reverse, the log last so
 * that the others can still write to it.
 */
export class Editor implements vscode.Disposable {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly contextKeys = new ContextKeys();
  readonly service: Service;
  readonly machines: Machines;
  readonly storage: Storage;
  readonly images: Images;
  readonly templates: Templates;
  readonly networks: Networks;
  readonly guestChanges = new GuestChanges();
  /** The rows that are selected in the tree, for keybindings: they get no row. Set by the tree. */
  selection: () => readonly (MachineRef | TemplateRef)[] = () => [];

  constructor(context: vscode.ExtensionContext) {
    this.context = context;
    this.log = vscode.window.createOutputChannel("Vivarium", { log: true });
    const folder = context.extensionUri.fsPath;
    this.service = new Service({ program: () => serviceProgram(folder), home: homeSetting, log: this.log });
    this.machines = new Machines(this.service);
    this.storage = new Storage(this.service, this.machines);
    this.images = new Images(this.service);
    this.templates = new Templates(this.service);
    this.networks = new Networks(this.service, this.machines);
  }

  /** Registers a command: what it throws is shown with its remedies, and never lost. Its result goes to the caller. */
  register(id: AnyCommandId, run: (...args: unknown[]) => unknown): vscode.Disposable {
    const command = async (...args: unknown[]): Promise<unknown> => {
      this.log.debug(`command ${id}`);
      try {
        return await run(...args);
      } catch (error) {
        // The message stays until somebody reads it: the caller does not wait for that.
        void this.presentError(error, { retry: () => vscode.commands.executeCommand(id, ...args) });
        return undefined;
      }
    };
    return vscode.commands.registerCommand(id, command);
  }

  presentError(error: unknown, context: ErrorContext = {}): Promise<void> {
    const machine = context.machine === undefined ? undefined : this.machines.find(context.machine);
    return presentError(error, { ...context, log: this.log, live: machine && hasProcess(machine) });
  }

  dispose(): void {
    this.guestChanges.dispose();
    this.networks.dispose();
    this.templates.dispose();
    this.images.dispose();
    this.storage.dispose();
    this.machines.dispose();
    this.service.dispose();
    this.log.dispose();
  }
}
