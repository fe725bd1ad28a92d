# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# A terminal that a test can look at: tmux with a socket of its own. Sourced.

tmux() {
	command tmux -S "$XDG_RUNTIME_DIR/tmux" -f /dev/null "$@"
}

# What the test ended with is what cleanup has to see.
end_screen() {
	local status=$?
	set +e
	[ $status = 0 ] || tmux capture-pane -p 2>&1 | sed '/^$/d'
	tmux kill-server 2>/dev/null
	return $status
}
trap 'end_screen; cleanup' EXIT

# on_screen COMMAND: runs it there
on_screen() {
	tmux new-session -d -x 110 -y 40 "$1"
}

# shows PATTERN: on some line, now
shows() {
	tmux capture-pane -p | grep -qE -e "$1"
}

type_keys() {
	tmux send-keys "$@"
}

screen_closed() {
	! tmux list-sessions >/dev/null 2>&1
}
