/* SPDX-License-Identifier: MIT
 *
 * What gen_server.py measures, in C; gen_server_bench.erl is the same in
 * Erlang. Reads lines "CALLERS CALLS" and prints the nanoseconds that a call
 * took, from the first to the last: of so many processes at once, each of which
 * makes so many calls. "0 CALLS": of the main thread, which is no process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hotwatch/gen_server.h>

enum {
	CALLERS_MAX = 64
};

static hw_pid server;
static int calls;

static void *add(void *n, const struct hw_message *m)
{
	hw_gen_server_reply(m->ref, &n, sizeof(n));
	return (char *)n + 1;
}

HW_GEN_SERVER(counter, .handle_call = add)

static void call_all(void *unused)
{
	struct hw_message *m;

	(void)unused;
	for (int i = 0; i < calls; i++) {
		if (hw_gen_server_call(server, "add", 4, -1, &m) < 0)
			abort();
		hw_message_free(m);
	}
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double measure(int callers)
{
	hw_pid all[CALLERS_MAX];
	double began = now_ns();

	if (callers == 0)
		call_all(NULL);
	for (int i = 0; i < callers; i++)
		all[i] = hw_spawn(call_all, NULL);
	for (int i = 0; i < callers; i++)
		hw_wait(all[i], -1);
	return (now_ns() - began) / calls / (callers ? callers : 1);
}

int main(void)
{
	char line[100];
	int callers;

	if (hw_gen_server_start(counter, NULL, NULL, -1, &server) < 0)
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%d %d", &callers, &calls) != 2 ||
		    callers > CALLERS_MAX)
			return 2;
		printf("%.1f\n", measure(callers));
		fflush(stdout);
	}
	return 0;
}
