# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# The small program of two modules that the tests of the command line run: it
# answers each line of its input. Sourced; makes the project p and builds p/p.

. "$ROOT/tests/cli/answer.bash"
write_answer p
cat >p/main.c <<'END'
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"

int main(int argc, char **argv)
{
	char line[100];

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		printf("argument %s\n", argv[i]);
	if (argc > 1 && !strcmp(argv[1], "daemon") && daemon(1, 1) < 0)
		return 1;
	if (argc > 1 && !strcmp(argv[1], "daemon"))
		pause();
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "exit ", 5))
			exit(atoi(line + 5));
		if (!strncmp(line, "raise ", 6))
			raise(atoi(line + 6));
		printf("answer %d\n", answer());
	}
	return 7;
}
END
cat >p/Makefile <<'END'
p: main.o answer.o
	$(CC) $(CFLAGS) -o $@ main.o answer.o
main.o answer.o: answer.h Makefile
END
make -s -C p CC="$hw cc" CFLAGS=-O1

# pid_in FILE: the program's pid, from the line that says it is attached
pid_in() {
	sed -n 's/.*attached to .*pid \([0-9]*\).*/\1/p' "$1" | head -n 1
}
