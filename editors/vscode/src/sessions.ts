// SPDX-License-Identifier: MIT
//
// The sessions of the window: one for each workspace folder that has C, and one
// for files that are in no folder, if there is no folder at all. What is shown
// and commanded is that of the *current* one: of the editor that is looked at,
// else of the one looked at last.

import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { Status } from './protocol';
import { Session } from './session';

export interface Change {
	session: Session;
	what: 'status' | 'holders' | 'current';
	before?: Status;
}

export function isOurs(document: vscode.TextDocument): boolean {
	return document.uri.scheme === 'file'
		&& ['c', 'cpp'].includes(document.languageId);
}

export class Sessions implements vscode.Disposable {
	private readonly all = new Map<string, Session>();
	private readonly emitter = new vscode.EventEmitter<Change>();
	private readonly subscriptions: vscode.Disposable[] = [];
	private last: Session | undefined;
	readonly onDidChange = this.emitter.event;

	constructor(private readonly output: vscode.OutputChannel) {
		this.subscriptions.push(this.emitter,
			vscode.workspace.onDidOpenTextDocument(d => this.serve(d)),
			vscode.workspace.onDidChangeWorkspaceFolders(e => {
				e.removed.forEach(f => this.drop(f));
				this.begin();
			}),
			vscode.window.onDidChangeActiveTextEditor(() => this.look()),
			vscode.workspace.onDidChangeConfiguration(
				e => this.configure(e)));
	}

	/** Those of what is open already. */
	begin(): void {
		for (const folder of vscode.workspace.workspaceFolders ?? [])
			if (fs.existsSync(path.join(folder.uri.fsPath, 'hotwatch.json')))
				this.get(folder);
		vscode.workspace.textDocuments.forEach(d => this.serve(d));
		this.look();
	}

	list(): Session[] {
		return [...this.all.values()];
	}

	get current(): Session | undefined {
		return this.last;
	}

	of(uri: vscode.Uri): Session | undefined {
		return this.all.get(
			vscode.workspace.getWorkspaceFolder(uri)?.uri.toString() ?? '');
	}

	private get(folder: vscode.WorkspaceFolder | undefined): Session {
		const key = folder?.uri.toString() ?? '';
		let session = this.all.get(key);
		if (!session) {
			session = new Session(folder, this.output, (s, what, before) =>
				this.emitter.fire({ session: s, what, before }));
			this.all.set(key, session);
			this.last ??= session;
			this.emitter.fire({ session, what: 'current' });
			void session.start();
		}
		return session;
	}

	private drop(folder: vscode.WorkspaceFolder): void {
		const key = folder.uri.toString();
		const session = this.all.get(key);
		this.all.delete(key);
		session?.dispose();
		if (session && this.last === session) {
			this.last = this.list()[0];
			this.emitter.fire({ session, what: 'current' });
		}
	}

	private serve(document: vscode.TextDocument): void {
		const folder = vscode.workspace.getWorkspaceFolder(document.uri);
		if (isOurs(document)
			&& (folder || !vscode.workspace.workspaceFolders?.length))
			this.get(folder);
		this.look();
	}

	private look(): void {
		const editor = vscode.window.activeTextEditor;
		const session = editor && this.of(editor.document.uri);
		if (session && session !== this.last) {
			this.last = session;
			this.emitter.fire({ session, what: 'current' });
		}
	}

	private configure(e: vscode.ConfigurationChangeEvent): void {
		for (const session of this.list()) {
			const scope = session.folder?.uri;
			if (e.affectsConfiguration('hotwatch.path', scope))
				void session.restart();
			else if (e.affectsConfiguration('hotwatch.codeLens', scope))
				session.refreshLenses();
		}
	}

	dispose(): void {
		this.subscriptions.forEach(s => s.dispose());
	}

	/** Ends the servers, for which the window waits. */
	async stop(): Promise<void> {
		await Promise.all(this.list().map(s => s.stop()));
	}
}
