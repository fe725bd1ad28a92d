#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Nothing runs: what cannot be asked is 3, and JSON stays JSON.
# sanitizers: address
. "$(dirname "$0")/../lib.sh"

project p
cd p

step "questions: 3, the reason on stderr and in JSON"
unasked() {
	local reason=$1
	shift
	expect_status 3 "$hw" "$@"
	expect_eq "stdout of: $*" "$output" ""
	expect_match "stderr of: $*" "$errors" "^hotwatch $1: $reason: ."
	expect_status 3 "$hw" "$@" --json
	expect_eq "error.reason of: $*" "$(jq -r .error.reason <<<"$output")" \
		"$reason"
	expect_match "stderr of: $*" "$errors" "^hotwatch $1: $reason: ."
}
unasked no_watcher status
unasked no_watcher modules
unasked no_watcher which main
for c in holders 'holders x' ps 'soft-purge x' 'purge x' 'delete x' \
	'rollback x'; do
	# shellcheck disable=SC2086
	unasked no_watcher $c
done
unasked no_watcher log
unasked no_watcher log -f
unasked no_target load main
unasked no_target watch --once
for c in status modules 'which x' 'load x' log watch doctor holders ps \
	'purge x' 'rollback x'; do
	# shellcheck disable=SC2086
	unasked no_target $c --target 999999999
	# shellcheck disable=SC2086
	unasked no_target $c --target nobody
done
unasked nofile doctor ./nothing

step "outside of any project"
mkdir "$XDG_RUNTIME_DIR/outside"
cd "$XDG_RUNTIME_DIR/outside"
unasked no_project log
unasked no_project load main
unasked no_project watch
unasked no_project watch nothing-here
cd - >/dev/null

step "a program that is not hot-built is not run"
printf '#include <stdio.h>\nint main(void) { puts("ran"); }\n' >plain.c
clang-19 plain.c -o plain
expect_status 3 "$hw" run ./plain
expect_eq "stdout" "$output" ""
expect_match "stderr" "$errors" '^hotwatch run: not_hot: .*hotwatch cc'
expect_status 3 "$hw" run --json ./plain
expect_eq "error.reason" "$(jq -r .error.reason <<<"$output")" not_hot
expect_status 0 "$hw" run --any ./plain
expect_eq "with --any" "$output" ran

step "a program that is not there"
expect_status 3 "$hw" run ./nothing
expect_match "stderr" "$errors" '^hotwatch run: nofile: .*nothing'
expect_status 3 "$hw" run nothing-in-path
expect_match "stderr" "$errors" 'not found in PATH; is it ./nothing-in-path'
expect_status 3 "$hw" run .
expect_match "stderr" "$errors" '^hotwatch run: nofile'

step "a mistake in the settings: nothing is run"
printf '{\n  "on_hled": "refuse"\n}\n' >hotwatch.json
expect_status 3 "$hw" run --any ./plain
expect_eq "stdout" "$output" ""
expect_match "stderr" "$errors" 'hotwatch.json:2: .*on_hled'
