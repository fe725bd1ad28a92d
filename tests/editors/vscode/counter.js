// SPDX-License-Identifier: MIT
//
// counter.js DEPS VSIX HOTWATCH: the counter in VS Code, from the package, as a
// user would go about it. vscode.sh prepares p and starts this beside it.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { Program, Server, Workbench, launch, run, same, step, until } =
	require('./workbench.js');

const [deps, vsix, hotwatch] = process.argv.slice(2);
const ERROR = '.squiggly-error';

/** The counter, once it answers: else its process might be born later. What was
 * saved since it was built may be loaded before it does. */
async function start(answer = /^(the sum is|sum:) 0$/) {
	const counter = new Program('./counter', [], { cwd: 'p' });
	same('its answer', answer.test(await counter.ask('print')), true);
	return counter;
}

async function save(w, counter) {
	step('a save is live, in a version, after milliseconds');
	await w.replace('the sum is', 'sum:');
	console.log('status: %s', await w.status(/v1 in \d+ ms$/));
}

async function menu(w) {
	step('the status item opens the menu');
	await w.statusItem.click();
	await w.page.locator('.quick-input-list .monaco-list-row',
		{ hasText: 'Who holds old code' }).waitFor();
	await w.shot('menu');
	await w.key('Escape');
}

async function holders(w, counter) {
	step('who is in old code is named at the line, and jumped to');
	await w.lens(/process \d \(counter\) still runs v0 here/).waitFor();
	await w.shot('held');
	await w.top();
	await w.shot('lenses');
	await w.lens(/old code held by.*main thread/).click();
	await w.pick('counter)', '(counter)');
	await w.cursorAt('p/counter.c', 'hw_receive');
	same('what old code says', await counter.ask('print'), 'the sum is 0');
	counter.tell('code_switch');
	same('what new code says', await counter.ask('print'), 'sum: 0');
}

async function error(w) {
	step('an error is at its line, and goes when it is mended');
	await w.replace('int n = flag;', 'int n = flg;');
	await w.status(/error$/);
	await w.lineIs(ERROR, /int n = flg;/);
	await w.problems();
	await w.problem("use of undeclared identifier 'flg'").waitFor();
	await w.shot('error');
	await w.replace('int n = flg;', 'int n = flag;');
	await w.page.waitForSelector(ERROR, { state: 'detached' });
	await w.status(/unchanged$/);
}

async function refusal(w) {
	step('a refusal is at its line, and goes when it is reverted');
	await w.edit('int n = flag;', 'int n = flag.a[0];');
	await w.edit('int flag = 1;', 'struct { int a[9]; } flag = {{1}};');
	await w.save();
	await w.status(/refused$/);
	await w.lineIs(ERROR, /flag = \{\{1\}\};/);
	await w.problem('unsafe').waitFor();
	await w.shot('refused');
	await w.edit('struct { int a[9]; } flag = {{1}};', 'int flag = 1;');
	await w.edit('int n = flag.a[0];', 'int n = flag;');
	await w.save();
	await w.page.waitForSelector(ERROR, { state: 'detached' });
	await w.problem('unsafe').waitFor({ state: 'hidden' });
	await w.problem('main thread').waitFor();
	await w.problem('(counter)').waitFor({ state: 'hidden' });
}

async function purge(w) {
	step('a purge by the lens');
	await w.openFile('p/worker.c');
	await w.replace('return 1', 'return 2');
	await w.status(/v1 in \d+ ms$/);
	await w.top();
	await w.lens('Purge').click();
	console.log('said: %s', await w.said(/worker v0/));
	await w.lens('Purge').waitFor({ state: 'hidden' });
	await w.shot('purged');
}

async function tree(w, counter) {
	step('the tree: a holder, its line; a rollback');
	await w.programs();
	await w.row('main thread').click();
	await w.cursorAt('p/counter.c', 'fgets');
	await w.shot('tree');
	await w.rowAction(w.row(/^counter\s*v1/), 'Roll Back');
	await w.said(/counter v2 live/);
	await w.row(/^counter\s*v2/).waitFor();
	counter.tell('code_switch');
	same('what it says', await counter.ask('print'), 'the sum is 0');
	await w.shot('rolled-back');
}

async function processes(w, counter) {
	step('a process is suspended, resumed, and says its state');
	const command = 'Processes: Suspend, Resume, Change Code, Get State';
	const row = () => w.row(`pid ${counter.pid}`);
	await w.rowAction(row(), command);
	await w.pick('keeper', 'keeper');
	await w.pick('Suspend', 'Suspend');
	await w.said(/\(keeper\) in pid \d+: suspended/);
	await w.command(`hotwatch: ${command}`);
	await w.pick('keeper', 'suspended');
	await w.shot('suspended');
	await w.pick('Resume', 'Resume');
	await w.said(/\(keeper\) in pid \d+: resumed/);
	await w.rowAction(row(), command);
	await w.pick('keeper', 'waiting');
	await w.pick('Get State', 'Get State');
	await w.said(/\(keeper\) in pid \d+: 42 kept/);
	await w.shot('state'); // VS Code's output needs spdlog, which is not built
}

async function lost(w, counter) {
	step('a program that is killed, and one that starts');
	await counter.end();
	await w.status(/lost$/);
	await w.page.locator('.notification-toast',
		{ hasText: 'the program has ended' }).waitFor();
	await w.shot('lost');
	const next = await start(); // of the source before the save
	await w.status(/v1 in \d+ ms$/);
	await w.row(`pid ${next.pid}`).waitFor();
	return next;
}

/** A new watcher does not find how it was linked. */
async function unusable(w, program) {
	step('a program that needs a restart');
	fs.renameSync('p/counter.hot/manifest.json', 'manifest.json');
	await w.command('hotwatch: Restart the Language Server');
	await w.status(/restart needed$/);
	await w.page.locator('.notification-toast',
		{ hasText: 'restart needed: ' }).waitFor();
	await w.row(/counter\s*pid \d+ · restart needed/).waitFor();
	same('toasts without a reason', await w.page.locator(
		'.notification-toast', { hasText: 'hotwatch: lost' }).count(), 0);
	await w.shot('restart-needed');
	fs.renameSync('manifest.json', 'p/counter.hot/manifest.json');
	await program.end();
	await w.status(/lost$/);
	const next = await start();
	await w.status(/v1 in \d+ ms$/);
	return next;
}

async function second(w, open) {
	step('two windows are in step');
	const other = await open();
	await other.status(/v1 in \d+ ms$/);
	await w.replace('sum:', 'total:');
	same('the status', (await other.status(/v2 in \d+ ms$/)).trim(),
		(await w.status(/v2 in \d+ ms$/)).trim());
	other.noErrors();
}

run(async defer => {
	step('the server, the browser, the counter');
	const server = await Server.start({
		deps, vsix, dir: path.resolve('server'),
		settings: { 'hotwatch.path': hotwatch },
	});
	defer(() => server.end());
	const [browser, counter] = await Promise.all([launch(),
		start(/^the sum is 0$/)]);
	defer(() => browser.close());
	let program = counter;
	defer(() => program.end());

	step('the workbench');
	const windows = [];
	const open = async () => {
		const w = await Workbench.open(browser, server, path.resolve('p'));
		windows.push(w);
		return w;
	};
	defer(async status => {
		for (const [i, w] of status ? windows.entries() : [])
			await w.shot(`failed-${i}`);
	});
	const w = await open();
	await w.openFile('p/counter.c');
	await w.status(new RegExp(`attached pid ${counter.pid}$`));
	await save(w, counter);
	await menu(w);
	await holders(w, counter);
	await error(w);
	await refusal(w);
	await purge(w);
	await tree(w, counter);
	await processes(w, counter);
	program = await lost(w, counter);
	program = await unusable(w, program);
	await second(w, open);
	w.noErrors();
});
