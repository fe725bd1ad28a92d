// SPDX-License-Identifier: MIT
//
// The only messages that come unasked: the program or its watcher was lost, or
// cannot be loaded into until it is restarted. Errors and refusals are problems
// at their lines, and the rest is on the status item; to pop them up as well
// would be to shout at each save.

import * as vscode from 'vscode';
import { Change, Sessions } from './sessions';

const told: Record<string, string> = {
	lost: '',
	unusable: 'restart needed: ',
};

async function tell(change: Change, show: () => void): Promise<void> {
	const s = change.session.status;
	const text = `hotwatch: ${told[s.state]}${s.message ?? s.text}`;
	const chosen = await vscode.window.showWarningMessage(text,
		'Show What Happened');
	if (chosen)
		show();
}

export function noticesOpen(sessions: Sessions, show: () => void):
	vscode.Disposable {
	return sessions.onDidChange(change => {
		const { state } = change.session.status;
		if (change.what === 'status' && change.before?.state !== state
			&& state in told)
			void tell(change, show);
	});
}
