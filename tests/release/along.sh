#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 200
# A release of a struct that grew, with a module that uses its variable and came
# out the same: that is in the release too, and its same code is loaded once
# more, on the way up, down, and back from what fails.
. "$(dirname "$0")/../lib.sh"

project p
printf '*.hot/\n.hotwatch/\n*.o\np\n*.json\n*.objects/\n' >p/.gitignore
cat >p/all.h <<'END'
struct all {
	int first;
	int last;
};
extern struct all all;
int last(void);
int first(void);
END
cat >p/all.c <<'END'
#include "all.h"
struct all all = {.first = 3, .last = 4};
int last(void)
{
	return all.last;
}
END
cat >p/first.c <<'END'
#include "all.h"
int first(void)
{
	return all.first++;
}
END
cat >p/main.c <<'END'
#include <stdio.h>
#include "all.h"
int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (getchar() == '\n')
		printf("has %d %d\n", first(), last());
	return 0;
}
END
cd p
"$hw" cc -O2 -g ./*.c -o p
git add -A
git commit -qm "a struct"
git tag v1
replace all.h '	int last;' '	long added;
	int last;'
git commit -qam "it grows"
git tag v2
git checkout -q v1

spawn_io run ./p
asked=0
# has NUMBERS
has() {
	asked=$((asked + 1))
	tell run ""
	wait_until "an answer" has_lines run.out '^has' "$asked"
	expect_eq "answer $asked" "$(tail -n 1 run.out)" "has $1"
}
has "3 4"
wait_target "${pid_of[run]}"

step "it is in the release"
"$hw" check --git v1..v2 --json --write-release 2.json >.check || true
expect_eq "what is said" "$(jq -r '.findings[] | select(.rule == "variable-shared")
	| "\(.severity) \(.message)"' .check)" "info all is converted at the load,\
 and first, which uses it, came out the same and is loaded with it"
expect_eq "up" "$(jq -c '.up[0].load_module | sort' 2.json)" '["all","first"]'
expect_eq "its hashes" "$(jq -r '.from.modules.first == .to.modules.first' \
	2.json)" true

# modules: which versions run
modules() {
	rpc "$(target_socket "${pid_of[run]}")" code/allLoaded | jq -r '
		[.modules[] | select(.module != "main") |
			"\(.module) v\(.version)"] | sort | join(" ")'
}

step "up"
expect_status 0 "$hw" upgrade 2.json
expect_eq "what runs" "$(modules)" "all v1 first v1"
has "4 4"
expect_status 0 "$hw" upgrade 2.json --json
expect_eq "once more" "$(jq -r '.targets[0].outcome' <<<"$output")" unchanged

step "down"
expect_status 0 "$hw" downgrade 2.json
expect_eq "what runs" "$(modules)" "all v2 first v2"
has "5 4"

step "what is loaded before something fails is taken back"
jq '.up += [{"suspend": "nobody"}, {"resume": "nobody"}]' 2.json >fails.json
cp -r 2.objects fails.objects
expect_status 1 "$hw" upgrade fails.json --json
expect_eq "outcome" "$(jq -r '.targets[0].outcome' <<<"$output")" rolled_back
expect_eq "what it runs" "$(jq -r '.targets[0].modules | map(.at) | sort |
	join(" ")' <<<"$output")" "from same"
has "6 4"
expect_status 0 "$hw" upgrade 2.json
has "7 4"
stop run
