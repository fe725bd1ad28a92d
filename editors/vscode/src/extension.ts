// SPDX-License-Identifier: MIT
//
// The extension's beginning and end. What it shows is what `hotwatch lsp` says
// (session.ts speaks to it); each other file draws one thing of that.

import * as vscode from 'vscode';
import { Commands } from './commands';
import { Decorations } from './decorations';
import { menuOpen } from './menu';
import { noticesOpen } from './notices';
import { Holder, Status } from './protocol';
import { reloadOpen } from './reload';
import { Sessions } from './sessions';
import { StatusItem } from './status';
import { Node, Tree } from './tree';

/** For other extensions, and for tests: what is shown. */
export interface Api {
	status(): Status | undefined;
	statusText(): string;
	holders(): Holder[];
	decorated(uri: vscode.Uri): number[];
	tree: vscode.TreeDataProvider<Node>;
}

let sessions: Sessions | undefined;

export function activate(context: vscode.ExtensionContext): Api {
	const output = vscode.window.createOutputChannel('hotwatch');
	const all = sessions = new Sessions(output);
	const item = new StatusItem(all);
	const tree = new Tree(all);
	const decorations = new Decorations(all);

	context.subscriptions.push(output, all, item, tree, decorations,
		new Commands({ sessions: all, tree, output }), menuOpen(all),
		noticesOpen(all, () => output.show()), reloadOpen(all),
		vscode.window.createTreeView('hotwatch.targets', {
			treeDataProvider: tree, showCollapseAll: true,
		}));
	all.begin();
	return {
		status: () => all.current?.status,
		statusText: () => item.text,
		holders: () => all.current?.holders ?? [],
		decorated: uri => decorations.shown.get(uri.toString()) ?? [],
		tree,
	};
}

export async function deactivate(): Promise<void> {
	await sessions?.stop();
}
