# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# The program of the tests about old code: main.c reads orders in a loop that
# never ends; loop.c is a process that stays in its version until it is told
# to switch; place.c gives an address inside its code, which main.c keeps;
# lib/answer.c is a module whose name is not its file's alone.
# Sourced; makes the project p and builds p/p.

. "$ROOT/tests/cli/answer.bash"
cat >p/parts.h <<'END'
const void *place(int n);
void loop(void *arg);
END
cat >p/main.c <<'END'
#include <hotwatch/process.h>
#include <stdio.h>
#include <string.h>

#include "lib/answer.h"
#include "parts.h"

struct kept {
	int n;
	const void *place;
} kept[2];

static void order(const char *line)
{
	if (!strncmp(line, "spawn", 5)) {
		struct hw_spawn_options o = {.name = "looper"};

		printf("process %d\n", (int)hw_spawn_opt(loop, NULL, &o));
	} else if (!strncmp(line, "keep", 4)) {
		kept[1].place = place(0);
		printf("kept it\n");
	} else if (!strncmp(line, "drop", 4)) {
		kept[1].place = NULL;
		printf("dropped\n");
	} else if (!strncmp(line, "answer", 6)) {
		printf("answer %d\n", answer());
	} else {
		hw_send(hw_whereis("looper"), line, strlen(line) + 1);
	}
}

int main(void)
{
	char line[100];

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) /* main waits here */
		order(line);
	return 0;
}
END
cat >p/loop.c <<'END'
#include <hotwatch/hot.h>
#include <hotwatch/process.h>
#include <stdio.h>
#include <string.h>

#include "parts.h"

static const int version = 0;

void loop(void *arg)
{
	for (;;) {
		struct hw_message *m = hw_receive(-1); /* loop waits here */
		int is_switch =
		    m && !strncmp((const char *)m->data, "switch", 6);

		hw_message_free(m);
		printf("loop %d\n", version);
		if (is_switch) {
			HOT(loop)(arg);
			return;
		}
	}
}
END
cat >p/place.c <<'END'
#include "parts.h"

/* Of 0: an address inside this function. */
const void *place(int n)
{
	static const void *const labels[] = {&&inside, &&number};

	goto *labels[n];
inside:
	return labels[1];
number:
	return (const void *)0l;
}
END
write_answer p/lib
cat >p/Makefile <<'END'
objects = main.o loop.o place.o lib/answer.o
p: $(objects)
	$(CC) $(CFLAGS) -pthread -o $@ $(objects)
$(objects): parts.h Makefile
END
make -s -C p CC="$hw cc" CFLAGS="-O2 -g"

# line_of FILE TEXT: its number
line_of() {
	grep -n "$2" "$1" | head -n 1 | cut -d: -f1
}

# wait_event FILE FILTER: an event of a stream of them, as JSON, for which jq's
# FILTER holds; in $event
wait_event() {
	wait_until "an event with $2 in $1" has_event "$1" "$2"
	event=$(jq -c "select($2)" "$1" | tail -n 1)
}

has_event() {
	[ -n "$(jq -c "select($2)" "$1")" ]
}

# edit MODULE N: another content of the module, live in the program
edit() {
	case $1 in
	main) replace p/main.c "kept[1].place = NULL;" \
		"kept[1].place = NULL; kept[0].n = $2;" ;;
	loop) sed -i "s/version = .*;/version = $2;/" p/loop.c ;;
	place) sed -i "s/[0-9]*l;/$2l;/" p/place.c ;;
	lib/answer) sed -i "s/base;\|base + .*;/base + $2;/; s/base = .*/base = 40;/" \
		p/lib/answer.c ;;
	esac
	sync_watch
	expect_eq "version of $1" "$(version_of "${pid_of[p]}" "$1")" "$2"
}
