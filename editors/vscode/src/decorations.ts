// SPDX-License-Identifier: MIT
//
// Marks the lines in which a thread sits in old code, and names it at their
// ends, unless a lens above the line names it already. They come from
// hotwatch/holders, each of which replaces the one before.

import * as fs from 'node:fs';
import * as vscode from 'vscode';
import { Holder } from './protocol';
import { isOurs, Sessions } from './sessions';

function realPath(path: string): string {
	try {
		return fs.realpathSync(path);
	} catch {
		return path;
	}
}

function setting(name: string, document: vscode.TextDocument): boolean {
	return vscode.workspace.getConfiguration('hotwatch', document.uri)
		.get(name, true);
}

function hover(holders: Holder[]): vscode.MarkdownString {
	const text = new vscode.MarkdownString();
	for (const h of holders) {
		text.appendText(`${h.who} still runs v${h.version} of ${h.module} here`
			+ ` (pid ${h.pid})`);
		if (h.hint)
			text.appendText(`: ${h.hint}`);
		text.appendMarkdown('\n\n');
	}
	return text;
}

export class Decorations implements vscode.Disposable {
	private readonly type = vscode.window.createTextEditorDecorationType({
		isWholeLine: true,
		backgroundColor: new vscode.ThemeColor(
			'diffEditor.unchangedRegionBackground'),
		borderColor: new vscode.ThemeColor('editorWarning.foreground'),
		borderStyle: 'solid',
		borderWidth: '0 0 0 2px',
		overviewRulerColor: new vscode.ThemeColor('editorWarning.foreground'),
		overviewRulerLane: vscode.OverviewRulerLane.Right,
		rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
		after: {
			color: new vscode.ThemeColor('editorWarning.foreground'),
			fontStyle: 'italic',
			margin: '0 0 0 2em',
		},
	});
	private readonly subscriptions: vscode.Disposable[];
	/** By URI: what is shown, for the tests. */
	readonly shown = new Map<string, number[]>();

	constructor(private readonly sessions: Sessions) {
		const all = () => vscode.window.visibleTextEditors.forEach(
			e => this.decorate(e));
		this.subscriptions = [
			sessions.onDidChange(c => {
				if (c.what === 'holders')
					all();
			}),
			vscode.window.onDidChangeVisibleTextEditors(all),
			vscode.workspace.onDidChangeConfiguration(e => {
				if (e.affectsConfiguration('hotwatch'))
					all();
			}),
		];
	}

	private decorate(editor: vscode.TextEditor): void {
		if (!isOurs(editor.document))
			return;
		const lines = this.linesOf(editor.document);
		this.shown.set(editor.document.uri.toString(),
			[...lines.keys()].sort((a, b) => a - b));
		editor.setDecorations(this.type, [...lines].map(([line, holders]) =>
			this.option(editor.document, line, holders)));
	}

	private linesOf(document: vscode.TextDocument): Map<number, Holder[]> {
		const lines = new Map<number, Holder[]>();
		if (!setting('decorations', document))
			return lines;
		const path = realPath(document.uri.fsPath);
		for (const h of this.sessions.of(document.uri)?.holders ?? [])
			if (h.file === path && h.line && h.line <= document.lineCount)
				lines.set(h.line, [...lines.get(h.line) ?? [], h]);
		return lines;
	}

	private option(document: vscode.TextDocument, line: number,
		holders: Holder[]): vscode.DecorationOptions {
		const option: vscode.DecorationOptions = {
			range: document.lineAt(line - 1).range,
			hoverMessage: hover(holders),
		};
		if (!setting('codeLens', document))
			option.renderOptions = {
				after: {
					contentText: '◄ ' + holders.map(
						h => `${h.who} runs v${h.version}`).join(', ') + ' here',
				},
			};
		return option;
	}

	dispose(): void {
		this.type.dispose();
		this.subscriptions.forEach(s => s.dispose());
	}
}
