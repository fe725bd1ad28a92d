#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# soft-purge, purge, delete, rollback, load --purge and --force, and what
# hotwatch.json says of old code: outcomes, words, exit statuses.
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/cli/held-program.bash"

# reason: the word in the JSON document that was printed last
reason() {
	jq -r .error.reason <<<"$output"
}
start_looper() {
	tell p spawn
	wait_line "$HW_TEST_DIR/p.out" '^process [1-9]' "$1"
}

spawn_io p p/p
pid=${pid_of[p]}
start_looper 1
start_watch p
spawn log "$hw" log -f --json --target "$pid"
wait_line log.out target-attached
cd p

step "soft-purge: refused while it is held, and by whom; else done"
expect_status 0 "$hw" soft-purge loop
expect_eq "soft-purge" "$output" "loop has no old version in pid $pid"
(cd .. && edit loop 1)
expect_status 1 "$hw" soft-purge loop
expect_match "stderr" "$errors" \
	"^hotwatch soft-purge: not_purged: loop v0 is held by process 1 \(looper\) in loop \(loop.c:[0-9]+\), in pid $pid\$"
expect_status 1 "$hw" soft-purge loop.c --json
expect_eq "reason" "$(reason)" not_purged
expect_eq "function" "$(jq -r '.targets[0].result.holders[0].function' \
	<<<"$output")" loop
expect_status 1 "$hw" soft-purge nothing
expect_match "stderr" "$errors" 'unknown_module: '
expect_status 0 "$hw" soft-purge answer
expect_eq "a module that was named by its last part" "$output" \
	"lib/answer has no old version in pid $pid"

step "purge: the process that holds it is ended, and that is told"
expect_status 0 "$hw" purge loop
expect_match "purge" "$output" "^killed process 1 in pid $pid\$"
expect_match "purge" "$output" "^loop v0 purged in pid $pid: "
wait_event ../log.out '.kind == "exited"'
expect_eq "exit" "$(jq -c '[.message, .exits[0].process]' <<<"$event")" \
	'["killed",1]'
wait_line ../watch.out '^hotwatch: loop v0 purged; 1 process was killed$'
expect_status 0 "$hw" purge loop --json
expect_eq "purged again" "$(jq '.targets[0].result.purged' <<<"$output")" false
expect_no_match "what can be run" "$(cat "/proc/$pid/maps")" \
	'r-xp .*p.hot/obj/loop-'

step "several modules at once"
expect_status 0 "$hw" purge loop answer
expect_eq "purge" "$output" "loop, answer have no old version in pid $pid"
expect_status 1 "$hw" soft-purge loop nothing
expect_match "stderr" "$errors" 'unknown_module: .*nothing'

step "a foreign thread is never ended: foreign_holder, with its place"
(cd .. && edit main 1)
expect_status 1 "$hw" purge main --deadline 200
expect_match "stderr" "$errors" \
	'^hotwatch purge: foreign_holder: .*main thread in main \(main.c:[0-9]+\)'
expect_status 1 "$hw" purge main --json --deadline=200
expect_eq "reason" "$(reason)" foreign_holder
alive "$pid" || fail "the program has ended"

step "load --purge ends what lingers; --force loads the same code anew"
start_looper 2
(cd .. && edit loop 2 && edit loop 3)
expect_match "holders" "$("$hw" holders loop)" '^loop v1 +process 2 \(looper\) '
expect_status 1 "$hw" soft-purge answer loop
expect_match "stderr" "$errors" \
	'^hotwatch soft-purge: not_purged: loop v1 is held by process 2 '
expect_status 0 "$hw" load --purge --force loop # unsaved: nobody is faster
expect_eq "processes" "$("$hw" ps --json |
	jq -c '.targets[0].result.processes')" '[]'
before=$(version_of "$pid" lib/answer)
expect_status 0 "$hw" load answer
expect_match "load" "$output" '^lib/answer unchanged'
expect_status 0 "$hw" load --force answer
expect_eq "version of answer" "$(version_of "$pid" lib/answer)" $((before + 1))
tell p answer
wait_line ../p.out '^answer 40$'

step "rollback: an earlier version, under a new number; saving undoes it"
(cd .. && edit lib/answer $((before + 2)))
tell p answer
wait_line ../p.out "^answer $((42 + before))\$"
expect_status 0 "$hw" rollback answer
expect_match "rollback" "$output" \
	"^lib/answer rolled back, live as v$((before + 3)) in pid $pid\$"
tell p answer
wait_line ../p.out '^answer 40$' 2
(cd .. && sync_watch)
expect_eq "version after a sync" "$(version_of "$pid" lib/answer)" $((before + 3))
expect_status 1 "$hw" rollback answer --to 99 --json
expect_match "reason" "$(reason)" '^[a-z_]+$'
expect_status 2 "$hw" rollback answer --to x
(cd .. && edit lib/answer $((before + 4)))

step "delete: refused while old code is there; a load brings it back"
expect_status 0 "$hw" soft-purge answer
expect_status 0 "$hw" delete answer
expect_eq "delete" "$output" "lib/answer deleted in pid $pid"
expect_status 1 "$hw" delete main
expect_match "stderr" "$errors" '^hotwatch delete: not_purged: '
expect_status 0 "$hw" load answer
tell p answer
wait_line ../p.out "^answer $((44 + before))\$"

step "on_held: refuse; then what was refused is loaded when it can be"
stop log
stop watch
printf '{"on_held": "refuse"}\n' >hotwatch.json
start_looper 3
cd ..
start_watch p
cd p
next=$(($(version_of "$pid" loop) + 1))
(cd .. && edit loop $next)
sed -i "s/version = .*;/version = 77;/" loop.c
(cd .. && sync_watch)
expect_eq "version of loop" "$(version_of "$pid" loop)" $next
wait_line ../watch.out '^hotwatch: loop refused: not_purged'
tell p switch
wait_until "loop v$((next + 1))" \
	eval '[ "$(version_of "$pid" loop)" = $((next + 1)) ]'

step "on_held: kill"
stop watch
printf '{"on_held": "kill", "purge_deadline_ms": 3000}\n' >hotwatch.json
cd ..
start_watch p
cd p
sed -i "s/version = .*;/version = 78;/" loop.c
(cd .. && sync_watch)
sed -i "s/version = .*;/version = 79;/" loop.c
(cd .. && sync_watch)
expect_eq "version of loop" "$(version_of "$pid" loop)" $((next + 3))
expect_eq "processes" "$("$hw" ps --json |
	jq -c '.targets[0].result.processes')" '[]'

step "--extra is given to a HOT_CODE_CHANGE, on the way up and back"
cat >>lib/answer.c <<'END'
#include <hotwatch/code.h>
#include <hotwatch/hot.h>
#include <stdio.h>
static int change(const struct hw_change *c)
{
	printf("change %d %s\n", c->down, c->extra);
	return 0;
}
HOT_CODE_CHANGE(change);
END
(cd .. && sync_watch)
wait_line ../p.out '^change 0 $'
expect_status 0 "$hw" load --force --extra "with this" answer
wait_line ../p.out '^change 0 with this$'
expect_status 0 "$hw" load --force answer
wait_line ../p.out '^change 0 $' 2
expect_status 0 "$hw" rollback --extra=back answer
wait_line ../p.out '^change 1 back$'
