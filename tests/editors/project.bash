# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# What the tests of editors work on: examples/counter as the project p, with a
# global for it to be refused for, hot-built. Sourced.

. "$(dirname "$0")/case.bash"

project p
printf '{}\n' >p/hotwatch.json
sed -e 's/^static void codeswitch(long sum);/int flag = 1;\n\n&/' \
	-e 's/^\tchar line\[64\];/&\n\tint n = flag;/' \
	-e 's/^\tsetvbuf(stdout/\t(void)n;\n&/' \
	"$ROOT/examples/counter/counter.c" >p/counter.c
# shellcheck disable=SC2086
(cd p && "$hw" cc -O2 -pthread counter.c -o counter)
