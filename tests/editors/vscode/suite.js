// SPDX-License-Identifier: MIT
//
// The extension from inside: in the real extension host, with the real watcher
// and the counter as project q. Each test leaves the source as it found it.
'use strict';

const assert = require('node:assert');
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const vscode = require('vscode');

const LIMIT = 1000 * Number(process.env.WAIT_LIMIT || 30);
const { commands, workspace, window } = vscode;
const root = workspace.workspaceFolders[0].uri.fsPath;
const uri = vscode.Uri.file(path.join(root, 'counter.c'));
let api, document, editor, counter;

function say(line) {
	fs.appendFileSync(process.env.SUITE_LOG, line + '\n');
}

async function until(what, f) {
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

const status = pattern => until(`status ${pattern}`,
	() => pattern.test(api.statusText()) && api.status());

function startCounter() {
	return new Promise(done => {
		counter = spawn('./counter', { cwd: root });
		counter.stdout.once('data', done);
		counter.stdin.write('print\n');
	});
}

function lineOf(part) {
	return document.getText().split('\n').findIndex(l => l.includes(part));
}

async function edit(old, text) {
	const at = document.getText().indexOf(old);
	assert.notStrictEqual(at, -1, `not in the source: ${old}`);
	await editor.edit(e => e.replace(new vscode.Range(document.positionAt(at),
		document.positionAt(at + old.length)), text));
}

async function save(old, text) {
	await edit(old, text);
	await document.save();
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

async function rows(node) {
	const list = [];
	for (const n of await api.tree.getChildren(node)) {
		const item = api.tree.getTreeItem(n);
		list.push([item.label, item.description, n]);
	}
	return list;
}

/** Processes that run `hotwatch lsp` for this host. */
function servers() {
	return execFileSync('ps', ['-o', 'pid=,args=', '--ppid',
		String(process.pid)], { encoding: 'utf8' }).split('\n')
		.filter(l => / lsp$/.test(l)).map(l => parseInt(l, 10));
}

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
			+ 'Purge;Rollback;old code held by main thread in main');
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
	api = await vscode.extensions.getExtension('hotwatch.hotwatch').activate();
	const failed = [];
	for (const [name, test] of Object.entries(tests)) {
		const began = Date.now();
		try {
			await test();
			say(`ok    ${name} (${Date.now() - began} ms)`);
		} catch (e) {
			failed.push(name);
			say(`FAIL  ${name}: ${e.stack}`);
			break; // the next ones go on from where this one ended
		}
	}
	counter.kill('SIGKILL');
	if (failed.length)
		throw new Error(`failed: ${failed.join(', ')}`);
};
