#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# hotwatch run stands between nobody: arguments, input, output, status and
# signals are the program's, and stderr has a line a reload.
# sanitizers: address
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/cli/program.bash"

step "arguments, input, output and status are the program's"
expect_status 7 "$hw" run p/p --json -h -- x <<<hello
expect_eq "stdout" "$output" 'argument --json
argument -h
argument --
argument x
answer 40'
for n in 0 1 3 255; do
	expect_status $n "$hw" run -- p/p <<<"exit $n"
done
for n in 2 6 9 15; do
	expect_status $((128 + n)) "$hw" run p/p <<<"raise $n"
done
(
	cd p
	PATH=$PWD:$PATH
	expect_status 7 "$hw" run p </dev/null
	ln -s "$PWD/p" ../link
)
expect_status 7 "$hw" run ./link </dev/null

step "a reload is one line on stderr, and nothing on stdout"
spawn_io run "$hw" run p/p
tell run
wait_line run.out '^answer 40$'
wait_line run.err '^hotwatch: attached to p, pid [0-9]+$'
pid=$(pid_in run.err)
sync_watch
replace p/answer.c 'return base' 'return base + 1'
sync_watch
tell run
wait_line run.out '^answer 41$'
expect_eq "stdout" "$(wc -l <run.out)" 2
expect_match "stderr" "$(<run.err)" \
	"^hotwatch: answer v1 live in [0-9.]+ m?s \(wait [0-9.]+, compile [0-9.]+, link [0-9.]+, load [0-9.]+\) in pid $pid$"
expect_eq "lines" "$(wc -l <run.err)" 2
expect_eq "where it runs" "$(rpc "$(watch_socket)" watch/hello | jq .pid)" \
	"${pid_of[run]}"

step "a compile error is shown once, as clang says it; a comment is told"
replace p/answer.c 'return base' 'return based'
sync_watch
expect_match "stderr" "$(<run.err)" '^hotwatch: answer not built: 1 error; the old code runs on$'
expect_match "stderr" "$(<run.err)" 'answer.c:7:[0-9]+: error: use of undeclared identifier .based'
replace p/answer.c 'return based + 1' 'return base + 1 /* so */'
sync_watch
expect_match "stderr" "$(tail -n 1 run.err)" '^hotwatch: answer unchanged'
replace p/main.c 'answer %d' 'Answer %d'
replace p/answer.h ');' '); /* changed */ static inline int one(void) { return 1; }'
sync_watch

step "a refusal says why, and what runs"
sed 's/^static int base/static _Complex double base/' p/answer.c >p/answer.new
mv p/answer.new p/answer.c
sync_watch
expect_match "stderr" "$(<run.err)" \
	"^hotwatch: answer refused: unsafe: .*base.*; the old code runs on in pid $pid$"
sed -i 's/^static _Complex double base/static int base/' p/answer.c
sync_watch

step "a signal from a process is passed on, once; its end is ours"
kill -TERM "${pid_of[run]}"
finish run
expect_eq "status" "$status" $((128 + 15))
alive "$pid" && fail "the program $pid is still there"
hang_up run
for signal in INT HUP QUIT USR1; do
	rm -f s.in
	# bash has its background jobs ignore SIGINT and SIGQUIT
	spawn_io s env --default-signal "$hw" run p/p
	tell s
	wait_line s.out 'nswer'
	kill "-$signal" "${pid_of[s]}"
	finish s
	expect_eq "status after $signal" "$status" \
		$((128 + $(kill -l $signal)))
	hang_up s
done

step "what the program was to ignore, it ignores; nothing else changes"
cd p
state() { # COMMAND...: how a program finds itself when it is started so
	"$@" sh -c 'grep -E "^Sig(Ign|Blk)" /proc/self/status; ls /proc/self/fd'
}
expect_eq "signals and descriptors" "$(state "$hw" run --any)" "$(state env)"
expect_eq "with SIGPIPE ignored" \
	"$(trap '' PIPE && state "$hw" run --any)" "$(trap '' PIPE && state env)"
cd ..

step "a script is run, and what it starts is a target"
printf '#!/bin/sh\necho begun\n./p "$@"\nexit 5\n' >p/start
chmod +x p/start
(
	cd p
	spawn_io script "$hw" run ./start x
	wait_line script.err 'attached to p, pid'
	tell script
	wait_line script.out 'nswer'
	hang_up script
	finish script
	expect_eq "its status" "$status" 5
	expect_eq "its output" "$(head -n 2 script.out)" 'begun
argument x'
)

step "a daemon: the prompt comes back, and it is told what runs on"
expect_status 0 "$hw" run p/p daemon
expect_match "stderr" "$errors" \
	'p runs on in the background as pid [0-9]+; .hotwatch watch .*/p. loads'
daemon=$(sed -n 's/.*background as pid \([0-9]*\).*/\1/p' <<<"$errors")
also_stop "$daemon"
alive "$daemon" || fail "no process $daemon"
(
	cd p
	expect_status 0 "$hw" status
	expect_match "status" "$output" "^$daemon +p +unwatched "
)

step "--json: an event a line on stderr; --quiet: only what failed"
rm -f p/start
spawn_io j "$hw" run --json p/p
spawn_io q "$hw" run -q p/p
tell j
tell q
wait_line j.out 'nswer'
wait_line q.out 'nswer'
sync_watch
replace p/answer.c 'base + 1' 'base + 5'
sync_watch
replace p/answer.c 'return base' 'return broken'
sync_watch
jq -s -e 'map(.kind) | index("live") and index("error")' <j.err >/dev/null ||
	fail "not the events, a line each: $(<j.err)"
wait_line q.err 'not built'
expect_no_match "quiet" "$(<q.err)" 'live|attached'
