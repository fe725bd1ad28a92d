// SPDX-License-Identifier: MIT
//
// The menu that the status item opens: what is the case, in a sentence, and
// what can be done about it.

import * as vscode from 'vscode';
import { Session } from './session';
import { isOurs, Sessions } from './sessions';
import { reloadsOnSave } from './reload';
import { details, statusText } from './status';

interface Item extends vscode.QuickPickItem {
	command?: string;
	args?: unknown[];
}

function item(icon: string, label: string, command: string,
	...args: unknown[]): Item {
	return { label: `$(${icon}) ${label}`, command, args };
}

function line(label: string): Item {
	return { label, kind: vscode.QuickPickItemKind.Separator };
}

function ofFile(name: string): Item[] {
	return [
		line(name),
		item('refresh', 'Reload', 'hotwatch.load'),
		item('discard', 'Roll back', 'hotwatch.rollback'),
		item('trash', 'Purge what nothing holds', 'hotwatch.softPurge'),
		item('flame', 'Purge, ending processes that hold', 'hotwatch.purge'),
	];
}

function ofProject(session: Session): Item[] {
	const held = session.holders.length;
	return [
		line('project'),
		item('references', 'Who holds old code' + (held ? ` (${held})` : ''),
			'hotwatch.holders'),
		item('list-tree', 'Programs and versions', 'hotwatch.modules'),
		item('server-process', 'Processes', 'hotwatch.ps'),
		item('output', 'What happened', 'hotwatch.log'),
	];
}

function ofSettings(session: Session): Item[] {
	return [
		line('settings'),
		item(reloadsOnSave(session) ? 'debug-pause' : 'play',
			reloadsOnSave(session) ? 'Stop reloading on save'
				: 'Reload on save', 'hotwatch.reloadOnSave'),
		item('gear', 'Settings', 'workbench.action.openSettings',
			'@ext:hotwatch.hotwatch'),
		item('debug-restart', 'Restart the language server',
			'hotwatch.restart'),
		item('book', 'Get started', 'hotwatch.walkthrough'),
	];
}

async function show(sessions: Sessions): Promise<void> {
	const session = sessions.current;
	const document = vscode.window.activeTextEditor?.document;
	if (!session) {
		await vscode.commands.executeCommand('hotwatch.walkthrough');
		return;
	}
	const items = [
		...document && isOurs(document)
			? ofFile(vscode.workspace.asRelativePath(document.uri)) : [],
		...ofProject(session), ...ofSettings(session),
	];
	const chosen = await vscode.window.showQuickPick(items, {
		title: statusText(session.status).replace(/^\$\(.*?\) /, ''),
		placeHolder: details(session.status).join('; '),
	});
	if (chosen?.command)
		await vscode.commands.executeCommand(chosen.command,
			...chosen.args ?? []);
}

export function menuOpen(sessions: Sessions): vscode.Disposable {
	return vscode.commands.registerCommand('hotwatch.menu',
		() => show(sessions));
}
