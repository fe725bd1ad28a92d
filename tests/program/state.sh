#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# State over a row of saves, as a user makes them: an initializer, a table that
# grows, members added and widened, and a change that cannot be.
. "$(dirname "$0")/../lib.sh"

project p
cat >p/main.c <<'END'
#include <stdio.h>
int step(void);
int main(void)
{
	char line[100];

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin))
		printf("%d\n", step());
	return 0;
}
END
cat >p/step.c <<'END'
struct stats { int calls; int errors; };
static struct stats stats;
static int limit = 5;
static const char *names[] = {"a", "b"};
int step(void)
{
	return ++stats.calls * 1000 + limit * 10 +
	       (int)(sizeof(names) / sizeof(*names));
}
END
(cd p && "$hw" cc -O2 -g main.c step.c -o p)
spawn_io run "$hw" run p/p
wait_until "the watcher" watch_socket >/dev/null
sync_watch

asked=0
# says WANTED: what the next step answers
says() {
	asked=$((asked + 1))
	tell run step
	wait_until "an answer" has_lines run.out '.' "$asked"
	expect_eq "the step" "$(tail -n 1 run.out)" "$1"
}
says 1052

step "an initializer and a longer table"
replace p/step.c 'limit = 5' 'limit = 7'
replace p/step.c '"b"}' '"b", "c"}'
sync_watch
says 2073
expect_match "told" "$(<run.err)" 'step.c:3: limit took the new initializer'
expect_match "told" "$(<run.err)" 'step.c:4: names moved to its new layout'

step "a member is widened, another comes; and once more"
replace p/step.c 'int errors;' 'long errors; int warnings;'
sync_watch
says 3073
expect_match "told" "$(<run.err)" 'stats moved to its new layout; new: warnings'
replace p/step.c '{ int calls; ' '{ char first; int calls; '
sync_watch
says 4073

step "what cannot be is refused, and nothing is lost"
replace p/step.c 'static int limit = 7' 'static char *limit = "x"'
replace p/step.c 'limit * 10' '*limit'
sync_watch
says 5073
expect_match "told" "$(<run.err)" 'step.c:3: error: limit: int cannot become'
replace p/step.c 'static char *limit = "x"' 'static int limit = 7'
replace p/step.c '*limit' 'limit * 100'
sync_watch
says 6703

hang_up run
finish run
expect_eq "status" "$status" 0
