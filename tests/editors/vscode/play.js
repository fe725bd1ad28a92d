// SPDX-License-Identifier: MIT
//
// play.js DEPS VSIX HOTWATCH FOLDER CASE: a case of ../case.bash in VS Code, as
// play.el and play.lua play it in Emacs and Neovim. FOLDER is the project.
'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { Program, Server, Workbench, launch, run, same, step, until } =
	require('./workbench.js');

const [deps, vsix, hotwatch, folder, file] = process.argv.slice(2);
const play = JSON.parse(fs.readFileSync(file, 'utf8'));
const ERROR = '.squiggly-error';

const quoted = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function behaves(wanted) {
	same('how it behaves', execFileSync(play.ask[0], play.ask.slice(1),
		{ cwd: play.folder, encoding: 'utf8' }).trim(), wanted);
}

const start = () => new Program(play.start[0], play.start.slice(1),
	{ cwd: play.folder });

async function save(w) {
	step('a save');
	behaves(play.first);
	await w.replace(...play.edit);
	console.log('status: %s', (await w.status(/v1 in \d+ ms$/)).trim());
	behaves(play.then);
	await w.shot('play-live');
}

async function holder(w) {
	step('who is in old code');
	await w.top();
	await w.lens('old code held by').click();
	await until('the holder\'s line', async () => {
		const box = w.page.locator('.quick-input-list .monaco-list-row',
			{ hasText: play.holder.who });
		if (await box.count())
			await box.first().click();
		return fs.readFileSync(play.source, 'utf8')
			.split('\n')[await w.line() - 1].includes(play.holder.at);
	});
	await w.shot('play-holder');
}

async function error(w) {
	step('an error');
	await w.replace(...play.broken);
	await w.status(/error$/);
	await w.lineIs(ERROR, new RegExp(quoted(play.broken_at)));
	await w.replace(play.broken[1], play.broken[0]);
	await w.page.waitForSelector(ERROR, { state: 'detached' });
}

async function refusal(w) {
	step('a refusal');
	const { source, edits, at } = play.unsafe;
	await w.openFile(source);
	for (const [old, text] of edits)
		await w.edit(old, text);
	await w.save();
	await w.status(/refused$/);
	await w.lineIs(ERROR, new RegExp(quoted(at)));
	await w.shot('play-refused');
	for (const [old, text] of edits)
		await w.edit(text, old);
	await w.save();
	await w.page.waitForSelector(ERROR, { state: 'detached' });
	await w.openFile(play.source);
}

async function verbs(w) {
	step('purge and rollback');
	await w.top();
	await w.lens('Purge').click();
	console.log('said: %s', await w.said(new RegExp(play.purge)));
	await w.lens('Rollback').click();
	await w.said(/v\d+ live in pid/);
	behaves(play.first);
}

async function lost(w, program) {
	step('killed, and started');
	await program.end();
	await w.status(/lost$/);
	const next = start();
	await w.status(/v1 in \d+ ms$/); // what was saved since it was built
	behaves(play.then);
	return next;
}

run(async defer => {
	step('the server, the browser, the program');
	const [server, browser] = await Promise.all([Server.start({
		deps, vsix, dir: path.resolve('server'),
		settings: { 'hotwatch.path': hotwatch },
	}), launch()]);
	defer(() => server.end());
	defer(() => browser.close());
	let program = start();
	defer(() => program.end());

	step('the workbench');
	const w = await Workbench.open(browser, server, folder);
	defer(status => status ? w.shot('failed') : Promise.resolve());
	await w.openFile(play.source);
	await w.status(new RegExp(`attached pid ${program.pid}$`));
	await save(w);
	await holder(w);
	await error(w);
	await refusal(w);
	await verbs(w);
	program = await lost(w, program);
	w.noErrors();
});
