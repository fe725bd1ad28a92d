# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# What the tests of editors work on: examples/counter as the project p, with a
# global for it to be refused for, hot-built. Sourced.

# recorded NAME: a program like hotwatch, in this folder, of which each talk as a
# language server is written down; traffic_holds NAME: those were as the schemas
# want them, and the client was told nothing that it cannot take.
recorded() {
	printf '#!/bin/sh\nexec /usr/bin/python3 "%s" "%s" "%s" "$@"\n' \
		"$ROOT/tests/lsptee.py" "$PWD/$1.log" "$hw" >"$1"
	chmod +x "$1"
}

traffic_holds() {
	/usr/bin/python3 "$ROOT/tests/lsptraffic.py" "$1".log.* ||
		fail "the traffic of $1 (above)"
}

project p
printf '{}\n' >p/hotwatch.json
sed -e 's/^static void codeswitch(long sum);/int flag = 1;\n\n&/' \
	-e 's/^\tchar line\[64\];/&\n\tint n = flag;/' \
	-e 's/^\tsetvbuf(stdout/\t(void)n;\n&/' \
	"$ROOT/examples/counter/counter.c" >p/counter.c
# shellcheck disable=SC2086
(cd p && "$hw" cc -O2 $sanitize -pthread counter.c -o counter)
