#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `build` in hotwatch.json: a file that no compile depends on runs the project's
# own build, whose products go live.
# sanitizers: address
. "$(dirname "$0")/../lib.sh"

project p
cat >p/main.c <<'END'
#include <stdio.h>
const char *word(void);
int main(void)
{
	char line[100];

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin))
		printf("word %s\n", word());
	return 0;
}
END
cat >p/Makefile <<'END'
p: main.o word.o
	$(CC) $(CFLAGS) -o $@ main.o word.o
word.c: word.txt
	test "$$(cat word.txt)" != bad || { echo word.txt:1: a bad word; exit 1; }
	sed 's/.*/const char *word(void);\nconst char *word(void) { return "&"; }/' \
		word.txt >$@
END
printf '*.o\np\n' >p/.gitignore
echo one >p/word.txt
printf '{"build": "make -s CC='"'$hw cc'"' CFLAGS=-O1"}\n' \
	>p/hotwatch.json
make -s -C p CC="$hw cc" CFLAGS=-O1

word() {
	tell run word
	wait_line run.out "^word $1$"
}

spawn_io run "$hw" run p/p
wait_line run.err '^hotwatch: attached to p'
sync_watch
word one

step "what a source is generated from"
echo two >p/word.txt
wait_line run.err '^hotwatch: build: `make .*` for word.txt in [0-9]+ ms$'
wait_line run.err '^hotwatch: word v1 live in'
word two

step "a build that fails says what it said; mended, it goes live"
echo bad >p/word.txt
wait_line run.err '^hotwatch: build: `make .*` for word.txt failed with status 2$'
wait_line run.err '^hotwatch: word.txt:1: a bad word$'
word two
echo three >p/word.txt
wait_line run.err '^hotwatch: word v2 live in'
word three

step "its own files, and those that are made, begin none"
builds() {
	grep '^hotwatch: build: `' run.err
}
sync_watch
before=$(builds)
cp p/main.o p/other
echo three >new
mv new p/word.txt
sync_watch
expect_eq "builds" "$(builds | wc -l)" "$(($(wc -l <<<"$before") + 1))"
hang_up run
