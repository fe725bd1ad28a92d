#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# status, modules, which, load and log, as tables and as JSON, with a watcher
# and without one.
# sanitizers: address
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/cli/program.bash"

json() { # COMMAND...: its JSON must be one document
	local said
	said=$("$hw" "$@" --json) || true
	jq -s -e 'length == 1' <<<"$said" >/dev/null ||
		fail "not one document: $said"
	jq -c . <<<"$said"
}

step "without a watcher the processes themselves are asked"
spawn_io p p/p
wait_target "${pid_of[p]}"
cd p
pid=${pid_of[p]}
status=$(json status)
expect_eq "targets" "$(jq -c '[.targets[].pid]' <<<"$status")" "[$pid]"
expect_eq "state" "$(jq -r '.targets[0].state' <<<"$status")" unwatched
expect_match "status" "$("$hw" status)" "^$pid +p +unwatched +2 +0 +0 +(just now|[0-9]+ s ago) +-$"
expect_eq "modules" \
	"$(json modules | jq -c '[.targets[0].modules[].module] | sort')" \
	'["answer","main"]'
expect_eq "which" "$(json which answer | jq -c '.targets[0].version')" 0

step "load works without a watcher, and leaves none"
replace answer.c 'return base' 'return base + 1'
expect_status 0 "$hw" load answer
expect_match "load" "$output" '^answer v1 live in [0-9.]+ m?s .*in pid '"$pid"'$'
cd ..
tell p
wait_line p.out '^answer 41$'
cd p
expect_status 3 "$hw" log

step "with a watcher"
cd ..
start_watch p
cd p
expect_match "status" "$("$hw" status)" "^$pid +p +current +2 +0 +[01] +(just now|[0-9]+ s ago) +-$"
expect_eq "state" "$(json status | jq -r '.targets[0].state')" current
expect_eq "name" "$(json modules | jq -r '.targets[0].name')" p
expect_match "modules" "$("$hw" modules)" '^answer +1 +[0-9]+ +[0-9a-f]{12} +/.*/answer.c$'

step "a module's name: whole, or a path from anywhere"
for name in answer answer.c ./answer.c ../p/answer.c "$PWD/answer.c"; do
	expect_eq "which $name" "$(json which "$name" | jq -r .module)" answer
done
touch answer # as a program may be called
expect_eq "beside a file of the name" "$(json which answer | jq -r .module)" \
	answer
rm answer
expect_status 1 "$hw" which anser
expect_match "stderr" "$errors" 'unknown_module: no module anser; did you mean answer'
expect_status 1 "$hw" load anser
expect_match "stderr" "$errors" '^hotwatch load: unknown_module: '
expect_status 1 "$hw" load anser --json
expect_eq "reason" "$(jq -r .error.reason <<<"$output")" unknown_module

step "load: unchanged, forced, live, not built, refused"
expect_status 0 "$hw" load answer
expect_match "load" "$output" '^answer unchanged'
expect_status 0 "$hw" load --force main answer
expect_match "load" "$output" '^main v1 and answer v2 live in '
expect_eq "ok" "$(json load answer | jq .ok)" true
replace answer.c 'return base + 1' 'return base + 2'
sync_watch_of() { (cd .. && sync_watch); }
sync_watch_of
expect_eq "version" "$(json which answer | jq '.targets[0].version')" 3
replace answer.c 'return base' 'return based'
expect_status 1 "$hw" load answer.c
expect_match "load" "$output" '^answer not built: 1 error; the old code runs on$'
expect_match "load" "$output" 'answer.c:7:[0-9]+: error: .*based'
expect_match "status" "$("$hw" status)" '^answer not built: 1 error'
expect_status 1 "$hw" load answer --json
expect_eq "ok" "$(jq .ok <<<"$output")" false
expect_eq "line" "$(jq '.event.diagnostics[0].line' <<<"$output")" 7
replace answer.c 'return based' 'return base'
sed -i 's/^static int base/static _Complex double base/' answer.c
expect_status 1 "$hw" load answer
expect_match "load" "$output" '^answer refused: unsafe: .*base.*the old code runs on'
expect_match "status" "$("$hw" status)" "^$pid +p +refused "
sed -i 's/^static _Complex double base/static int base/' answer.c
expect_status 0 "$hw" load answer

step "--target, by pid and by name; from another folder too"
cd /
output=$("$hw" status --target "$pid")
expect_match "status" "$output" "^$pid +p "
expect_eq "by pid" "$(json status --target "$pid" | jq '.targets[0].pid')" "$pid"
expect_eq "by name" "$(json modules --target p | jq '.targets | length')" 1
cd - >/dev/null
expect_status 3 "$hw" modules --target q

step "log: a line an event, newest last; as JSON an object a line"
expect_status 0 "$hw" log
expect_match "log" "$output" '^[0-9]{4}-[0-9-]+ [0-9:.]+ answer v3 live in '
expect_match "log" "$output" '^[0-9]{4}-[0-9-]+ [0-9:.]+ answer not built'
expect_status 0 "$hw" log --json
jq -s -e 'length > 3 and ([.[].seq] == ([.[].seq] | sort))' <<<"$output" \
	>/dev/null || fail "not lines of JSON in order: $output"

step "holders, ps and rollback: tables, or one JSON document"
expect_status 0 "$hw" holders
expect_match "holders" "$output" "^pid $pid p\$"
expect_eq "holders" "$(json holders answer | jq -c '[.targets[] | [.pid, .ok]]')" \
	"[[$pid,true]]"
expect_status 0 "$hw" ps
expect_match "ps" "$output" '^no processes$'
expect_status 0 "$hw" rollback answer.c
expect_match "rollback" "$output" "^answer rolled back, live as v[0-9]+ in pid $pid\$"
expect_status 1 "$hw" rollback answer --to 1000 --json
expect_match "error.reason" "$(jq -r .error.reason <<<"$output")" '^[a-z_]+$'
expect_status 0 "$hw" load answer

step "a watcher that is stopped does not answer, and is named"
kill -STOP "${pid_of[watch]}"
expect_status 3 "$hw" status
expect_match "stderr" "$errors" "deadline: pid ${pid_of[watch]} does not answer"
expect_status 3 "$hw" load answer
expect_match "stderr" "$errors" "pid ${pid_of[watch]} does not answer"
kill -CONT "${pid_of[watch]}"
expect_status 0 "$hw" status

step "log -f goes on until the watcher ends: 3"
spawn log "$hw" log -f --json
wait_line log.out '"live"'
replace answer.c 'base + 2' 'base + 3'
lines=$(wc -l <log.out)
sync_watch
wait_until "another line" test "$(wc -l <log.out)" -gt "$lines" -o \
	"$(tail -n 1 log.out | jq -r .kind)" = live
stop watch
finish log
expect_eq "status of log -f" "$status" 3
expect_eq "what it said last" "$(tail -n 1 log.out | jq -r .error.reason)" closed

step "no colour in a file, unless asked for"
expect_no_match "status" "$("$hw" status)" $'\033'
expect_match "status" "$("$hw" status --color always)" $'\033\\[1m'
expect_no_match "status" "$(NO_COLOR=1 "$hw" status --color=auto)" $'\033'
cd ..
hang_up p
finish p
expect_eq "the program's status" "$status" 7
