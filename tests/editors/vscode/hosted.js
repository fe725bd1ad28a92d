// SPDX-License-Identifier: MIT
//
// What the suites that host.js runs in the extension host share.
'use strict';

const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const vscode = require('vscode');

const LIMIT = 1000 * Number(process.env.WAIT_LIMIT || 30);

/** Their output: what they print goes nowhere. */
function say(line) {
	fs.appendFileSync(process.env.SUITE_LOG, line + '\n');
}

async function activate() {
	return vscode.extensions.getExtension('hotwatch.hotwatch').activate();
}

/** Polls F until it gives something true, and returns that. */
async function until(what, f) {
	const api = await activate();
	const end = Date.now() + LIMIT;
	for (;;) {
		const value = await f();
		if (value)
			return value;
		if (Date.now() > end)
			throw new Error(`${what}: not in time; the status is `
				+ JSON.stringify(api.status()));
		await new Promise(done => setTimeout(done, 5));
	}
}

async function status(pattern) {
	const api = await activate();
	return until(`status ${pattern}`,
		() => pattern.test(api.statusText()) && api.status());
}

/** The counter in FOLDER, once it has answered. */
async function startCounter(folder) {
	const counter = spawn('./counter', { cwd: folder });
	counter.ask = line => new Promise(done => {
		counter.stdout.once('data', d => done(String(d).trim()));
		counter.stdin.write(line + '\n');
	});
	await counter.ask('print');
	return counter;
}

/** Writes TEXT where OLD is. */
async function edit(editor, old, text) {
	const { document } = editor;
	const at = document.getText().indexOf(old);
	if (at < 0)
		throw new Error(`not in the source: ${old}`);
	await editor.edit(e => e.replace(new vscode.Range(document.positionAt(at),
		document.positionAt(at + old.length)), text));
}

/** Below NODE of the tree: label, description, node. */
async function rows(node) {
	const { tree } = await activate();
	return (await tree.getChildren(node)).map(n => {
		const item = tree.getTreeItem(n);
		return [item.label, item.description, n];
	});
}

/** Processes that run `hotwatch lsp` for this host. */
function servers() {
	return execFileSync('ps', ['-o', 'pid=,args=', '--ppid',
		String(process.pid)], { encoding: 'utf8' }).split('\n')
		.filter(l => / lsp$/.test(l)).map(l => parseInt(l, 10));
}

/** In turn: each goes on from where the one before ended. */
async function runAll(tests) {
	for (const [name, test] of Object.entries(tests)) {
		const began = Date.now();
		try {
			await test();
		} catch (e) {
			say(`FAIL  ${name}: ${e.stack}`);
			throw e;
		}
		say(`ok    ${name} (${Date.now() - began} ms)`);
	}
}

module.exports = { activate, edit, rows, runAll, say, servers, startCounter,
	status, until };
