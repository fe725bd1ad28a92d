// SPDX-License-Identifier: MIT
//
// What VS Code takes to show it, as a suite in the extension host (host.js):
// first with the real watcher, then with said.js, which says what there is
// much of. Writes one line of JSON, milliseconds.
'use strict';

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const vscode = require('vscode');

const SAVES = 30, FILES = 1000, EACH = 10, ROUNDS = 9;
const { languages, workspace, window } = vscode;
const root = workspace.workspaceFolders[0].uri.fsPath;
const uri = vscode.Uri.file(path.join(root, 'work.c'));
let api, said;

async function until(what, f) {
	const end = Date.now() + 60000;
	while (!await f()) {
		if (Date.now() > end)
			throw new Error(`${what}: not in time; ${api.statusText()}`);
		await new Promise(done => setTimeout(done, 1));
	}
}

const sorted = list => list.sort((a, b) => a - b);
const median = list => sorted(list)[Math.floor(list.length / 2)];

/** From the file's being written to the status, but what loading it took. How
 * long VS Code takes to write it is its own matter. */
async function save(editor, number) {
	const line = editor.document.lineAt(2);
	await editor.edit(e => e.replace(line.range, `\treturn ${number};`));
	const { seq } = api.status();
	await editor.document.save();
	await until('the save', () => api.status().state === 'live'
		&& api.status().seq > seq);
	const shown = performance.timeOrigin + performance.now();
	return shown - fs.statSync(uri.fsPath).mtimeMs - api.status().ms;
}

async function saves() {
	const editor = await window.showTextDocument(
		await workspace.openTextDocument(uri));
	api = await vscode.extensions.getExtension('hotwatch.hotwatch').activate();
	await until('the program', () => api.status()?.pid
		&& api.status().behind === 0);
	for (let i = 0; i < 3; i++)
		await save(editor, 3000 + i);
	const all = [];
	for (let i = 0; i < SAVES; i++)
		all.push(await save(editor, 4000 + i));
	return { median: median(all), high: all[Math.floor(SAVES * 0.9)] };
}

/** Processor time of this process from MESSAGES until SHOWN. */
async function spent(messages, shown) {
	const text = messages.map(m => JSON.stringify(m) + '\n').join('');
	const began = process.cpuUsage();
	said.write(text);
	await until('what was said', shown);
	const { user, system } = process.cpuUsage(began);
	return (user + system) / 1000;
}

/** The same, and the longest that anything else in this process waits then: the
 * processor time between two turns of its loop, at most. */
async function pieces(messages, shown) {
	let last = process.cpuUsage(), longest = 0, over = false;
	const turn = () => {
		const { user, system } = process.cpuUsage(last);
		last = process.cpuUsage();
		longest = Math.max(longest, (user + system) / 1000);
		if (!over)
			setImmediate(turn);
	};
	turn();
	const all = await spent(messages, shown);
	over = true;
	return { all, longest };
}

async function many(count, f) {
	const all = [];
	for (let i = 0; i < count; i++)
		all.push(await f(i));
	return median(all);
}

const status = seq => ({ method: 'hotwatch/status', params: {
	state: 'live', text: `v${seq} 9ms`, version: seq, ms: 9, modules: ['m'],
	targets: 100, errors: 0, held: 0, behind: 0, seq,
} });

const holders = round => ({ method: 'hotwatch/holders', params: {
	holders: Array.from({ length: 100 }, (_, i) => ({
		pid: 100000 + i, target: 'worker', module: 'm', version: round,
		state: 'old', who: 'main thread', where: 'main (work.c:1)',
		kind: 'frame', file: uri.fsPath, line: 1 + (i + round) % 4,
	})) } });

const published = (file, round, count = EACH) => ({
	method: 'textDocument/publishDiagnostics', params: {
		uri: `file:///p/src/m${file}.c`,
		diagnostics: Array.from({ length: count }, (_, i) => ({
			range: { start: { line: i, character: 4 },
				end: { line: i, character: 8 } },
			severity: 2, source: 'hotwatch', message: `unused, ${round}`,
		})) } });

const message = file => languages.getDiagnostics(
	vscode.Uri.parse(`file:///p/src/m${file}.c`))[0]?.message;

async function tree() {
	const began = process.cpuUsage();
	const targets = await api.tree.getChildren();
	targets.forEach(n => api.tree.getTreeItem(n));
	const rows = await api.tree.getChildren(targets[0]);
	rows.forEach(n => api.tree.getTreeItem(n));
	if (targets.length !== 100 || rows.length !== 1000)
		throw new Error(`${targets.length} programs, ${rows.length} modules`);
	const { user, system } = process.cpuUsage(began);
	return (user + system) / 1000;
}

async function much() {
	await workspace.getConfiguration('hotwatch').update('path',
		process.env.SAID, vscode.ConfigurationTarget.Workspace);
	await until('the server', async () => (
		await api.tree.getChildren()).length === 100);
	said = net.connect(`${process.env.SAID}.sock`);
	const files = await pieces(
		Array.from({ length: FILES }, (_, i) => published(i, 0)),
		() => message(FILES - 1) !== undefined);
	const file = await pieces([published(FILES, 0, FILES * EACH)],
		() => message(FILES) !== undefined);
	return {
		status: await many(ROUNDS, i => spent([status(i)],
			() => api.statusText().includes(`v${i} in`))),
		holders: await many(ROUNDS, i => spent([holders(i)],
			() => api.holders()[0]?.version === i)),
		files: files.all, piece: files.longest,
		file: file.all, filePiece: file.longest,
		update: await many(ROUNDS, i => spent([published(i, i + 1)],
			() => message(i) === `unused, ${i + 1}`)),
		tree: await many(ROUNDS, tree),
	};
}

exports.run = async () => {
	const figures = { ...await saves(), ...await much() };
	fs.appendFileSync(process.env.SUITE_LOG, JSON.stringify(figures) + '\n');
};
