// SPDX-License-Identifier: MIT
//
// Reload on save, or by command. Whether a save is loaded is the project's
// matter (`reload_on_save` in its hotwatch.json): one watcher serves all editors
// and the command line, and two editors that want different things would be in
// each other's way. So the setting is carried over into that file, as text, so
// that the rest of it stays as its author wrote it.

import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { Session } from './session';
import { Sessions } from './sessions';

const KEY = /("reload_on_save"\s*:\s*)(true|false)/;

function fileOf(session: Session): string | undefined {
	return session.root && path.join(session.root, 'hotwatch.json');
}

function textOf(file: string): string {
	return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

export function reloadsOnSave(session: Session): boolean {
	const file = fileOf(session);
	return !file || KEY.exec(textOf(file))?.[2] !== 'false';
}

/** The same settings with that one set; exported for the tests. */
export function withReload(text: string, on: boolean): string {
	if (KEY.test(text))
		return text.replace(KEY, `$1${on}`);
	const start = text.indexOf('{');
	if (start < 0)
		return `{\n  "reload_on_save": ${on}\n}\n`;
	const empty = /^\{\s*\}/.test(text.slice(start));
	return text.slice(0, start + 1) + `\n  "reload_on_save": ${on}`
		+ (empty ? '\n}' + text.slice(text.indexOf('}') + 1)
			: ',' + text.slice(start + 1));
}

export function setReload(session: Session, on: boolean): void {
	const file = fileOf(session);
	if (!file || reloadsOnSave(session) === on)
		return;
	fs.writeFileSync(file, withReload(textOf(file), on));
}

function wanted(session: Session): boolean | undefined {
	const value = vscode.workspace.getConfiguration('hotwatch',
		session.folder?.uri).get('reloadOnSave', 'project');
	return value === 'project' ? undefined : value === 'always';
}

function carryOver(session: Session): void {
	const on = wanted(session);
	if (on !== undefined && session.status.root)
		setReload(session, on);
}

/** Sees to it that a project is as the settings want it once it is known. */
export function reloadOpen(sessions: Sessions): vscode.Disposable {
	const known = new WeakSet<Session>();
	return vscode.Disposable.from(
		sessions.onDidChange(({ session }) => {
			if (session.status.root && !known.has(session)) {
				known.add(session);
				carryOver(session);
			}
		}),
		vscode.workspace.onDidChangeConfiguration(e => {
			if (e.affectsConfiguration('hotwatch.reloadOnSave'))
				sessions.list().forEach(carryOver);
		}));
}
