# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# What the programs of these tests have in common: they are the project p, and
# have a module that gives a number. Sourced.

project p
printf '*.hot/\n.hotwatch/\n*.o\np\n' >p/.gitignore

# write_answer DIR: the module DIR/answer
write_answer() {
	mkdir -p "$1"
	printf 'int answer(void);\n' >"$1/answer.h"
	cat >"$1/answer.c" <<'END'
#include "answer.h"

static int base = 40;

int answer(void)
{
	return base;
}
END
}
