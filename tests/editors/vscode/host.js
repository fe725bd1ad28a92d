// SPDX-License-Identifier: MIT
//
// host.js DEPS VSIX HOTWATCH [SUITE]: runs suite.js, or another, in the extension
// host of project q, with the extension from its package as the one under
// development. The workbench calls codeAutomationLog and codeAutomationExit, as
// VS Code's own test runner has it.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { LIMIT, Server, Workbench, launch, run, same, step } =
	require('./workbench.js');

const [deps, , hotwatch, suite = 'suite.js'] = process.argv.slice(2);

// The suite is another process: what it prints comes by a file.
process.env.SUITE_LOG = path.resolve('suite.log');

run(async defer => {
	step('the server and the browser');
	const [server, browser] = await Promise.all([Server.start({
		deps, dir: path.resolve('host'),
		settings: { 'hotwatch.path': hotwatch },
	}), launch()]);
	defer(() => server.end());
	defer(() => browser.close());

	step('the suite');
	const remote = p => `vscode-remote://127.0.0.1:${server.port}${p}`;
	let ended;
	const exit = new Promise(done => ended = done);
	const w = await Workbench.open(browser, server, path.resolve('q'), {
		extensionDevelopmentPath: remote(path.resolve('unpacked/extension')),
		extensionTestsPath: remote(path.join(__dirname, suite)),
	}, {
		codeAutomationExit: code => ended(code),
		codeAutomationLog: () => undefined, // all that the workbench logs
	});
	defer(status => status ? w.shot('host-failed') : Promise.resolve());
	const timer = setTimeout(() => ended('too late'), 4 * LIMIT);
	const code = await exit;
	console.log(fs.readFileSync(process.env.SUITE_LOG, 'utf8').trimEnd());
	same('the suite ended with', code, 0);
	clearTimeout(timer);
	w.noErrors();
});
