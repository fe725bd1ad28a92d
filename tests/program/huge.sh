#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 60
# sanitizers: address
# Modules that have room for a huge page: some file systems map such only where
# as much again is free behind. At the start, again at the next, in a load, in a
# rollback, each beside modules that are mapped before them.
. "$(dirname "$0")/../lib.sh"

project p
cat >p/main.c <<'END'
#include <stdio.h>
int first(void), second(void);
int main(void)
{
	while (getchar() == '\n') {
		printf("%d %d\n", first(), second());
		fflush(stdout);
	}
	return 0;
}
END
cat >p/first.c <<'END'
static char large[3 << 20];
int first(void)
{
	return ++large[3000000];
}
END
sed 's/first/second/; s/3 << 20/5 << 20/' p/first.c >p/second.c

link() {
	# shellcheck disable=SC2086 # none, or one word
	(cd p && "$hw" cc $sanitize -O1 -g first.c second.c main.c -o p)
}

begin() {
	rm -f p.in
	n=0
	spawn_io p p/p
	wait_target "${pid_of[p]}"
	sync_watch
}

say() {
	tell p
	n=$((n + 1))
	wait_line p.out . $n
	expect_eq "line $n" "$(tail -n 1 p.out)" "$1"
}

link
start_watch p

step "a start"
begin
say '1 1'

step "a load of each, and of both"
sed -i 's/++/10 + ++/' p/first.c
sync_watch
say '12 2'
sed -i 's/++/20 + ++/' p/second.c
sync_watch
say '13 23'
sed -i 's/10 + ++/30 + ++/' p/first.c
sed -i 's/20 + ++/40 + ++/' p/second.c
sync_watch
say '34 44'

step "a rollback"
(cd p && "$hw" rollback --to 1 first) >/dev/null
say '15 45'

step "the same link begun again, and another"
stop p
begin
say '31 41'
stop p
link
begin
say '31 41'
expect_no_match "the watcher" "$(<watch.out)" 'cannot load|refused|misplaced'
