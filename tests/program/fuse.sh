#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 60
# A project on a file system that cannot tell of changes made elsewhere: they go
# live all the same, whoever makes them, and the user is told once why it takes
# its time.
. "$(dirname "$0")/../lib.sh"

command -v bindfs >/dev/null || skip "bindfs is not installed"
[ -w /dev/fuse ] || skip "/dev/fuse cannot be opened"
mkdir real mnt
spawn fs bindfs -f real mnt
mounted() {
	mountpoint -q mnt || gone "${pid_of[fs]}"
}
wait_until "the file system" mounted
mountpoint -q mnt || skip "it cannot be mounted: $(tail -n 1 fs.err)"

project mnt/p
cat >mnt/p/main.c <<'END'
#include <stdio.h>
int answer(void);
int main(void)
{
	while (getchar() == '\n') {
		printf("%d\n", answer());
		fflush(stdout);
	}
	return 0;
}
END
echo 'int answer(void) { return 40; }' >mnt/p/answer.c
(cd mnt/p && "$hw" cc -g main.c answer.c -o p)
spawn_io p mnt/p/p
wait_target "${pid_of[p]}"
start_watch mnt/p

step "a change made elsewhere"
replace real/p/answer.c 40 41
wait_line watch.out 'answer v1 live'
tell p
wait_line p.out '^41$'

step "a change made here, and a sync that waits for it"
replace mnt/p/answer.c 41 42
sync_watch
tell p
wait_line p.out '^42$'

step "elsewhere again" # a sync would not do: the kernel remembers how files were
replace real/p/answer.c 42 43
wait_line watch.out 'answer v3 live'
tell p
wait_line p.out '^43$'

step "it is told once"
expect_eq "notes" "$(grep -c 'mnt/p.* is on FUSE' watch.out)" 1
