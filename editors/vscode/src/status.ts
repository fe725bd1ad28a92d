// SPDX-License-Identifier: MIT
//
// The one status item: the durable truth about the current project, in a few
// words, and the way to the menu. The server decides what is the case; this
// only spells it out, because a status bar has more room than a mode line.

import * as vscode from 'vscode';
import { Status } from './protocol';
import { Session } from './session';
import { Sessions } from './sessions';

type Words = (s: Status) => string;
type Row = [icon: string, words: Words, alarm?: 'error' | 'warning'];

const rows: Record<string, Row> = {
	missing: ['warning', () => 'not found', 'warning'],
	no_project: ['circle-slash', () => 'no project'],
	lost: ['debug-disconnect', () => 'lost', 'warning'],
	starting: ['loading~spin', () => 'starting'],
	building: ['loading~spin', s => s.text],
	error: ['error', () => 'error', 'error'],
	refused: ['error', () => 'refused', 'error'],
	idle: ['circle-outline', () => 'nothing runs'],
	silent: ['warning', () => 'no answer', 'warning'],
	unusable: ['warning', () => 'restart needed', 'warning'],
	stale: ['warning', s => s.text, 'warning'],
	unchanged: ['check', () => 'unchanged'],
	live: ['check', s => `v${s.version} in ${Math.round(s.ms ?? 0)} ms`],
	attached: ['plug', s => s.targets === 1 ? `attached pid ${s.pid}`
		: `attached to ${s.targets} processes`],
};

export function plural(n: number, what: string): string {
	return `${n} ${what}${n === 1 ? '' : 's'}`;
}

function rowOf(s: Status): Row {
	return rows[s.state] ?? ['question', () => s.text];
}

export function statusText(s: Status): string {
	const [icon, words] = rowOf(s);
	return `$(${icon}) hotwatch: ${words(s)}`;
}

export function details(s: Status): string[] {
	const list = [];
	if (s.message)
		list.push(s.message);
	if (s.version !== undefined && s.modules)
		list.push(`${s.modules.slice(0, 3).join(', ')} v${s.version} went live`
			+ ` ${Math.round(s.ms ?? 0)} ms after the save`);
	if (s.targets)
		list.push(s.targets === 1 ? `attached to process ${s.pid}`
			: `attached to ${s.targets} processes`);
	if (s.held)
		list.push(`${plural(s.held, 'old version')} still held`);
	if (s.behind)
		list.push(`${plural(s.behind, 'file')} not live`);
	return list;
}

export class StatusItem implements vscode.Disposable {
	private readonly item = vscode.window.createStatusBarItem('hotwatch.status',
		vscode.StatusBarAlignment.Left, 0);
	text = '';

	constructor(private readonly sessions: Sessions) {
		this.item.name = 'hotwatch';
		this.item.command = 'hotwatch.menu';
		sessions.onDidChange(() => this.show(sessions.current));
	}

	private show(session: Session | undefined): void {
		if (!session) {
			this.item.hide();
			return;
		}
		const status = session.status;
		const [, , alarm] = rowOf(status);
		this.text = this.item.text = statusText(status);
		this.item.tooltip = details(status).join('\n');
		this.item.backgroundColor = alarm && new vscode.ThemeColor(
			`statusBarItem.${alarm}Background`);
		this.item.show();
		this.tellContext(status);
	}

	/** For the walkthrough's steps, and for which commands make sense. */
	private tellContext(s: Status): void {
		const set = (name: string, value: boolean) => void vscode.commands
			.executeCommand('setContext', `hotwatch.${name}`, value);
		set('active', this.sessions.list().length > 0);
		set('attached', s.targets > 0);
		set('live', s.state === 'live');
	}

	dispose(): void {
		this.item.dispose();
	}
}
