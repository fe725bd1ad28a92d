// SPDX-License-Identifier: MIT
//
// A language server for the benchmark, in place of `hotwatch lsp`: it plays a
// project of 100 programs with 1000 modules each, and says to the editor what is
// sent to the socket $SAID.sock, a notification a line.
'use strict';

const fs = require('node:fs');
const net = require('node:net');
const readline = require('node:readline');

const TARGETS = 100, MODULES = 1000;

function send(message) {
	const body = JSON.stringify({ jsonrpc: '2.0', ...message });
	process.stdout.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`
		+ body);
}

const targets = Array.from({ length: TARGETS }, (_, i) => ({
	pid: 100000 + i, program: '/p/worker', name: 'worker', state: 'current',
	modules: MODULES, behind: 0, old: 0, held: [],
}));

const modules = Array.from({ length: MODULES }, (_, i) => ({
	module: `src/m${i}`, source: `/p/src/m${i}.c`, version: 1,
	hash: '0'.repeat(32), file: `/p/worker.hot/live/m${i}.so`,
	base: '0x550000400000', size: 65536,
	versions: [1, 0].map(version => ({
		version, state: version ? 'current' : 'old', hash: '0'.repeat(32),
		file: `/p/worker.hot/live/m${i}.so`, base: '0x550000400000',
		size: 65536,
	})),
}));

const commands = {
	'hotwatch.status': () => ({ ok: true, message: '', targets }),
	'hotwatch.modules': ({ target }) => (
		{ ok: true, message: '', targets: [{ pid: target, modules }] }),
};

const methods = {
	initialize: () => ({ capabilities: { textDocumentSync: {
		openClose: true, change: 0, save: true } } }),
	shutdown: () => null,
	exit: () => process.exit(0),
	'workspace/executeCommand': p => commands[p.command](...p.arguments),
};

const place = `${process.env.SAID}.sock`;
fs.rmSync(place, { force: true });
net.createServer(c => readline.createInterface({ input: c })
	.on('line', line => send(JSON.parse(line)))).listen(place);

let data = Buffer.alloc(0);
process.stdin.on('data', chunk => {
	data = Buffer.concat([data, chunk]);
	for (;;) {
		const end = data.indexOf('\r\n\r\n');
		if (end < 0)
			return;
		const length = parseInt(/\d+/.exec(data.subarray(0, end))[0], 10);
		if (data.length < end + 4 + length)
			return;
		const message = JSON.parse(data.subarray(end + 4, end + 4 + length));
		data = data.subarray(end + 4 + length);
		const result = methods[message.method]?.(message.params);
		if (message.id !== undefined)
			send({ id: message.id, result: result ?? null });
	}
});
process.stdin.on('end', () => process.exit(0));
