/* SPDX-License-Identifier: MIT
 *
 * A counter that is changed while it counts: the example that Erlang's hot
 * code loading is usually shown with, in C.
 *
 * One process keeps a sum and receives messages; the main thread sends it every
 * line of standard input. The process sits in a local loop: loading a new
 * version of this file does not move it, it goes on with the code it is in. The
 * message code_switch sends it through HOT(codeswitch) into the version that is
 * current by then, with its sum.
 *
 * Only the process touches the sum, so nothing needs a lock.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hotwatch/hot.h>
#include <hotwatch/process.h>

/* --- the counter ---------------------------------------------------------- */

static void codeswitch(long sum);

static bool is(const struct hw_message *m, const char *text)
{
	return strcmp((const char *)m->data, text) == 0;
}

/*
 * Nothing of this function is needed any more when it calls codeswitch, so
 * clang makes the call a jump, as Erlang does: no frame of the old version
 * stays on the stack to hold it.
 */
static void loop(long sum)
{
	struct hw_message *m;

	for (;; hw_message_free(m)) {
		m = hw_receive(-1);
		if (is(m, "increment")) {
			sum++;
		} else if (is(m, "print")) {
			printf("the sum is %ld\n", sum);
		} else if (is(m, "get")) {
			printf("%ld\n", sum);
		} else if (is(m, "code_switch")) {
			hw_message_free(m);
			HOT(codeswitch)(sum);
			return;
		} else if (is(m, "stop")) {
			hw_message_free(m);
			return;
		} else {
			printf("unhandled: %s\n", (const char *)m->data);
		}
	}
}

/* Where a process of an older version comes in. */
static void codeswitch(long sum)
{
	loop(sum);
}

static void counter(void *unused)
{
	(void)unused;
	loop(0);
}

/* --- the program ---------------------------------------------------------- */

static int tell(hw_pid pid, const char *text)
{
	return hw_send(pid, text, strlen(text) + 1);
}

int main(void)
{
	char line[64];
	hw_pid pid;

	setvbuf(stdout, NULL, _IOLBF, 0);
	pid = hw_spawn_opt(counter, NULL,
			   &(struct hw_spawn_options){.name = "counter"});
	if (pid == 0)
		return EXIT_FAILURE;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (tell(pid, line) != 0)
			return EXIT_FAILURE;
		if (strcmp(line, "stop") == 0)
			break;
	}
	tell(pid, "stop");
	hw_wait(pid, -1);
	return EXIT_SUCCESS;
}
