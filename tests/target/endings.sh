#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# sanitizers: address thread
#
# How processes are ended, in a hot-built program and in one that is not. Under
# ThreadSanitizer one that waits for a condition, or blocks all signals, is not
# ended (endings.c says why), and in a plain program none but in hw_receive and
# by itself: the sanitizer's code, with its locks, is in the executable too.
# Its children have no code server there, which would be a thread.
. "$(dirname "$0")/../lib.sh"

project .
cp "$ROOT/tests/target/endings.c" .
include="-I$ROOT -I$ROOT/codeserver/include"
server=$BUILD/codeserver

# tap PROGRAM [POINT]: its lines; fails at a "not ok"
tap() {
	local status=0
	"$@" | tee tap.out || status=$?
	! grep -q '^not ok' tap.out || fail "$1 (above)"
	expect_eq "status of $1" "$status" 0
	expect_eq "points of $1" "$(grep -c '^ok' tap.out)" \
		"$(sed -n 's/^1\.\.//p' tap.out)"
}

step "hot-built"
# shellcheck disable=SC2086
"$hw" cc -O2 -g -pthread $include endings.c -o endings
tap ./endings

step "plain, linked with the library"
# shellcheck disable=SC2086
clang-19 -O2 -g -fexceptions -U__EXCEPTIONS -fasynchronous-unwind-tables \
	$sanitize -pthread $include endings.c -o plain \
	-L"$server" -lcodeserver -Wl,-rpath,"$server"
case $sanitize in
*thread | *address*) tap ./plain "an exit of its own" ;;
*) tap ./plain ;;
esac
