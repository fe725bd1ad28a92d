#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# Under valgrind a program is edited as ever: new code is what runs, an error in
# it is reported at its line, and the code server has none to report.
. "$(dirname "$0")/../lib.sh"

project p
cat >p/main.c <<'END'
#include <stdio.h>
int first(int);
int main(void)
{
	while (getchar() == '\n') {
		printf("%d\n", first(3));
		fflush(stdout);
	}
	return 0;
}
END
cat >p/first.c <<'END'
#include <stdlib.h>
static int calls;
int first(int x)
{
	char *p = malloc(10);
	int r = x + ++calls;
	free(p);
	return r;
}
END
# DWARF 5 is too new for this valgrind
(cd p && "$hw" cc -g -gdwarf-4 -O0 main.c first.c -o p)

start_watch p
spawn_io p valgrind --error-exitcode=7 --vgdb=no p/p
wait_target "${pid_of[p]}"
sync_watch
tell p
wait_line p.out '^4$'

step "another version, and its result"
replace p/first.c 'x +' '10 + x +'
sync_watch
tell p
wait_line p.out '^15$'

step "versions are looked for and kept"
(cd p && "$hw" holders) >holders || true
expect_no_match "errors so far" "$(<p.err)" 'Invalid|uninitialised|unaddressable'

step "an error in new code is told with its line"
replace p/first.c 'return r' 'return r + *(volatile char *)p * 0'
sync_watch
tell p
wait_line p.out '^16$'
hang_up p
finish p
expect_eq "status" "$status" 7
expect_match "what" "$(<p.err)" 'Invalid read of size 1'
expect_match "where" "$(<p.err)" 'first \(first\.c:8\)'
expect_match "how many" "$(<p.err)" 'ERROR SUMMARY: 1 errors from 1 contexts'
