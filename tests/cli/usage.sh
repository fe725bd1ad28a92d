#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What is said to those who ask, and to those who mistype.
# sanitizers: address
. "$(dirname "$0")/../lib.sh"

parsed='run watch status modules which load holders soft-purge purge delete
	rollback ps suspend resume change-code get-state log check upgrade downgrade rehearse-step doctor'
commands="cc $parsed"

step "help lists every command, on stdout, in 80 columns"
expect_status 0 "$hw" --help
expect_eq "stderr" "$errors" ""
for c in $commands; do
	expect_match "help" "$output" "^  $c +[a-z]"
done
expect_eq "lines that are too long" "$(grep -c '.\{81\}' <<<"$output")" 0
general=$output
for how in -h help; do
	expect_status 0 "$hw" $how
	expect_eq "$how" "$output" "$general"
done

step "every command has help, on stdout, in 80 columns"
for c in $parsed; do
	expect_status 0 "$hw" "$c" --help
	expect_eq "stderr of $c --help" "$errors" ""
	expect_match "$c --help" "$output" "^usage: hotwatch $c "
	for o in json target color help; do
		expect_match "$c --help" "$output" "^ .*--$o"
	done
	expect_eq "too long in $c" "$(grep -c '.\{81\}' <<<"$output")" 0
	long=$output
	expect_status 0 "$hw" "$c" -h
	expect_eq "$c -h" "$output" "$long"
	expect_status 0 "$hw" help "$c"
	expect_eq "help $c" "$output" "$long"
done
expect_status 0 "$hw" help cc
expect_match "help cc" "$output" "^usage: hotwatch cc"

step "--version is one line"
expect_status 0 "$hw" --version
expect_match "--version" "$output" '^hotwatch [0-9]+\.[0-9]+\.[0-9]+$'

step "wrong usage is 2, on stderr, and says what is right"
wrong() {
	local pattern=$1
	shift
	expect_status 2 "$hw" "$@"
	expect_eq "stdout of: $*" "$output" ""
	expect_match "stderr of: $*" "$errors" "$pattern"
}
wrong '^usage: hotwatch COMMAND'
wrong "did you mean 'status'" statsu
wrong "did you mean 'modules'" modul
wrong "unknown command 'frobnicate'$" frobnicate
wrong "unknown command ''" ''
wrong "did you mean 'load'" help laod
wrong 'did you mean --json' status --jsno
wrong 'unknown option -Z' status -Z
wrong 'MODULE is missing' which
wrong "unexpected argument 'b'" which a b
wrong 'PROGRAM \[ARG...\] is missing' run
wrong 'PROGRAM \[ARG...\] is missing' run --
wrong 'color pink: say auto, always or never' status --color pink
wrong 'target needs a value' status --target
wrong 'once takes no value' watch --once=1

step "the manual and the completion know every command and option"
manual=$(sed 's/\\-/-/g; s/Fl -/--/g; s/Fl \([a-z]\)/-\1/g' \
	"$ROOT/docs/hotwatch.1")
for c in $commands; do
	expect_match "hotwatch.1" "$manual" "^\.(Cm|It Cm) ([a-z-]+ [|] )*$c"
done
for c in $parsed; do
	for o in $("$hw" "$c" --help | grep -o '^ .*--[a-z-]*' | grep -o -- '--[a-z-]*'); do
		expect_match "hotwatch.1" "$manual" "$o"
	done
done
complete_words() { # WORDS...: completes the last
	PATH=$BUILD:$PATH bash -c '. "$1"; shift
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_hotwatch
		printf "%s\n" "${COMPREPLY[@]}"' - "$ROOT/docs/hotwatch.bash" "$@"
}
expect_eq "completing st" "$(complete_words hotwatch st)" status
expect_match "completing watch --" "$(complete_words hotwatch watch --)" '^--once$'
expect_eq "completing --color" "$(complete_words hotwatch status --color n)" never
