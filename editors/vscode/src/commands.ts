// SPDX-License-Identifier: MIT
//
// The commands. Each is one of the watcher's verbs, asked of the session that
// is meant: that of a row of the tree, of a lens (a module's name), of a file in
// a menu, or of the editor that is looked at. What comes of it is the server's
// words, in the status bar for a moment and in the output channel for good: the
// answer to a click is no reason to cover the code with a message.

import * as vscode from 'vscode';
import { Answer, Holder, Process } from './protocol';
import { Session } from './session';
import { isOurs, Sessions } from './sessions';
import { reloadsOnSave, setReload } from './reload';
import { Node, placeOf, Tree } from './tree';

const SAID_MS = 8000;

type Where = string | vscode.Uri | Node | undefined;

/** What a verb is about: params of the watcher's method. */
interface Subject {
	session: Session;
	module?: string;
	target?: number;
	to?: number;
}

export interface Deps {
	sessions: Sessions;
	tree: Tree;
	output: vscode.OutputChannel;
}

export class Commands implements vscode.Disposable {
	private readonly subscriptions: vscode.Disposable[] = [];

	constructor(private readonly deps: Deps) {
		for (const verb of ['softPurge', 'purge', 'rollback', 'delete'])
			this.add(verb, (w: Where) => this.order(verb, w));
		this.add('load', (w: Where) => this.load(w));
		this.add('which', (w: Where) => this.which(w));
		this.add('holders', (w: Where) => this.holders(w));
		this.add('status', () => this.status());
		this.add('sync', () => this.sync());
		this.add('ps', (w: Where) => this.processes(w));
		this.add('log', () => deps.output.show());
		this.add('modules', () => this.run('hotwatch.targets.focus'));
		this.add('refresh', () => deps.tree.refresh());
		this.add('open', (n: Node) => this.open(placeOf(n)));
		this.add('reloadOnSave', () => this.switchReload());
		this.add('restart', () => deps.sessions.current?.restart());
		this.add('walkthrough', () => this.run(
			'workbench.action.openWalkthrough', 'hotwatch.hotwatch#start'));
	}

	dispose(): void {
		this.subscriptions.forEach(s => s.dispose());
	}

	/** A command that fails says so where the others say how they went. */
	private add(name: string, f: (where: never) => unknown): void {
		this.subscriptions.push(vscode.commands.registerCommand(
			`hotwatch.${name}`, async where => {
				try {
					await f(where as never);
				} catch (e) {
					this.say((e as Error).message, false);
				}
			}));
	}

	private run(command: string, ...args: unknown[]): Thenable<unknown> {
		return vscode.commands.executeCommand(command, ...args);
	}

	private say(message: string, ok: boolean): void {
		this.deps.output.appendLine(message);
		vscode.window.setStatusBarMessage(`$(${ok ? 'check' : 'warning'}) `
			+ message.split('\n')[0], SAID_MS);
	}

	// --- what is meant -------------------------------------------------------

	private get current(): Session {
		const session = this.deps.sessions.current;
		if (!session)
			throw new Error('hotwatch: open a C file of the project first');
		return session;
	}

	private subject(where: Where): Subject {
		if (typeof where === 'string')
			return { session: this.current, module: where };
		if (where && 'kind' in where)
			return this.ofNode(where);
		const uri = where ?? vscode.window.activeTextEditor?.document.uri;
		const session = uri && this.deps.sessions.of(uri);
		if (!session)
			throw new Error('hotwatch: open a C file of the project first');
		return { session, module: uri.toString() };
	}

	private ofNode(node: Node): Subject {
		const { session, target: { pid } } = node;
		if (node.kind === 'target')
			return { session, target: pid };
		return {
			session, target: pid, module: node.module.module,
			to: node.kind === 'version' ? node.version.version : undefined,
		};
	}

	/** As the server wants it: a name or URI, or the method's own params. */
	private argument(verb: string, s: Subject): unknown {
		if (s.target === undefined)
			return s.module;
		return {
			module: s.module, target: s.target,
			...verb === 'rollback' && s.to !== undefined ? { to: s.to } : {},
		};
	}

	// --- verbs ---------------------------------------------------------------

	private async order(verb: string, where: Where): Promise<void> {
		const s = this.subject(where);
		const answer = await s.session.ask(`hotwatch.${verb}`,
			this.argument(verb, s));
		this.say(answer.message, answer.ok);
	}

	/** What is loaded is what is on disk. */
	private async load(where: Where): Promise<void> {
		const s = this.subject(where);
		const document = vscode.window.activeTextEditor?.document;
		if (document?.isDirty && isOurs(document))
			await document.save();
		const answer = await s.session.ask('hotwatch.load', s.module);
		this.say(answer.message, answer.ok);
	}

	private async which(where: Where): Promise<void> {
		const s = this.subject(where);
		const a = await s.session.ask<Answer & {
			module: string; targets: { pid: number; version: number }[];
		}>('hotwatch.which', s.module);
		this.say(a.targets.map(t => `${a.module} v${t.version} in pid ${t.pid}`)
			.join(', ') || `${a.module} does not run`, true);
	}

	private async status(): Promise<void> {
		const answer = await this.current.ask('hotwatch.status');
		this.say(answer.message, answer.ok);
		this.deps.output.show(true);
	}

	private async sync(): Promise<void> {
		const session = this.current;
		await vscode.window.withProgress({
			location: vscode.ProgressLocation.Window,
			title: 'hotwatch: waiting for what was saved',
		}, () => session.ask('hotwatch.sync'));
		this.say('every save is live or refused', true);
	}

	private switchReload(): void {
		const session = this.current;
		const on = !reloadsOnSave(session);
		setReload(session, on);
		this.say(on ? 'a save is loaded again'
			: 'a save waits for “Reload This File”', true);
	}

	// --- holders -------------------------------------------------------------

	private async open(place: [file: string, line?: number] | undefined):
		Promise<void> {
		if (!place)
			return;
		const [file, line] = place;
		const at = line ? new vscode.Position(line - 1, 0) : undefined;
		await vscode.window.showTextDocument(vscode.Uri.file(file),
			at ? { selection: new vscode.Range(at, at) } : {});
	}

	private async holders(where: Where): Promise<void> {
		const list = this.current.holders.filter(
			h => typeof where !== 'string' || h.module === where);
		if (list.length === 0) {
			this.say('nothing holds old code', true);
			return;
		}
		const item = (holder: Holder) => ({
			holder, label: `$(debug-stackframe-dot) ${holder.who}`,
			description: holder.where, detail: holder.hint,
		});
		const chosen = list.length === 1 ? item(list[0])
			: await vscode.window.showQuickPick(list.map(item), {
				title: 'Who still runs or points to old code',
				matchOnDescription: true,
			});
		if (chosen?.holder.file)
			await this.open([chosen.holder.file, chosen.holder.line]);
	}

	// --- processes -----------------------------------------------------------

	/** Those of a program of the tree, or of all. */
	private async processes(where: Where): Promise<void> {
		const node = where && typeof where === 'object' && 'kind' in where
			? where : undefined;
		const session = node?.session ?? this.current;
		const answer = await session.ask<Answer & {
			targets: { pid: number; result?: { processes: Process[] } }[];
		}>('hotwatch.ps');
		const targets = answer.targets.filter(
			t => !node || t.pid === node.target.pid);
		if (!targets.some(t => t.result?.processes.length)) {
			this.say('no process here: hw_spawn makes them', true);
			return;
		}
		const chosen = await vscode.window.showQuickPick(
			targets.flatMap(t => (t.result?.processes ?? []).map(p => ({
				pid: t.pid, process: p,
				label: p.name || `process ${p.process}`,
				description: `${p.state}, pid ${t.pid}`
					+ (p.holds?.length ? `, in old ${p.holds.join(', ')}` : ''),
			}))), { title: 'Processes', placeHolder: 'Which one?' });
		if (chosen)
			await this.orderProcess(session, chosen.pid, chosen.process);
	}

	private async orderProcess(session: Session, target: number,
		process: Process): Promise<void> {
		const verb = await vscode.window.showQuickPick([
			{ label: '$(output) Get State', verb: 'getState' },
			process.state === 'suspended'
				? { label: '$(debug-continue) Resume', verb: 'resume' }
				: { label: '$(debug-pause) Suspend', verb: 'suspend' },
			{ label: '$(arrow-swap) Change Code…', verb: 'changeCode' },
		], { title: process.name || `process ${process.process}` });
		const module = verb?.verb !== 'changeCode' ? undefined
			: await vscode.window.showInputBox({
				prompt: 'The module whose code_change converts the state',
			});
		if (!verb || (verb.verb === 'changeCode' && !module))
			return;
		const answer = await session.ask(`hotwatch.${verb.verb}`, {
			process: process.process, target, ...module ? { module } : {},
		});
		this.say(answer.message, answer.ok);
		if (verb.verb === 'getState')
			this.deps.output.show(true);
	}
}
