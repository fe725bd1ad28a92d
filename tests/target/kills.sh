#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 300
# asan: detect_leaks=0 (who is killed in malloc has not given it back)
#
# 100 000 processes are killed while they are in malloc, stdio, locale, the
# dynamic linker, nanosleep or arithmetic: no deadlock, no lock left held, all
# of their cleanup handlers run, and the program lives. See kills.c;
# HOTWATCH_KILLS is another number.
. "$(dirname "$0")/../lib.sh"

project .
cp "$ROOT/tests/target/kills.c" .
"$hw" cc -O2 -g -pthread kills.c -o kills

kills=${HOTWATCH_KILLS:-100000}
seed=$RANDOM
step "$kills kills, seed $seed"
expect_status 0 ./kills "$kills" "$seed"
printf '%s\n' "$errors"
read -r _ killed _ cleaned _ _ at_work _ <<<"${errors//[,:]/ }"
[ "$killed" -ge "$kills" ] || fail "killed: got $killed, wanted $kills"
expect_eq "cleanup handlers that ran" "$cleaned" "$killed"
[ $((at_work * 2)) -ge "$killed" ] ||
	fail "at their work when they were killed: got $at_work of $killed," \
		"wanted half of them"
