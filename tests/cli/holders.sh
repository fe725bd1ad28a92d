#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# address: no, what it remembers of the calls that made threads holds old code
#
# Who holds old code: told as it happens, listed by name, with a watcher and
# without one, and pointed out when a loop stays in it.
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/cli/held-program.bash"

# holder FILTER: the one of `holders --json` for which jq's FILTER holds
holder() {
	"$hw" holders --json --target "$pid" |
		jq -c "[.targets[0].modules[].holders[] | select($1)][0]"
}
nothing_held() {
	[ "$("$hw" holders --target "$pid" | tail -n 1)" = "nothing holds old code" ]
}

spawn_io p p/p
pid=${pid_of[p]}
tell p spawn
wait_line p.out '^process 1$'

step "processes are listed, without a watcher as with one"
wait_target "$pid"
ps_row='^1 +looper +loop +waiting +0 +0 +0 +-$'
expect_match "ps" "$("$hw" ps --target "$pid")" "$ps_row"
expect_eq "ps --json" "$("$hw" ps --json --target "$pid" |
	jq -r '.targets[0].result.processes[0].name')" looper
expect_match "holders" "$("$hw" holders --target "$pid")" \
	'^nothing holds old code$'
start_watch p
expect_match "ps" "$("$hw" ps --target "$pid")" "$ps_row"

step "main, which stays for ever: thread, function, line, version"
spawn log "$hw" log -f --json --target "$pid"
wait_line log.out target-attached
at=$(line_of p/main.c 'main waits here')
edit main 1
wait_event log.out '.kind == "held" and .modules == ["main"]'
expect_eq "message" "$(jq -r .message <<<"$event")" \
	"main thread in main (main.c:$at)"
expect_eq "version" "$(jq .version <<<"$event")" 0
main=$(holder '.module == "main"')
expect_eq "kind" "$(jq -r .kind <<<"$main")" frame
expect_eq "tid" "$(jq .tid <<<"$main")" "$pid"
expect_eq "function" "$(jq -r .function <<<"$main")" main
expect_eq "file" "$(jq -r .file <<<"$main")" "$PWD/p/main.c"
expect_eq "line" "$(jq .line <<<"$main")" "$at"
expect_match "the stack's functions" "$(jq -c '[.frames[].function]' <<<"$main")" \
	'"fgets".*"main"'
expect_match "holders" "$("$hw" holders main --target "$pid")" \
	"^main v0 +main thread +main \(main.c:$at\) +(just now|[0-9]+ s ago)\$"
expect_match "status" "$("$hw" status --target "$pid")" \
	"^main v0 held by main thread in main \(main.c:$at\), in pid $pid\$"
wait_line watch.out "^hotwatch: main v0 held by main thread in main \(main.c:$at\)\$"

step "a process in a local loop; what lies between is purged by itself"
at=$(line_of p/loop.c 'loop waits here')
edit loop 1
wait_event log.out '.kind == "held" and .modules == ["loop"]'
expect_eq "message" "$(jq -r .message <<<"$event")" \
	"process 1 (looper) in loop (loop.c:$at)"
edit loop 2
wait_event log.out '.kind == "purged" and .version == 1'
expect_eq "was_held" "$(jq .was_held <<<"$event")" false
expect_eq "since" "$(holder '.module == "loop"' | jq '.since | type')" '"number"'
id=$(holder '.module == "loop"' | jq -r .id)
expect_eq "id, asked again" "$(holder '.module == "loop"' | jq -r .id)" "$id"

step "a pointer into code: the variable it lies in, and where it points"
tell p keep
wait_line p.out '^kept it$'
edit place 1
wait_event log.out '.kind == "held" and .modules == ["place"]'
expect_eq "message" "$(jq -r .message <<<"$event")" \
	"kept[1].place, which points to place"
pointer=$(holder '.module == "place"')
expect_eq "variable" "$(jq -r .variable <<<"$pointer")" "kept[1].place"
expect_eq "points to" "$(jq -r .points_to <<<"$pointer")" place
expect_match "holders" "$("$hw" holders place --target "$pid")" \
	'^place v0 +variable +kept\[1\].place -> place +'

step "a loop that stays for 5 s is pointed out with the call to make"
at=$(line_of p/loop.c 'loop waits here')
wait_event log.out '.kind == "held" and .modules == ["loop"] and .hint'
expect_eq "hint" "$(jq -r .hint <<<"$event")" \
	"loop (loop.c:$at) stays in v0: where its next round begins, call HOT(loop)(...)"
expect_match "holders" "$("$hw" holders loop --target "$pid")" \
	"^loop \(loop.c:$at\) stays in v0: where "
wait_line watch.out '^hotwatch: loop v0 still held after 5 s by process 1 \(looper\)'

step "it moves on, and the version goes: told, because it was told to be held"
tell p switch
wait_line p.out '^loop 0$'
wait_event log.out '.kind == "purged" and .modules == ["loop"] and .version == 0'
expect_eq "was_held" "$(jq .was_held <<<"$event")" true
wait_line watch.out '^hotwatch: loop v0 purged$'
tell p hello
wait_line p.out '^loop 2$'
tell p drop
wait_event log.out '.kind == "purged" and .modules == ["place"]'

step "the same without a watcher"
stop watch
expect_match "holders" "$("$hw" holders --target "$pid")" \
	'^main v0 +main thread +main \(main.c:[0-9]+\) '
expect_no_match "holders" "$("$hw" holders --target "$pid")" '^(loop|place) '
expect_eq "function" "$(holder '.module == "main"' | jq -r .function)" main
