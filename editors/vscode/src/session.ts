// SPDX-License-Identifier: MIT
//
// One `hotwatch lsp`: that of a workspace folder, or of files that are in none.
// It is beside clangd or cpptools and must not be in their way, so of the
// client's features there is only what the server offers anyway: diagnostics,
// lenses, code actions. Left out of the client:
//
// - its executeCommand feature, which registers the server's commands for the
//   whole window: with two folders the second registration fails. commands.ts
//   has them, and asks the session that is meant;
// - the list of all workspace folders: each session is told of its own alone;
// - work-done progress: the status item shows a build already.
//
// A server that ends is started again, three times a minute at most; then the
// status says so, and the menu starts it.

import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import {
	CloseAction, CloseHandlerResult, CodeLensRequest, ClientCapabilities,
	DynamicFeature, ErrorAction, ExecuteCommandRequest, FeatureState,
	LanguageClient, LanguageClientOptions, RevealOutputChannelOn,
	ServerOptions, State, StaticFeature,
} from 'vscode-languageclient/node';
import { Answer, Holder, Status } from './protocol';

const RESTARTS = 3;
const RESTARTS_MS = 60_000;
const LEFT_OUT = ['workspace/executeCommand',
	'workspace/didChangeWorkspaceFolders'];

type Feature = StaticFeature | DynamicFeature<unknown>;

/** Says that our own notifications are understood. */
class Ours implements StaticFeature {
	fillClientCapabilities(c: ClientCapabilities): void {
		c.experimental = { hotwatch: { status: true, holders: true } };
		c.window = { ...c.window, workDoneProgress: false };
	}
	initialize(): void { }
	getState(): FeatureState {
		return { kind: 'static' };
	}
	clear(): void { }
}

class Client extends LanguageClient {
	override registerFeature(feature: Feature): void {
		const type = (feature as DynamicFeature<unknown>).registrationType;
		if (!type || !LEFT_OUT.includes(type.method))
			super.registerFeature(feature);
	}
}

/** Where the program is, or undefined: it is not there. */
function findProgram(name: string): string | undefined {
	const places = name.includes('/') ? [name.replace(/^~(?=\/)/,
		process.env.HOME ?? '~')]
		: (process.env.PATH ?? '').split(':').map(d => path.join(d, name));
	return places.find(p => {
		try {
			fs.accessSync(p, fs.constants.X_OK);
			return fs.statSync(p).isFile();
		} catch {
			return false;
		}
	});
}

function made(state: string, text: string, message: string): Status {
	return { state, text, message, targets: 0, errors: 0, held: 0, behind: 0 };
}

export class Session implements vscode.Disposable {
	status = made('starting', '...', 'hotwatch lsp is being started');
	holders: Holder[] = [];
	private client: Client | undefined;
	private ends: number[] = [];
	private closing = false;

	constructor(readonly folder: vscode.WorkspaceFolder | undefined,
		private readonly output: vscode.OutputChannel,
		private readonly changed: (s: Session, what: 'status' | 'holders',
			before?: Status) => void) {
	}

	get root(): string | undefined {
		return this.status.root ?? this.folder?.uri.fsPath;
	}

	private get scope(): vscode.Uri | undefined {
		return this.folder?.uri;
	}

	private become(status: Status): void {
		const before = this.status;
		this.status = status;
		this.changed(this, 'status', before);
	}

	private hold(holders: Holder[]): void {
		this.holders = holders;
		this.changed(this, 'holders');
	}

	// --- starting and ending -------------------------------------------------

	async start(): Promise<void> {
		const name = vscode.workspace.getConfiguration('hotwatch', this.scope)
			.get('path', 'hotwatch');
		const program = findProgram(name);
		if (!program) {
			this.become(made('missing', 'not found', `there is no program `
				+ `${name}: install hotwatch, or set hotwatch.path`));
			return;
		}
		const client = new Client('hotwatch', 'hotwatch',
			this.server(program), this.options());
		this.client = client;
		client.registerFeature(new Ours());
		client.onNotification('hotwatch/status',
			(s: Status) => this.become(s));
		client.onNotification('hotwatch/holders',
			(p: { holders: Holder[] }) => this.hold(p.holders));
		await client.start().catch((e: Error) => this.failed(e.message));
	}

	private server(program: string): ServerOptions {
		const cwd = this.folder?.uri.fsPath;
		return { command: program, args: ['lsp'], options: { cwd } };
	}

	private options(): LanguageClientOptions {
		const pattern = this.folder && `${this.folder.uri.fsPath}/**/*`;
		return {
			documentSelector: ['c', 'cpp'].map(
				language => ({ scheme: 'file', language, pattern })),
			workspaceFolder: this.folder,
			outputChannel: this.output,
			revealOutputChannelOn: RevealOutputChannelOn.Never,
			diagnosticCollectionName: 'hotwatch',
			initializationFailedHandler: () => false,
			errorHandler: {
				error: () => ({ action: ErrorAction.Continue, handled: true }),
				closed: () => this.closed(),
			},
			middleware: {
				provideCodeLenses: (document, token, next) =>
					this.wantsLenses() ? next(document, token) : [],
			},
		};
	}

	private failed(why: string): void {
		this.hold([]);
		this.become(made('lost', 'lost', `hotwatch lsp has ended (${why}); `
			+ '“hotwatch: Restart the Language Server” starts it again'));
	}

	private closed(): CloseHandlerResult {
		const now = Date.now();
		this.ends = [...this.ends.filter(t => now - t < RESTARTS_MS), now];
		if (this.closing)
			return { action: CloseAction.DoNotRestart, handled: true };
		if (this.ends.length > RESTARTS) {
			this.failed(`${this.ends.length} times in a minute`);
			return { action: CloseAction.DoNotRestart, handled: true };
		}
		this.hold([]);
		this.become(made('starting', '...', 'hotwatch lsp has ended, and is '
			+ 'started again'));
		return { action: CloseAction.Restart, handled: true };
	}

	async stop(): Promise<void> {
		const client = this.client;
		this.client = undefined;
		this.closing = true;
		await client?.stop().catch(() => undefined);
		await client?.dispose().catch(() => undefined);
		this.closing = false;
	}

	async restart(): Promise<void> {
		await this.stop();
		this.ends = [];
		this.become(made('starting', '...', 'hotwatch lsp is being started'));
		await this.start();
	}

	dispose(): void {
		void this.stop();
	}

	// --- asking --------------------------------------------------------------

	/** A command of the server; fails with what the server says. */
	async ask<T extends Answer>(command: string, ...args: unknown[]):
		Promise<T> {
		if (this.client?.state !== State.Running)
			throw new Error(this.status.message ?? 'hotwatch lsp does not run');
		return this.client.sendRequest(ExecuteCommandRequest.method,
			{ command, arguments: args });
	}

	private wantsLenses(): boolean {
		return vscode.workspace.getConfiguration('hotwatch', this.scope)
			.get('codeLens', true);
	}

	/** The setting has changed: lenses that are shown are asked for again. */
	refreshLenses(): void {
		const feature = this.client?.getFeature(CodeLensRequest.method);
		for (const editor of vscode.window.visibleTextEditors)
			feature?.getProvider(editor.document)
				?.onDidChangeCodeLensEmitter.fire();
	}
}
