#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# sanitizers: address
# A save that is unsafe is refused before any process is asked, at its line and
# with what to do; what goes by itself goes. `load --force` loads it and the log
# says so; so does the setting unsafe: warn.
. "$(dirname "$0")/../lib.sh"

project p
cat >p/main.c <<'END'
#include <stdio.h>
void set(void);
void keep(int (*fn)(int));
static int (*callback)(int);
void keep(int (*fn)(int))
{
	callback = fn;
}
int main(void)
{
	char line[16];

	setvbuf(stdout, NULL, _IOLBF, 0);
	set();
	while (fgets(line, sizeof(line), stdin))
		printf("answer %d\n", callback(1));
	return 7;
}
END
cat >p/answer.c <<'END'
void keep(int (*fn)(int));
void set(void);
static int answer(int a)
{
	return a + 1;
}
void set(void)
{
	keep(answer);
}
END
cp p/answer.c original.c
cat >p/Makefile <<'END'
p: main.o answer.o
	$(CC) $(CFLAGS) -o $@ main.o answer.o
main.o answer.o: Makefile
END
make -s -C p CC="$hw cc" CFLAGS=-O2

asked=0
# answer_is TEXT
answer_is() {
	asked=$((asked + 1))
	tell run
	wait_until "an answer" has_lines run.out 'answer' "$asked"
	expect_eq "answer $asked" "$(tail -n 1 run.out)" "answer $1"
}

# What became of the last save: members of the event that JQ names.
last() {
	rpc "$(watch_socket)" watch/log | jq -r "[.events[] |
		select(.kind == \"live\" or .kind == \"refused\")][-1] | $1"
}

start() {
	asked=0
	rm -f run.in
	spawn_io run "$hw" run p/p
	wait_until "the watcher" watch_socket >/dev/null
	answer_is 2
	sync_watch
}

# A callback that whoever has its address would call in the old way.
unsafe() {
	replace p/answer.c 'answer(int a)' 'answer(int a, int *b)'
	replace p/answer.c 'a + 1' '(b ? 0 : 0) + a + 5'
	replace p/answer.c '(answer);' '((int (*)(int))(void *)answer);'
	sync_watch
}

start
step "an unsafe save is refused, at the line"
unsafe
expect_eq "kind" "$(last .kind)" refused
expect_eq "reason" "$(last '.targets[0].reason')" unsafe
expect_match "message" "$(last '.targets[0].message')" \
	'^answer takes 2 parameters instead of 1 \[callback-signature\]; give'
expect_eq "where" \
	"$(last '.diagnostics[0] | "\(.file) \(.line) \(.severity)"')" \
	"$PWD/p/answer.c 3 error"
answer_is 2
wait_line run.err 'answer.c:3.*callback-signature'

step "load --force loads it, and the log says so"
(cd p && "$hw" load --force answer) || fail "not loaded"
answer_is 6
expect_match "log" "$(cd p && "$hw" log)" \
	'answer is loaded into pid [0-9]+ although it is unsafe: answer takes 2'

step "back, and what is safe goes as ever"
cp original.c p/answer.c
(cd p && "$hw" load --force answer) || fail "not loaded"
answer_is 2
replace p/answer.c 'a + 1' 'a + 2'
sync_watch
expect_eq "kind" "$(last .kind)" live
answer_is 3
stop run
cp original.c p/answer.c
make -s -C p CC="$hw cc" CFLAGS=-O2

step "a suppression is obeyed, with its reason kept in the settings"
cat >p/hotwatch.json <<'END'
{"suppress": [{"rule": "callback-signature", "symbol": "answer",
	"reason": "the new parameter is not looked at", "expires": "2999-01-01"}]}
END
start
unsafe
expect_eq "kind" "$(last .kind)" live
answer_is 6
stop run
cp original.c p/answer.c
make -s -C p CC="$hw cc" CFLAGS=-O2

step "unsafe: warn"
echo '{"unsafe": "warn"}' >p/hotwatch.json
start
unsafe
expect_eq "kind" "$(last .kind)" live
expect_eq "severity" "$(last '.diagnostics[0].severity')" warning
answer_is 6
stop run
