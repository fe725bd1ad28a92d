// SPDX-License-Identifier: MIT
//
// The view "Programs": targets, their modules, these modules' versions, and who
// holds each. Nothing is kept but the holders, which are told anyway: what a row
// shows is asked for when the row is opened, and asked again after a change for
// those rows alone that are open. So a hundred programs of a thousand modules
// each cost what is looked at.

import * as vscode from 'vscode';
import { Answer, Holder, Module, Target, Version } from './protocol';
import { Session } from './session';
import { Sessions } from './sessions';
import { plural } from './status';

const SETTLE_MS = 50; // a save brings several changes
const OPEN_AT_FIRST = 3;

export type Node = { session: Session; target: Target } & (
	| { kind: 'target'; open: boolean }
	| { kind: 'module'; module: Module }
	| { kind: 'version'; module: Module; version: Version }
	| { kind: 'holder'; module: Module; holder: Holder });

const { Collapsed, Expanded, None } = vscode.TreeItemCollapsibleState;

/** Where the row leads: file, and line from 1 if it is known. */
export function placeOf(node: Node): [file: string, line?: number] | undefined {
	if (node.kind === 'target')
		return undefined;
	if (node.kind === 'holder')
		return node.holder.file
			? [node.holder.file, node.holder.line] : undefined;
	return [node.module.source];
}

function holdersOf(node: Node & { module: Module }, version?: number):
	Holder[] {
	return node.session.holders.filter(h => h.pid === node.target.pid
		&& h.module === node.module.module
		&& (version === undefined || h.version === version));
}

/** What the status item calls it, too. */
const words: Record<string, (t: Target) => string> = {
	behind: t => `stale: ${plural(t.behind, 'module')}`,
	silent: () => 'no answer',
	unusable: () => 'restart needed',
};

function targetItem(n: Node & { kind: 'target' }): vscode.TreeItem {
	const item = new vscode.TreeItem(n.target.name,
		n.open ? Expanded : Collapsed);
	const { state } = n.target;
	const fine = ['current', 'loading'].includes(state);
	item.description = `pid ${n.target.pid}`
		+ (state === 'current' ? '' : ` · ${words[state]?.(n.target) ?? state}`);
	item.contextValue = 'target';
	item.iconPath = new vscode.ThemeIcon(fine ? 'vm-running' : 'warning');
	item.tooltip = [n.target.program, n.target.reason].filter(Boolean)
		.join('\n');
	return item;
}

function moduleItem(n: Node & { kind: 'module' }): vscode.TreeItem {
	const held = holdersOf(n).length;
	const old = n.module.versions.filter(v => v.state !== 'current').length;
	const item = new vscode.TreeItem(n.module.module,
		held ? Expanded : Collapsed);
	item.description = (old === n.module.versions.length ? 'deleted'
		: `v${n.module.version}`) + (held ? ` · old code held` : '');
	item.contextValue = 'module' + (n.module.version > 0 ? '.rollback' : '')
		+ (old ? '.old' : '');
	item.iconPath = new vscode.ThemeIcon('file-code');
	item.tooltip = n.module.source;
	return item;
}

function versionItem(n: Node & { kind: 'version' }): vscode.TreeItem {
	const current = n.version.state === 'current';
	const held = holdersOf(n, n.version.version).length;
	const item = new vscode.TreeItem(`v${n.version.version}`,
		held ? Expanded : None);
	item.description = n.version.state;
	item.contextValue = current ? 'version' : 'version.old';
	item.iconPath = new vscode.ThemeIcon(current ? 'check' : 'history');
	item.tooltip = n.version.kept;
	return item;
}

function holderItem(n: Node & { kind: 'holder' }): vscode.TreeItem {
	const item = new vscode.TreeItem(n.holder.who, None);
	item.description = n.holder.where;
	item.contextValue = 'holder';
	item.iconPath = new vscode.ThemeIcon(n.holder.kind === 'frame'
		? 'debug-stackframe-dot' : 'symbol-variable');
	item.tooltip = [n.holder.message, n.holder.hint].filter(Boolean)
		.join('\n');
	return item;
}

/** A row that begins to be held is another row, or it would stay closed. */
function idOf(n: Node): string {
	const parts = [n.session.root ?? '', n.target.pid];
	if (n.kind !== 'target')
		parts.push(n.module.module);
	if (n.kind === 'version')
		parts.push(n.version.version,
			holdersOf(n, n.version.version).length > 0 ? 'held' : '');
	if (n.kind === 'holder')
		parts.push(n.holder.version, n.holder.who, n.holder.where);
	return parts.join('\0');
}

export class Tree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
	private readonly emitter = new vscode.EventEmitter<undefined>();
	private readonly subscription: vscode.Disposable;
	private timer: NodeJS.Timeout | undefined;
	readonly onDidChangeTreeData = this.emitter.event;

	constructor(private readonly sessions: Sessions) {
		this.subscription = sessions.onDidChange(() => {
			this.timer ??= setTimeout(() => this.refresh(), SETTLE_MS);
		});
	}

	refresh(): void {
		clearTimeout(this.timer);
		this.timer = undefined;
		this.emitter.fire(undefined);
	}

	getTreeItem(n: Node): vscode.TreeItem {
		const item = n.kind === 'target' ? targetItem(n)
			: n.kind === 'module' ? moduleItem(n)
				: n.kind === 'version' ? versionItem(n) : holderItem(n);
		item.id = idOf(n);
		if (placeOf(n))
			item.command = {
				command: 'hotwatch.open', title: 'Open', arguments: [n],
			};
		return item;
	}

	async getChildren(n?: Node): Promise<Node[]> {
		if (!n)
			return this.targets();
		switch (n.kind) {
			case 'target':
				return this.modules(n);
			case 'module':
				return n.module.versions.map(version => (
					{ ...n, kind: 'version', version }));
			case 'version':
				return holdersOf(n, n.version.version).map(holder => (
					{ ...n, kind: 'holder', holder }));
			case 'holder':
				return [];
		}
	}

	private async targets(): Promise<Node[]> {
		const answers = await Promise.all(this.sessions.list().map(
			async session => {
				const answer = await session.ask<Answer & { targets: Target[] }>(
					'hotwatch.status').catch(() => undefined);
				return (answer?.targets ?? []).map(
					target => ({ session, target }));
			}));
		const all = answers.flat();
		return all.map(n => (
			{ ...n, kind: 'target', open: all.length <= OPEN_AT_FIRST }));
	}

	private async modules(n: Node): Promise<Node[]> {
		const answer = await n.session.ask<Answer & {
			targets: { modules: Module[] }[];
		}>('hotwatch.modules', { target: n.target.pid })
			.catch(() => undefined);
		const { session, target } = n;
		return (answer?.targets ?? []).flatMap(t => t.modules)
			.sort((a, b) => a.module < b.module ? -1 : 1)
			.map(module => ({ session, target, kind: 'module', module }));
	}

	dispose(): void {
		clearTimeout(this.timer);
		this.subscription.dispose();
		this.emitter.dispose();
	}
}
