// SPDX-License-Identifier: MIT
//
// The extension from inside: in the real extension host, with the real watcher
// and the counter as project q. Each test leaves the source as it found it.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const vscode = require('vscode');
const hosted = require('./hosted.js');
const { rows, runAll, say, servers, status, until } = hosted;

const { commands, workspace, window } = vscode;
const root = workspace.workspaceFolders[0].uri.fsPath;
const uri = vscode.Uri.file(path.join(root, 'counter.c'));
let api, document, editor, counter;

const edit = (old, text) => hosted.edit(editor, old, text);

async function save(old, text) {
	await edit(old, text);
	await document.save();
}

async function startCounter() {
	counter = await hosted.startCounter(root);
}

function lineOf(part) {
	return document.getText().split('\n').findIndex(l => l.includes(part));
}

/** As the configuration of the window has it, until the test ends. */
async function withSetting(name, value, f) {
	const set = v => workspace.getConfiguration('hotwatch')
		.update(name, v, vscode.ConfigurationTarget.Workspace);
	await set(value);
	try {
		await f();
	} finally {
		await set(undefined);
	}
}

const problems = code => vscode.languages.getDiagnostics(uri).filter(
	d => d.source === 'hotwatch' && (code === undefined || d.code === code));

const lenses = async () => (await commands.executeCommand(
	'vscode.executeCodeLensProvider', uri, 100)).map(l => l.command.title);

const tests = {
	async 'a file that is opened starts a server, which finds the program'() {
		await status(new RegExp(`attached pid ${counter.pid}$`));
		assert.strictEqual(servers().length, 1);
	},

	async 'every command of the manifest is there'() {
		const there = await commands.getCommands(true);
		const wanted = vscode.extensions.getExtension('hotwatch.hotwatch')
			.packageJSON.contributes.commands.map(c => c.command);
		assert.deepStrictEqual(
			wanted.filter(c => !there.includes(c)), []);
	},

	async 'it formats nothing and hovers over nothing'() {
		const edits = await commands.executeCommand(
			'vscode.executeFormatDocumentProvider', uri, {});
		assert.deepStrictEqual(edits ?? [], []);
		const hovers = await commands.executeCommand(
			'vscode.executeHoverProvider', uri, new vscode.Position(20, 3));
		assert.deepStrictEqual(hovers, []);
	},

	async 'a save is shown as soon as the watcher knows'() {
		await edit('the sum is', 'sum:');
		const began = Date.now();
		await document.save();
		const { ms } = await status(/v1 in \d+ ms$/);
		say(`save to status: ${Date.now() - began} ms, of which the `
			+ `watcher had ${Math.round(ms)}`);
	},

	async 'who is in old code is marked, unless that is switched off'() {
		const wanted = [lineOf('hw_receive') + 1, lineOf('fgets') + 1];
		const marked = () => JSON.stringify(api.decorated(uri))
			=== JSON.stringify(wanted);
		await until('the marks', marked);
		await withSetting('decorations', false, () => until('none',
			() => api.decorated(uri).length === 0));
		await until('the marks again', marked);
		await until('their problems', () => problems('held').length === 2);
		assert.deepStrictEqual(
			problems('held').map(d => d.range.start.line + 1)
				.sort((a, b) => a - b), wanted);
	},

	async 'lenses have version, verbs and holders, unless switched off'() {
		const wanted = new RegExp(`^hotwatch: v1 in pid ${counter.pid};Reload;`
			+ 'Purge;Rollback;old code held by (main thread, process 1 \\(counter\\)'
			+ '|process 1 \\(counter\\), main thread);');
		await until('lenses', async () => wanted.test(
			(await lenses()).join(';')));
		await withSetting('codeLens', false, () => until('none',
			async () => (await lenses()).length === 0));
	},

	async 'the tree has programs, files, versions and holders'() {
		const [[name, pid, target]] = await rows();
		assert.deepStrictEqual([name, pid],
			['counter', `pid ${counter.pid}`]);
		const modules = await rows(target);
		assert.deepStrictEqual(modules.map(r => r.slice(0, 2)),
			[['counter', 'v1 · old code held']]);
		const versions = await rows(modules[0][2]);
		assert.deepStrictEqual(versions.map(r => r.slice(0, 2)),
			[['v1', 'current'], ['v0', 'old']]);
		const holders = (await rows(versions[1][2])).map(r => r[0]);
		assert.deepStrictEqual(holders.sort(),
			['main thread', 'process 1 (counter)']);
	},

	async 'a holder leads to its line'() {
		await window.showTextDocument(document,
			{ selection: new vscode.Range(0, 0, 0, 0) });
		const [[, , target]] = await rows();
		const [[, , module]] = await rows(target);
		const old = (await rows(module))[1][2];
		const holder = (await rows(old)).find(r => r[0] === 'main thread')[2];
		await commands.executeCommand('hotwatch.open', holder);
		assert.strictEqual(window.activeTextEditor.selection.active.line,
			lineOf('fgets'));
	},

	async 'columns are those of UTF-16'() {
		await save('int n = flag;', '/* ü😀 */ int n = flg;');
		await status(/error$/);
		const error = await until('the error',
			() => problems().find(d => d.severity === 0));
		assert.strictEqual(document.getText(error.range), 'flg');
		await save('/* ü😀 */ int n = flg;', 'int n = flag;');
		await until('its mending', () => problems()
			.every(d => d.severity !== 0));
	},

	async 'a fix that clang offers is applied'() {
		await save('(void)n;', '(void)n');
		await status(/error$/);
		const line = lineOf('(void)n');
		const actions = await until('a fix', async () => {
			const list = await commands.executeCommand(
				'vscode.executeCodeActionProvider', uri,
				new vscode.Range(line, 0, line, 9), 'quickfix');
			return list.length > 0 && list;
		});
		await workspace.applyEdit(actions[0].edit);
		assert.strictEqual(document.lineAt(line).text.trim(), '(void)n;');
		await document.save();
		await status(/unchanged$/);
	},

	async 'a save waits for the command, if that is set'() {
		const settings = path.join(root, 'hotwatch.json');
		await withSetting('reloadOnSave', 'manual', async () => {
			await until('the project to know',
				() => /"reload_on_save": false/.test(
					fs.readFileSync(settings, 'utf8')));
			await commands.executeCommand('hotwatch.sync');
			await save('sum: %ld', 'now: %ld');
			await status(/stale: 1 module$/);
			await commands.executeCommand('hotwatch.load', 'counter');
			await status(/v2 in \d+ ms$/);
		});
		await withSetting('reloadOnSave', 'always', () => until(
			'the project to know', () => /"reload_on_save": true/.test(
				fs.readFileSync(settings, 'utf8'))));
		await commands.executeCommand('hotwatch.sync');
		await save('now: %ld', 'then: %ld');
		await status(/v3 in \d+ ms$/);
	},

	async 'a version of the tree is gone back to'() {
		const [[, , target]] = await rows();
		const [[, , module]] = await rows(target);
		const first = (await rows(module)).find(r => r[0] === 'v0')[2];
		await commands.executeCommand('hotwatch.rollback', first);
		await status(/stale: 1 module$/);
		await commands.executeCommand('hotwatch.load', 'counter');
		await status(/v5 in \d+ ms$/);
	},

	async 'a server that is killed is started again'() {
		const [pid] = servers();
		process.kill(pid, 'SIGKILL');
		await until('another', () => servers().some(p => p !== pid));
		await status(/(attached pid \d+|unchanged|v5 in \d+ ms)$/);
	},

	async 'a program that is not there is said, and found when it is'() {
		await withSetting('path', '/nowhere/hotwatch', async () => {
			await status(/not found$/);
			await until('the end of the server', () => servers().length === 0);
		});
		await status(/(attached pid \d+|unchanged|v5 in \d+ ms)$/);
	},

	async 'a program that ends and comes back is told'() {
		counter.kill('SIGKILL');
		await status(/lost$/);
		await until('no mark', () => api.decorated(uri).length === 0);
		await startCounter(); // of the source before: what is saved is loaded
		await until('the program', () => api.status().pid === counter.pid
			&& api.status().behind === 0);
		assert.match(api.statusText(), /(v1 in \d+ ms|attached pid \d+)$/);
	},
};

exports.run = async () => {
	await startCounter();
	document = await workspace.openTextDocument(uri);
	editor = await window.showTextDocument(document);
	api = await hosted.activate();
	try {
		await runAll(tests);
	} finally {
		counter.kill('SIGKILL');
	}
};
