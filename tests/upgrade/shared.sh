#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A member added to a header's struct, where the module that has the variable
# does not look at what moved: it is loaded all the same, with the others. A user
# of the variable that came out the same is named before any process is asked,
# and `load --force` takes it along.
. "$(dirname "$0")/../lib.sh"

project p
cat >p/all.h <<'END'
struct all {
	int first;
	int last;
};
extern struct all all;
void set(int first, int last);
int last(void);
int first(void);
END
cat >p/all.c <<'END'
#include "all.h"
struct all all;
void set(int a, int b);
END
cat >p/set.c <<'END'
#include "all.h"
void set(int a, int b)
{
	all.first = a;
	all.last = b;
}
END
cat >p/last.c <<'END'
#include "all.h"
int last(void)
{
	return all.last;
}
END
cat >p/main.c <<'END'
#include <stdio.h>
#include "all.h"
int main(void)
{
	char line[16];

	setvbuf(stdout, NULL, _IOLBF, 0);
	set(3, 4);
	while (fgets(line, sizeof(line), stdin))
		printf("has %d %d\n", line[0] == 'f' ? first() : 3, last());
	return 0;
}
END
cat >p/first.c <<'END'
#include "all.h"
int first(void)
{
	return all.first;
}
END
(cd p && "$hw" cc -O2 ./*.c -o p)
spawn_io run "$hw" run p/p
wait_until "the watcher" watch_socket >/dev/null
asked=0
# has NUMBERS
has() {
	asked=$((asked + 1))
	tell run f
	wait_until "an answer" has_lines run.out '^has' "$asked"
	expect_eq "answer $asked" "$(tail -n 1 run.out)" "has $1"
}
has "3 4"
sync_watch

# What became of the last save.
said() {
	rpc "$(watch_socket)" watch/log | jq -r '[.events[] |
		select(.kind == "live" or .kind == "refused")][-1] |
		"\(.kind) \(.modules | sort | join(" "))\(.targets[0].message
			// "" | if . == "" then . else ": " + . end)"'
}

step "who would go on with the old place is named"
replace p/all.h '	int last;' '	int added;
	int last;'
sync_watch
expect_match "what was said" "$(said)" \
	'^refused all last set: all is converted'
expect_match "what was said" "$(said)" \
	'and first, which uses it, came out the same .*\[variable-shared\]'
expect_eq "where" "$(rpc "$(watch_socket)" watch/log | jq -r '[.events[] |
	select(.kind == "refused")][-1].diagnostics[0] | "\(.file) \(.line)"')" \
	"$PWD/p/all.c 2"
has "3 4"

step "load --force takes it along, and nothing is lost"
(cd p && "$hw" load --force all first last set) || fail "not loaded"
expect_eq "what was said" "$(said)" "live all first last main set"
has "3 4"

step "all together, where all of them changed"
sed -i 's/int added;/long added;/' p/all.h
replace p/first.c 'return all.first' 'return 10 * all.first'
sync_watch
(cd p && "$hw" load --force all first last set) || fail "not loaded"
has "30 4"
stop run
