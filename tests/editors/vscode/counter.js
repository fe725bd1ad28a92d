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
const folder = path.resolve('p');

function lineOf(part) {
	return 1 + fs.readFileSync('p/counter.c', 'utf8').split('\n')
		.findIndex(l => l.includes(part));
}

/** The counter, once it answers: else its process might be born later. */
async function start() {
	const counter = new Program('./counter', [], { cwd: 'p' });
	await counter.ask('print');
	return counter;
}

run(async defer => {
	step('the server, the browser, the counter');
	const server = await Server.start({
		deps, vsix, dir: path.resolve('server'),
		settings: { 'hotwatch.path': hotwatch },
	});
	defer(() => server.end());
	const [browser, counter] = await Promise.all([launch(), start()]);
	defer(() => browser.close());
	let program = counter;
	defer(() => program.end());

	step('the workbench');
	const w = await Workbench.open(browser, server, folder);
	defer(status => status ? w.shot('failed') : Promise.resolve());
	await w.openFile('counter.c');
	await w.status(new RegExp(`attached pid ${counter.pid}$`));
	await w.shot('attached');

	step('a save');
	await w.replace('the sum is', 'sum:');
	const live = await w.status(/v1 in \d+ ms$/);
	console.log('status: %s', live.trim());
	await w.shot('live');
});
