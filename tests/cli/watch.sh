#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# hotwatch watch: one watcher a project, whoever it is, and always one.
# sanitizers: address
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/cli/program.bash"

step "--once brings all up to date: 0, 1 or 3"
expect_status 3 "$hw" watch --once p
spawn_io p p/p
wait_target "${pid_of[p]}"
expect_status 0 "$hw" watch --once p
expect_match "stdout" "$output" '^hotwatch: everything is up to date in 1 process$'
replace p/answer.c 'return base' 'return base + 1'
expect_status 0 "$hw" watch --once p
expect_match "stdout" "$output" '^hotwatch: answer v1 live in '
tell p
wait_line p.out '^answer 41$'
replace p/answer.c 'return base' 'return broken'
expect_status 1 "$hw" watch --once p
expect_match "stdout" "$output" '^hotwatch: answer not built: 1 error'
expect_status 1 "$hw" watch --once --json p
jq -s -e 'any(.kind == "error")' <<<"$output" >/dev/null ||
	fail "no event of the error: $output"
expect_status 1 "$hw" watch --once -q p
expect_match "quiet" "$output" 'not built'
replace p/answer.c 'return broken' 'return base'
sed -i 's/^static int base/static _Complex double base/' p/answer.c
expect_status 1 "$hw" watch --once p
expect_match "stdout" "$output" 'answer refused: unsafe: '
sed -i 's/^static _Complex double base/static int base/' p/answer.c
expect_status 0 "$hw" watch --once -q p
expect_eq "quiet" "$output" ""

step "in the foreground, from a folder below"
mkdir p/below
spawn watch "$hw" watch p/below
wait_line watch.out "^hotwatch: watching $PWD/p$"
wait_line watch.out "^hotwatch: attached to p, pid ${pid_of[p]}$"
expect_eq "who it is" "$(rpc "$(watch_socket)" watch/hello | jq .pid)" \
	"${pid_of[watch]}"

step "another one follows it, and --once asks it"
spawn second "$hw" watch p
wait_line second.out 'following the watcher'
replace p/answer.c 'base + 1' 'base + 2'
sync_watch
wait_line watch.out 'answer v[0-9]+ live in'
wait_line second.out 'answer v[0-9]+ live in'
expect_status 0 "$hw" watch --once p
replace p/answer.c 'return base' 'return broken'
expect_status 1 "$hw" watch --once p
replace p/answer.c 'return broken' 'return base'

step "the first is killed: the second takes over, and nothing is missed"
kill -KILL "${pid_of[watch]}"
finish watch
watched_by() {
	[ "$(rpc "$(watch_socket)" watch/hello | jq .pid)" = "$1" ]
}
wait_until "the second as the watcher" watched_by "${pid_of[second]}"
replace p/answer.c 'base + 2' 'base + 3'
sync_watch
tell p
wait_line p.out '^answer 43$'

step "a run attaches, and takes over in its turn"
spawn_io run "$hw" run p/p
wait_line run.err 'attached to p'
wait_line run.err 'answer v1 live'
tell run
wait_line run.out '^answer 43$'
stop second
wait_until "the run as the watcher" watched_by "${pid_of[run]}"
replace p/answer.c 'base + 3' 'base + 4'
sync_watch
tell p
wait_line p.out '^answer 44$'
wait_line run.err 'answer live in .* in 2 processes$'
hang_up run
finish run
expect_eq "status of run" "$status" 7

step "interrupted, it ends with 0 and leaves the target alone"
for signal in INT TERM HUP; do
	# bash has its background jobs ignore SIGINT
	spawn watch env --default-signal="$signal" "$hw" watch p
	wait_line watch.out '^hotwatch: watching'
	kill "-$signal" "${pid_of[watch]}"
	finish watch
	expect_eq "status after $signal" "$status" 0
done
tell p
wait_line p.out '^answer 44$' 2
hang_up p
finish p
expect_eq "the program's status" "$status" 7
