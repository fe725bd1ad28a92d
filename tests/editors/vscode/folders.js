// SPDX-License-Identifier: MIT
//
// Several folders in one window: one and two, each a project of its own with the
// counter, and plain, which has no C. Each project has a server, and what is shown
// and commanded is that of the file that is looked at.
'use strict';

const assert = require('node:assert');
const path = require('node:path');
const vscode = require('vscode');
const { activate, edit, rows, runAll, servers, startCounter, status, until } =
	require('./hosted.js');

const { commands, languages, workspace, window } = vscode;
const folders = {}, source = {};
const counters = {};
let api;

/** The window may know of the first folders before it has read of the others. */
async function findFolders() {
	const all = await until('the folders', () =>
		workspace.workspaceFolders?.length === 3 && workspace.workspaceFolders);
	for (const { uri } of all) {
		const name = path.basename(uri.fsPath);
		folders[name] = uri;
		source[name] = vscode.Uri.joinPath(uri,
			name === 'plain' ? 'notes.txt' : 'counter.c');
	}
}

const look = name => window.showTextDocument(source[name]);
const attached = name => status(
	new RegExp(`attached pid ${counters[name].pid}$`));
const errors = name => languages.getDiagnostics(source[name]).filter(
	d => d.source === 'hotwatch' && d.severity === 0);

async function save(name, old, text) {
	const editor = await look(name);
	await edit(editor, old, text);
	await editor.document.save();
}

async function programs() {
	return (await rows()).map(r => r[1]).sort();
}

const both = () => Object.values(counters).map(c => `pid ${c.pid}`).sort();

const tests = {
	async 'each project has a server, and no other folder'() {
		await look('one');
		await attached('one');
		await until('two servers', () => servers().length === 2);
		await look('plain');
		await look('two');
		await attached('two');
		assert.strictEqual(servers().length, 2);
	},

	async 'the status is that of the file that is looked at'() {
		await look('one');
		await attached('one');
		await look('plain'); // is nobody's: what was shown stays
		await attached('one');
		await look('two');
		await attached('two');
	},

	async 'a save is that of its own folder'() {
		await save('two', 'the sum is', 'two has');
		await status(/v1 in \d+ ms$/);
		await look('one');
		await attached('one');
		counters.two.stdin.write('code_switch\n');
		assert.strictEqual(await counters.two.ask('print'), 'two has 0');
		counters.one.stdin.write('code_switch\n');
		assert.strictEqual(await counters.one.ask('print'), 'the sum is 0');
	},

	async 'an error is at the line of its own folder'() {
		await save('one', 'int n = flag;', 'int n = flg;');
		await status(/error$/);
		await until('the error', () => errors('one').length === 1);
		assert.deepStrictEqual(errors('two'), []);
		await look('two');
		await status(/v1 in \d+ ms$/);
		await save('one', 'int n = flg;', 'int n = flag;');
		await until('its mending', () => errors('one').length === 0);
	},

	async 'the tree has the programs of all'() {
		assert.deepStrictEqual(await programs(), both());
	},

	async 'a row of the tree is of its own folder'() {
		await look('one');
		const wanted = `pid ${counters.two.pid}`;
		const target = (await rows()).find(r => r[1] === wanted)[2];
		const [[name, version, module]] = await rows(target);
		assert.deepStrictEqual([name, version.split(' ')[0]],
			['counter', 'v1']);
		await commands.executeCommand('hotwatch.rollback', module);
		await status(/(attached pid \d+|unchanged)$/); // one's
		await look('two');
		await status(/stale: 1 module$/);
		await commands.executeCommand('hotwatch.load');
		await status(/v3 in \d+ ms$/);
	},

	async 'a folder that is removed has no server, and has one again'() {
		const at = workspace.workspaceFolders.findIndex(
			f => f.uri.fsPath === folders.two.fsPath);
		workspace.updateWorkspaceFolders(at, 1);
		await until('one server', () => servers().length === 1);
		await until('one program', async () => (await rows()).length === 1);
		workspace.updateWorkspaceFolders(at, 0, { uri: folders.two });
		await until('two servers', () => servers().length === 2);
		await look('one');
		await look('two');
		await until('its program', () => api.status().pid === counters.two.pid);
		await until('both programs', async () => JSON.stringify(
			await programs()) === JSON.stringify(both()));
	},
};

exports.run = async () => {
	await findFolders();
	for (const name of ['one', 'two'])
		counters[name] = await startCounter(folders[name].fsPath);
	api = await activate();
	try {
		await runAll(tests);
	} finally {
		Object.values(counters).forEach(c => c.kill('SIGKILL'));
	}
};
