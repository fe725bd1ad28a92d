// SPDX-License-Identifier: MIT
//
// What `hotwatch lsp` says beyond the Language Server Protocol, as far as it is
// shown here. protocol/schema/ and docs/architecture.md have all of it.

export interface Status {
	state: string;
	text: string;
	reason?: string;
	message?: string;
	version?: number;
	ms?: number;
	modules?: string[];
	targets: number;
	pid?: number;
	errors: number;
	held: number;
	behind: number;
	done?: number;
	total?: number;
	root?: string;
	seq?: number;
}

export interface Holder {
	pid: number;
	target: string;
	module: string;
	version: number;
	state: string;
	who: string;
	where: string;
	kind: 'frame' | 'pointer' | 'unknown';
	file?: string;
	line?: number;
	hint?: string;
	message?: string;
}

export interface Target {
	pid: number;
	program: string;
	name: string;
	state: string;
	reason?: string | null;
	old?: number;
	behind: number;
}

export interface Version {
	version: number;
	state: string;
	kept?: string;
}

export interface Module {
	module: string;
	source: string;
	version: number;
	versions: Version[];
}

export interface Process {
	process: number;
	name?: string;
	state: string;
	holds?: string[];
}

/** Of every command: the watcher's own answer, and what it comes to. */
export interface Answer {
	ok: boolean;
	message: string;
}
