#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A member added to a header's struct, where the module that has the variable
# does not look at what moved: it is loaded all the same, with the others. A user
# of the variable that came out the same is loaded with them, the same code once
# more, if it includes the type; also by a watcher that came later. One that
# declares the type itself is named, and only `load --force` takes it along.
. "$(dirname "$0")/../lib.sh"

project p
cat >p/all.h <<'END'
struct all {
	int first;
	int last;
};
extern struct all all;
extern _Thread_local struct all mine;
void set(int first, int last);
int last(void);
int first(void);
int own(void);
END
cat >p/all.c <<'END'
#include "all.h"
struct all all;
_Thread_local struct all mine = {5, 6};
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
	setvbuf(stdout, NULL, _IOLBF, 0);
	set(3, 4);
	while (getchar() == '\n')
		printf("has %d %d %d\n", first(), last(), own());
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
cat >p/own.c <<'END'
#include "all.h"
int own(void)
{
	return mine.first++;
}
END
(cd p && "$hw" cc -O2 ./*.c -o p)
# start NAME: the program, and a watcher
start() {
	run=$1 asked=0
	spawn_io "$1" "$hw" run p/p
	wait_until "the watcher" watch_socket >/dev/null
}
start first
# has NUMBERS
has() {
	asked=$((asked + 1))
	tell "$run" ""
	wait_until "an answer" has_lines "$run.out" '^has' "$asked"
	expect_eq "answer $asked" "$(tail -n 1 "$run.out")" "has $1"
}
has "3 4 5"
sync_watch

# What became of the last save.
said() {
	rpc "$(watch_socket)" watch/log | jq -r '[.events[] |
		select(.kind == "live" or .kind == "refused")][-1] |
		"\(.kind) \(.modules | sort | join(" "))\(.targets[0].message
			// "" | if . == "" then . else ": " + . end)"'
}

step "who came out the same comes along, and nothing is lost"
replace p/all.h '	int last;' '	int added;
	int last;'
sync_watch
expect_eq "what was said" "$(said)" "live all first last own set"
has "3 4 6"

step "so does its next content, which is loaded alone"
replace p/first.c 'return all.first' 'return 10 * all.first'
sync_watch
expect_eq "what was said" "$(said)" "live first"
has "30 4 7"

step "a module that comes along has to be whole as well"
replace p/first.c '10 * all.first;' 'all.first'
sync_watch
sed -i 's/int added;/long added;/' p/all.h
sync_watch
has "30 4 8"
replace p/first.c 'return all.first' 'return 10 * all.first;'
sync_watch
expect_eq "what was said" "$(said)" "live all first last own set"
has "30 4 9"

step "a watcher that comes later takes along who needs it"
stop first
rm -r p/p.hot/src p/p.hot/live
start second
sync_watch
expect_eq "what was said" "$(said)" "live all first last own set"
has "30 4 5"

step "who declares the type itself is named"
stop second
replace p/first.c '#include "all.h"' 'struct all {
	int first;
	long added;
	int last;
};
extern struct all all;'
(cd p && "$hw" cc -O2 ./*.c -o p)
start third
has "30 4 5"
sync_watch
replace p/all.h '	int last;' '	int more;
	int last;'
sync_watch
expect_match "what was said" "$(said)" \
	'^refused all last own set: all is converted'
expect_match "what was said" "$(said)" \
	'and first, which uses it, came out the same .*\[variable-shared\]'
expect_eq "where" "$(rpc "$(watch_socket)" watch/log | jq -r '[.events[] |
	select(.kind == "refused")][-1].diagnostics[0] | "\(.file) \(.line)"')" \
	"$PWD/p/all.c 2"
has "30 4 6"

step "load --force takes it along, and nothing is lost"
(cd p && "$hw" load --force all first last set) || fail "not loaded"
expect_eq "what was said" "$(said)" "live all first last main own set"
has "30 4 7"
stop third
