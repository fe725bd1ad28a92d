// SPDX-License-Identifier: MIT
//
// host.js DEPS VSIX HOTWATCH [SUITE [PLACE]]: runs suite.js, or another, in the
// extension host of project q, or of the folder or workspace PLACE, with the
// extension from its package as the one under development. Leaves what the suite
// said in NAME.log, suite.log. The workbench calls codeAutomationLog and codeAutomationExit, as
// VS Code's own test runner has it.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { LIMIT, Server, Workbench, launch, run, same, step } =
	require('./workbench.js');

const [deps, , hotwatch, suite = 'suite.js', place = 'q'] =
	process.argv.slice(2);
const name = path.basename(suite, '.js');

// The suite is another process: what it prints comes by a file.
process.env.SUITE_LOG = path.resolve(`${name}.log`);

run(async defer => {
	step('the server and the browser');
	const [server, browser] = await Promise.all([Server.start({
		deps, dir: path.resolve(`host-${name}`),
		settings: { 'hotwatch.path': hotwatch },
	}), launch()]);
	defer(() => server.end());
	defer(() => browser.close());

	step('the suite');
	const remote = p => `vscode-remote://127.0.0.1:${server.port}${p}`;
	const logged = [];
	let ended;
	const exit = new Promise(done => ended = done);
	const w = await Workbench.open(browser, server, path.resolve(place), {
		extensionDevelopmentPath: remote(path.resolve('unpacked/extension')),
		extensionTestsPath: remote(path.join(__dirname, suite)),
	}, {
		codeAutomationExit: code => ended(code),
		// All that the workbench logs; why a suite did not begin is in it.
		codeAutomationLog: (kind, args) => void logged.push(
			`${kind}: ${JSON.stringify(args)}`.slice(0, 300)),
	});
	defer(status => status ? w.shot(`${name}-failed`) : Promise.resolve());
	const timer = setTimeout(() => ended('too late'), 4 * LIMIT);
	const code = await exit;
	if (fs.existsSync(process.env.SUITE_LOG))
		console.log(fs.readFileSync(process.env.SUITE_LOG, 'utf8').trimEnd());
	else
		console.log('the suite has said nothing; the workbench:\n%s',
			logged.slice(-20).join('\n'));
	same('the suite ended with', code, 0);
	clearTimeout(timer);
	w.noErrors();
});
