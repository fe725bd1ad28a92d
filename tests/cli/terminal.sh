#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What a person sees, on a real terminal (tmux): the progress of a build, the
# line of a reload behind a prompt, colours, control-C and control-Z.
. "$(dirname "$0")/../lib.sh"
command -v tmux >/dev/null || skip "tmux is not installed"
. "$ROOT/tests/cli/program.bash"

tmux() {
	command tmux -f /dev/null -S "$XDG_RUNTIME_DIR/tmux" "$@"
}
ended() {
	local status=$?
	[ $status = 0 ] || screen >&2
	tmux kill-server 2>/dev/null
	return $status
}
trap 'ended; cleanup' EXIT
screen() {
	tmux capture-pane -p "$@" -t t
}
type_line() {
	tmux send-keys -t t -l "$1"
	tmux send-keys -t t Enter
}
shows() {
	screen | grep -qE -e "$1"
}
wait_screen() { # PATTERN
	WAIT_LIMIT=20 wait_until "/$1/ on the screen" shows "$1"
}
hides() {
	! shows "$1"
}
# Until it is really clear: what stood there must not be taken for what comes.
clear_screen() {
	tmux send-keys -t t C-l
	WAIT_LIMIT=20 wait_until "a clear screen" hides "$1"
	tmux clear-history -t t
}

# A compiler that, while the file `held` is there, waits until it is let go.
cat >slow <<END
#!/bin/sh
case "\$*" in *answer.c*)
	[ ! -e $PWD/held ] || read -r x <$PWD/hold
esac
exec clang-19 "\$@"
END
chmod +x slow
mkfifo hold
let_go() {
	rm held
	echo >hold # waits for the compiler to read it
}
printf '{"compiler": "%s"}\n' "$PWD/slow" >p/hotwatch.json

tmux new-session -d -s t -x 78 -y 20 'PS1="$ " exec bash --norc'
wait_screen '^\$'

step "a reload's line stands on its own, behind the program's prompt"
cat >p/main.c <<'END'
#include <stdio.h>
#include "answer.h"
int main(void)
{
	char line[100];

	for (;;) {
		printf("prompt> ");
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin))
			return 7;
		printf("answer %d\n", answer());
	}
}
END
make -s -C p CC="$hw cc" CFLAGS="-O1"
type_line "$hw run p/p"
wait_screen '^hotwatch: attached to p, pid'
type_line ''
wait_screen '^answer 40'
sync_watch
replace p/answer.c 'return base' 'return base + 1'
sync_watch
wait_screen '^hotwatch: answer v1 live in [0-9.]+ m?s \(wait'
wait_screen '^prompt>$'
type_line ''
wait_screen '^answer 41'

step "in colour"
expect_match "the screen with its colours" "$(screen -e)" \
	$'\033\\[(0;)?1m.*answer'
expect_match "the screen with its colours" "$(screen -e)" $'\033\\[(0;)?32m.*live'

step "a build that takes long is told of, beside a running program"
touch held
replace p/answer.c 'base + 1' 'base + 2'
wait_screen '^hotwatch: building answer \.\.\.$'
let_go
sync_watch
wait_screen '^hotwatch: answer v2 live in'

step "control-C goes to the program; its end is the shell's to tell"
tmux send-keys -t t C-c
wait_screen '^(\^C)?\$ *$' # what is typed before is nobody's
# shellcheck disable=SC2016
type_line 'echo status $?'
wait_screen '^status 130$'
clear_screen 'attached'

step "control-Z stops both, fg goes on"
type_line "$hw run p/p"
wait_screen '^hotwatch: attached to p, pid'
tmux send-keys -t t C-z
wait_screen 'Stopped'
# shellcheck disable=SC2016
type_line 'echo back $((40 + 2))'
wait_screen '^back 42$'
pid=$(screen | sed -n 's/.*attached to p, pid \([0-9]*\).*/\1/p' | tail -n 1)
stopped() {
	grep -q '^State:.T' "/proc/$pid/status"
}
wait_until "the program stopped" stopped
type_line fg
wait_until "the program going on" eval '! stopped'
wait_screen '^hotwatch: answer v1 live' # its version 0 is the one built
type_line ''
wait_screen '^answer 42'
tmux send-keys -t t C-d
wait_screen '^\$ $|^prompt> \$'
# shellcheck disable=SC2016
type_line 'echo ended $?'
wait_screen '^ended 7$'
clear_screen '^ended'

step "watch draws its progress on one line, and the result over it"
spawn_io p p/p
wait_target "${pid_of[p]}"
type_line "$hw watch p"
wait_screen '^hotwatch: watching'
wait_screen '^hotwatch: attached to p, pid'
sync_watch
touch held
replace p/answer.c 'base + 2' 'base + 3'
wait_screen '^hotwatch: building answer$'
let_go
sync_watch
wait_screen '^hotwatch: answer v1 live in'
expect_no_match "the screen" "$(screen)" 'building'
tmux send-keys -t t C-c
wait_screen '^(\^C)?\$ *$'
# shellcheck disable=SC2016
type_line 'echo watched $?'
wait_screen '^watched 0$'

step "NO_COLOR"
clear_screen 'watched'
type_line "NO_COLOR=1 $hw status --target p"
wait_screen '^PID'
expect_no_match "the screen with its colours" \
	"$(screen -e | grep -A3 PID)" $'\033\\[[0-9]'
type_line "cd p; clear; $hw status"
wait_screen '^PID'
expect_match "the screen with its colours" \
	"$(screen -e | grep -B1 -A3 PID)" $'\033\\[(0;)?2m.*PID'
