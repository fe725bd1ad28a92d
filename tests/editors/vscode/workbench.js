// SPDX-License-Identifier: MIT
//
// VS Code as a user has it: the workbench in a headless browser, its server and
// extension host, the extension installed from its package. What a test does
// here it does with keys and the mouse, and what it sees is on the screen.
//
// Every wait is for something to be seen, by playwright's own waiting or by
// until(); nothing sleeps to let something happen. Pictures are kept in
// ./kept, which outlives the test.
'use strict';

const { spawn, execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { chromium } = require('playwright-core');

const LIMIT = 1000 * Number(process.env.WAIT_LIMIT || 30);
const BROWSER_ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic',
	'--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];

// How an error of the extension is told from the workbench's own.
const OURS = /hotwatch\.hotwatch|hotwatch-\d|dist\/extension\.js/;

function fail(what) {
	throw new Error(what);
}

function same(what, got, wanted) {
	if (JSON.stringify(got) !== JSON.stringify(wanted))
		fail(`${what}: got ${JSON.stringify(got)}, `
			+ `wanted ${JSON.stringify(wanted)}`);
}

/** Polls F until it gives something true, and returns that. */
async function until(what, f, limit = LIMIT) {
	const end = Date.now() + limit;
	let value, error;
	for (;;) {
		try {
			value = await f();
			error = undefined;
		} catch (e) {
			error = e;
		}
		if (value && !error)
			return value;
		if (Date.now() > end)
			fail(`${what}: not in ${limit / 1000} s; last `
				+ (error ? error.message : JSON.stringify(value)));
		await new Promise(done => setTimeout(done, 10));
	}
}

let began = Date.now();
function step(what) {
	console.log('--- %s s: %s', ((Date.now() - began) / 1000).toFixed(1), what);
}

/** A program that is asked by lines, and what it said. */
class Program {
	constructor(command, args = [], options = {}) {
		this.out = '';
		this.process = spawn(command, args, {
			stdio: ['pipe', 'pipe', 'inherit'], ...options,
		});
		this.process.stdout.on('data', d => this.out += d);
		this.ended = new Promise(done => this.process.on('exit', done));
	}
	get pid() {
		return this.process.pid;
	}
	tell(line) {
		this.process.stdin.write(line + '\n');
	}
	async says(pattern) {
		await until(`${pattern} said by the program, which said ${this.out}`,
			() => pattern.test(this.out));
	}
	/** What it answers to LINE. */
	async ask(line) {
		const from = this.out.length;
		this.tell(line);
		return until(`an answer to ${line}`, () => {
			const text = this.out.slice(from);
			return text.endsWith('\n') && text.trim();
		});
	}
	async end(signal = 'SIGKILL') {
		this.process.kill(signal);
		await this.ended;
	}
}

const vscodeFolder = deps => path.join(deps,
	'workbench/node_modules/code-server/lib/vscode');

/** What would only take time, or write by itself. */
const quiet = {
	'files.autoSave': 'off',
	'git.enabled': false,
	'editor.autoClosingBrackets': 'never',
	'editor.autoClosingQuotes': 'never',
	'editor.autoIndent': 'none',
	'editor.quickSuggestions': { other: 'off' },
	'workbench.enableExperiments': false,
	'extensions.ignoreRecommendations': true,
};

class Server {
	/** SETTINGS: the machine's. VSIX: installed, if given. */
	static async start({ deps, dir, settings = {}, vsix }) {
		const main = path.join(vscodeFolder(deps), 'out/server-main.js');
		const node = path.join(deps, 'node');
		const places = ['--server-data-dir', path.join(dir, 'data'),
			'--extensions-dir', path.join(dir, 'extensions')];
		const machine = path.join(dir, 'data/data/Machine');
		fs.mkdirSync(machine, { recursive: true });
		fs.writeFileSync(path.join(machine, 'settings.json'),
			JSON.stringify({ ...quiet, ...settings }));
		if (vsix)
			execFileSync(node, [main, ...places, '--install-extension', vsix],
				{ stdio: ['ignore', 'ignore', 'inherit'] });
		const server = new Server();
		server.dir = dir;
		server.program = new Program(node, [main, ...places,
			'--accept-server-license-terms', '--without-connection-token',
			'--host', '127.0.0.1', '--port', '0',
			'--disable-workspace-trust', '--telemetry-level', 'off'],
			{ detached: true }); // a process group, for end()
		await server.program.says(/listening on \d+/);
		server.port = /listening on (\d+)/.exec(server.program.out)[1];
		return server;
	}

	/** PLACE: a folder, or a file of several (x.code-workspace). */
	url(place, payload = {}) {
		const all = { skipWelcome: 'true', skipReleaseNotes: 'true',
			...payload };
		const kind = place.endsWith('.code-workspace') ? 'workspace'
			: 'folder';
		return `http://127.0.0.1:${this.port}/?${kind}=${place}&payload=`
			+ encodeURIComponent(JSON.stringify(Object.entries(all)));
	}

	/** Its children end by themselves, most of the time. */
	async end() {
		const { pid } = this.program;
		const gone = () => {
			try {
				return !process.kill(-pid, 0);
			} catch {
				return true;
			}
		};
		await this.program.end('SIGTERM');
		await until('the end of its children', gone, 5000)
			.catch(() => gone() || process.kill(-pid, 'SIGKILL'));
	}
}

async function launch() {
	return chromium.launch({
		executablePath: process.env.HW_CHROMIUM || '/usr/bin/chromium',
		args: BROWSER_ARGS,
	});
}

/** A window of the workbench. */
class Workbench {
	/** EXPOSED: functions that the page may call. */
	static async open(browser, server, place, payload = {}, exposed = {}) {
		const w = new Workbench();
		w.errors = [];
		w.server = server;
		w.page = await browser.newPage({
			viewport: { width: 1280, height: 800 },
		});
		w.page.setDefaultTimeout(LIMIT);
		w.page.on('console', m => {
			if (m.type() === 'error' && OURS.test(m.text()))
				w.errors.push(m.text().slice(0, 1000));
		});
		for (const [name, f] of Object.entries(exposed))
			await w.page.exposeFunction(name, f);
		await w.page.goto(server.url(place, payload));
		await w.page.waitForSelector('.monaco-workbench .statusbar-item');
		return w;
	}

	async shot(name) {
		fs.mkdirSync('kept', { recursive: true });
		await this.page.screenshot({ path: `kept/${name}.png` });
	}

	key(...keys) {
		return keys.reduce((before, k) => before.then(
			() => this.page.keyboard.press(k)), Promise.resolve());
	}

	// --- the status bar ------------------------------------------------------

	get statusItem() {
		return this.page.locator('.statusbar-item',
			{ hasText: /^\s*hotwatch:/ });
	}

	async status(pattern) {
		return until(`status ${pattern}`, async () => {
			this.last = await this.statusItem.innerText({ timeout: 1000 });
			if (pattern.test(this.last))
				return this.last;
			throw new Error(`status is ${this.last}`);
		});
	}

	/** What a command came to, beside the status item. */
	async said(pattern) {
		return until(`${pattern} in the status bar`, async () => {
			const texts = await this.page.locator('.statusbar-item')
				.allInnerTexts();
			const found = texts.find(t => pattern.test(t));
			if (!found)
				throw new Error(texts.join(' | '));
			return found;
		});
	}

	async line() {
		const text = await this.page.locator('.statusbar-item',
			{ hasText: /^Ln \d+/ }).innerText();
		return Number(/Ln (\d+)/.exec(text)[1]);
	}

	// --- editing -------------------------------------------------------------

	async command(title) {
		await this.key('F1');
		await this.pick('>' + title, title);
	}

	/** Types TEXT into the quick pick that is open, and takes what HAS. */
	async pick(text, has, timeout = LIMIT) {
		const box = this.page.locator('.quick-input-widget input');
		await box.waitFor({ state: 'visible' });
		await box.fill(text);
		await this.page.locator('.quick-input-list .monaco-list-row',
			{ hasText: has }).first().click({ timeout });
	}

	/** By its whole path, which only one row can answer: those of a search still
	 * come and go, and another may be where the click goes. Before the server is
	 * ready there is none: again, then. */
	async openFile(file) {
		const name = path.basename(file);
		const tab = `.tab.active[data-resource-name="${name}"]`;
		await until(`${name} opened`, async () => {
			await this.key('Escape', 'Control+P');
			await this.pick(path.resolve(file), name, 5000);
			return this.page.waitForSelector(tab,
				{ state: 'attached', timeout: 5000 });
		}, 2 * LIMIT);
		await this.page.waitForSelector('.editor-instance .view-line');
	}

	/** To the first line, where the lenses of the file are. What was done
	 * before may take the keys away only now, so it is tried until it is so. */
	async top() {
		await until('the cursor in the first line', async () => {
			await this.page.locator(
				'.editor-instance .monaco-editor textarea, '
				+ '.editor-instance .monaco-editor .native-edit-context')
				.first().focus();
			await this.key('Control+Home');
			return await this.line() === 1;
		});
	}

	/** Selects the first TEXT in the editor. */
	async find(text) {
		await until('the find widget', async () => {
			await this.top();
			await this.key('Control+F');
			return this.page.waitForSelector('.find-widget.visible',
				{ timeout: 2000 });
		});
		const box = this.page.locator('.find-widget .find-part textarea');
		await box.fill(text);
		await until(`${text} found`, async () => /\b1 of /.test(await this.page
			.locator('.find-widget .matchesCount').innerText()));
		await until('the find widget closed', async () => {
			await this.key('Escape');
			return this.page.evaluate(
				() => !document.querySelector('.find-widget.visible')
					&& document.activeElement.closest('.editor-instance') !== null);
		});
	}

	/** Writes TEXT where OLD is. */
	async edit(old, text) {
		await this.find(old);
		await this.page.keyboard.insertText(text);
		await this.page.waitForSelector('.tab.active.dirty');
	}

	async replace(old, text) {
		await this.edit(old, text);
		await this.save();
	}

	async save() {
		await this.key('Control+S');
		await this.page.waitForSelector('.tab.active:not(.dirty)');
	}

	/** The text, as the screen has it, of the line of SELECTOR's first. */
	async lineAt(selector) {
		await this.page.waitForSelector(selector);
		return this.page.evaluate(s => {
			const mark = document.querySelector(s).getBoundingClientRect();
			const middle = mark.top + mark.height / 2;
			const line = [...document.querySelectorAll('.view-line')].find(l => {
				const r = l.getBoundingClientRect();
				return r.top <= middle && middle < r.bottom;
			});
			return line ? line.innerText.replace(/\u00a0/g, ' ') : '';
		}, selector);
	}

	async lineIs(selector, pattern) {
		await until(`${selector} at ${pattern}`, async () => {
			const text = await this.lineAt(selector);
			if (!pattern.test(text))
				throw new Error(`it is at '${text}'`);
			return true;
		});
	}

	/** The cursor is in the line of FILE that has PART. */
	async cursorAt(file, part) {
		const wanted = 1 + fs.readFileSync(file, 'utf8').split('\n')
			.findIndex(l => l.includes(part));
		await until(`the cursor in line ${wanted}`, async () => {
			const line = await this.line();
			if (line !== wanted)
				throw new Error(`it is in ${line}`);
			return true;
		});
	}

	lens(text) {
		return this.page.locator('.codelens-decoration a', { hasText: text });
	}

	// --- problems, trees -----------------------------------------------------

	async problems() {
		await this.key('Control+Shift+M');
		await this.page.waitForSelector('.markers-panel');
	}

	async programs() {
		await this.page.locator('.activitybar .action-label[aria-label="hotwatch"]')
			.click();
		await this.page.waitForSelector('.sidebar .monaco-list-row');
	}

	problem(text) {
		return this.page.locator('.markers-panel .monaco-list-row',
			{ hasText: text });
	}

	row(text) {
		return this.page.locator('.sidebar .monaco-list-row',
			{ hasText: text });
	}

	/** Clicks the action TITLE that shows beside ROW. */
	async rowAction(row, title) {
		await row.hover();
		await row.locator(`.action-label[aria-label*="${title}"]`).click();
	}

	/** Nothing that went wrong has our name on it. */
	noErrors() {
		same('errors on the console', this.errors, []);
	}
}

/** Runs MAIN; ends the processes that END names; the picture of a failure. */
async function run(main) {
	const open = [];
	const defer = f => open.unshift(f);
	let status = 0;
	try {
		await main(defer);
	} catch (e) {
		console.log('FAILED: %s', e.stack);
		status = 1;
	}
	for (const f of open)
		await f(status).catch(e => console.log('%s', e.stack));
	process.exit(status);
}

module.exports = { LIMIT, Program, Server, Workbench, fail, launch, run, same,
	step, until };
