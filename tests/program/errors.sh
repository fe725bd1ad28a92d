#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# sanitizers: address
#
# What is saved need not compile: a compile error leaves the program as it was
# and is shown once with file and line; mending it goes live, so does going back
# to the original; and twenty saves within a second end in the last one. A
# refused load (a variable of another type) names the variable.
. "$(dirname "$0")/../lib.sh"

project p
cat >p/main.c <<'END'
#include <stdio.h>
int answer(void);
int main(void)
{
	char line[16];

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin))
		printf("answer %d\n", answer());
	return 7;
}
END
cat >p/answer.c <<'END'
static int base = 40;
static int calls;
int answer(void)
{
	calls++;
	return base + 1000 * calls;
}
END
cp p/answer.c original.c
cat >p/Makefile <<'END'
p: main.o answer.o
	$(CC) $(CFLAGS) -o $@ main.o answer.o
main.o answer.o: Makefile
END
make -s -C p CC="$hw cc" CFLAGS="-O2 -Wall"
spawn_io run "$hw" run p/p
wait_until "the watcher" watch_socket >/dev/null

asked=0
# answer_is N: what answer() gives, the calls it counts aside
answer_is() {
	asked=$((asked + 1))
	tell run
	wait_until "an answer" has_lines run.out 'answer' "$asked"
	expect_eq "answer $asked" "$(tail -n 1 run.out)" \
		"answer $((1000 * asked + $1))"
}

answer_is 40
sync_watch

step "a compile error: shown once, nothing loaded"
replace p/answer.c 'return base' 'return based'
sync_watch
answer_is 40
expect_match "what is shown" "$(<run.err)" \
	'answer\.c:6:[0-9]+: error: .*based'
expect_eq "times it is shown" "$(grep -c 'error: .*based' run.err)" 1
errors=$("$hw" status --json --target p | tee status.json | jq -c '.errors') ||
	fail "hotwatch status --json: $(<status.json)"
expect_match "status" "$errors" 'answer'

step "another file is saved meanwhile: the error is not shown again"
replace p/main.c 'char line[16]' 'char line[20]'
sync_watch
expect_eq "times it is shown" "$(grep -c 'error: .*based' run.err)" 1

step "mended: live"
replace p/answer.c 'return based' 'return 2 + base'
sync_watch
answer_is 42
expect_eq "errors" "$(rpc "$(watch_socket)" watch/status | jq -c .errors)" '[]'

step "back to the original: live"
cp original.c p/answer.c
sync_watch
answer_is 40

step "broken and back to what runs: nothing to load"
replace p/answer.c 'calls++' 'calls+++'
sync_watch
lines=$(grep -c live run.err)
cp original.c p/answer.c
sync_watch
answer_is 40
expect_eq "lines that say live" "$(grep -c live run.err)" "$lines"

step "only a comment, or a touch: nothing to load"
replace p/answer.c 'static int calls;' 'static int calls; /* counted */'
sync_watch
touch p/answer.c
sync_watch
answer_is 40
expect_eq "lines that say live" "$(grep -c live run.err)" "$lines"

step "twenty saves within a second end in the last one"
for i in {1..20}; do
	sed "s/return base/return $((i * 2)) + base/" original.c >p/answer.c~new
	mv p/answer.c~new p/answer.c
done
sync_watch
answer_is 80

step "a variable that cannot become what it is now is refused, by name; the program lives"
sed 's/static int base/static _Complex double base/' original.c >p/answer.c
sync_watch
answer_is 80
expect_match "what is shown" "$(<run.err)" 'unsafe.*base'
cp original.c p/answer.c
sync_watch
answer_is 40

step "an object that is no object, by hand: badfile, the program lives"
pid=$(rpc "$(watch_socket)" watch/status | jq '.targets[0].pid')
head -c 1000 p/p.hot/obj/answer-*.so >cut.so
for file in cut.so original.c nothing.so; do
	! rpc "$(target_socket "$pid")" code/load \
		"{\"module\": \"answer\", \"file\": \"$PWD/$file\"}" 2>said ||
		fail "$file was loaded"
	case $file in
	nothing.so) expect_eq "$file" "$(jq -r .data.reason said)" nofile ;;
	*) expect_eq "$file" "$(jq -r .data.reason said)" badfile ;;
	esac
done
answer_is 40

hang_up run
finish run
expect_eq "the program's own status" "$status" 7
