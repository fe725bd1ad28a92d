#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A type that live heap objects have gets a member, and two files share it: the
# save is refused with the path that leads there; with a HOT_CODE_CHANGE in one
# of the files, which converts the objects, both go live as one.
. "$(dirname "$0")/../lib.sh"

project p
cat >p/node.h <<'END'
struct node {
	struct node *next;
	int value;
};
extern struct node *head;
int sum(void);
void add(int value);
END
cat >p/list.c <<'END'
#include <stdlib.h>
#include "node.h"
struct node *head;
void add(int value)
{
	struct node *n = calloc(1, sizeof(*n));

	n->value = value;
	n->next = head;
	head = n;
}
END
cat >p/sum.c <<'END'
#include "node.h"
int sum(void)
{
	int all = 0;

	for (struct node *n = head; n; n = n->next)
		all += n->value;
	return all;
}
END
cat >p/main.c <<'END'
#include <stdio.h>
#include "node.h"
int main(void)
{
	char line[100];

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; fgets(line, sizeof(line), stdin); i++) {
		add(i);
		printf("%d\n", sum());
	}
	return 0;
}
END
(cd p && "$hw" cc -O2 -g main.c list.c sum.c -o p)
spawn_io run "$hw" run p/p
wait_until "the watcher" watch_socket >/dev/null
sync_watch

asked=0
# says WANTED: what the next sum is
says() {
	asked=$((asked + 1))
	tell run more
	wait_until "an answer" has_lines run.out '.' "$asked"
	expect_eq "the sum" "$(tail -n 1 run.out)" "$1"
}
says 1
says 3

step "a member more, and nobody who converts"
replace p/node.h 'int value;' 'long since; int value;'
sync_watch
expect_match "refused" "$(<run.err)" \
	'refused: unsafe: .*node: member value moved 8 . 16'
says 6

step "one of the files converts the objects for both"
cat >>p/list.c <<'END'
#include <hotwatch/hot.h>
#include <hotwatch/code.h>
struct node_before {
	struct node_before *next;
	int value;
};
static int convert(const struct hw_change *c)
{
	struct node_before *old = (struct node_before *)head;
	struct node **to = &head;

	(void)c;
	while (old) {
		struct node_before *next = old->next;
		struct node *n = calloc(1, sizeof(*n));

		n->value = old->value;
		n->since = 1;
		*to = n;
		to = &n->next;
		free(old);
		old = next;
	}
	*to = NULL;
	return 0;
}
HOT_CODE_CHANGE(convert);
END
sync_watch
expect_match "live" "$(<run.err)" '(list v1 and sum v1|sum v1 and list v1) live'
says 10
says 15

hang_up run
finish run
expect_eq "status" "$status" 0
