#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# hotwatch doctor finds what was made ill, and says what to do.
# sanitizers: address
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/cli/program.bash"

# verdict NAME: of the last JSON
verdict() {
	jq -r --arg name "$1" '.checks[] | select(.name == $name) | .verdict' \
		<<<"$output"
}
# ill NAME VERDICT [PATTERN]: the doctor says so, in JSON and as a table
ill() {
	local wanted=0
	[ "$2" != fail ] || wanted=1
	expect_status $wanted "$hw" doctor "${@:4}" --json
	expect_eq "$1" "$(verdict "$1")" "$2"
	expect_eq "ok" "$(jq .ok <<<"$output")" \
		"$([ $wanted = 0 ] && echo true || echo false)"
	expect_status $wanted "$hw" doctor "${@:4}"
	expect_match "the table" "$output" "^$2 +$1 .*${3:-}"
}

cd p
step "all is well"
expect_status 0 "$hw" doctor --json
jq -e '.ok and (.checks | length >= 12) and
	all(.checks[]; .name and .message and .verdict == "ok")' \
	<<<"$output" >/dev/null || fail "not well: $output"
expect_status 0 "$hw" doctor
expect_match "the table" "$output" '^ok +build +.*/p: 2 modules$'

step "with a process and a watcher"
cd ..
spawn_io p p/p
wait_target "${pid_of[p]}"
start_watch p
cd p
expect_status 0 "$hw" doctor
expect_match "watcher" "$output" "^ok +watcher +pid ${pid_of[watch]}$"
expect_match "processes" "$output" '^ok +processes +1 process can be loaded into'

step "a process that is stopped does not answer"
kill -STOP "${pid_of[p]}"
ill processes fail '1 process did not answer'
kill -CONT "${pid_of[p]}"
ill processes ok

step "git would commit the hot build"
mv .gitignore ignored
ill git warn ''
mv ignored .gitignore

step "the settings have a mistake"
echo '{"on_held": "perhaps"}' >hotwatch.json
ill settings fail 'hotwatch.json:1'
rm hotwatch.json

step "no compiler, an old one"
HOTWATCH_CLANG=no-such-clang ill compiler fail 'no-such-clang'
printf '#!/bin/sh\nexit 1\n' >clang-19
chmod +x clang-19
HOTWATCH_CLANG=$PWD/clang-19 ill compiler fail 'keep-persistent'
rm clang-19

step "the runtime folder is not ours to use"
mkdir -m 755 "$TMPDIR/open" "$TMPDIR/open/hotwatch"
XDG_RUNTIME_DIR=$TMPDIR/open ill 'runtime folder' fail '0700'

step "the build is ill"
object=$(ls p.hot/obj/answer-*.so)
mv "$object" aside
ill build fail "$(basename "$object") is missing"
mv aside "$object"
mv p.hot/manifest.json aside
ill build fail 'manifest.json'
mv aside p.hot/manifest.json
clang-19 main.c answer.c -o plain
ill build fail 'not hot-built' ./plain
