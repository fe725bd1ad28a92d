/* SPDX-License-Identifier: MIT
 *
 * What erlang.py measures, on the code server; erlang_bench.erl is the same in
 * Erlang. Reads lines "WHAT COUNT" and prints the COUNT times it took, in
 * microseconds. path/bN.so are the ten modules' files; before each load they
 * are exchanged, since the same content is not loaded again.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <hotwatch/code.h>
#include <hotwatch/process.h>

enum {
	MODULES = 10,
	PROCESSES = 1000
};

void b0_local(void *arg);

static char names[MODULES][8];
static int which[MODULES];

static void fail(const char *what, int got)
{
	fprintf(stderr, "%s: %d: %s\n", what, got, hw_code_error());
	_exit(1);
}

static void wanted(const char *what, int got, int wanted)
{
	if (got != wanted)
		fail(what, got);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void swap(int i)
{
	char from[32], to[32], new[40];

	which[i] = which[i] == 1 ? 2 : 1;
	snprintf(from, sizeof(from), "%d/%s.so", which[i], names[i]);
	snprintf(to, sizeof(to), "path/%s.so", names[i]);
	snprintf(new, sizeof(new), "%s.new", to);
	if (link(from, new) < 0 || rename(new, to) < 0)
		fail(from, -1);
}

static void load(void)
{
	wanted("load_file", hw_code_load_file("b0"), 0);
}

static double load_file(void)
{
	double began;

	swap(0);
	began = now_us();
	load();
	began = now_us() - began;
	wanted("soft_purge", hw_code_soft_purge("b0"), 1);
	return began;
}

static double load_and_soft_purge(void)
{
	double began;

	swap(0);
	began = now_us();
	load();
	wanted("soft_purge", hw_code_soft_purge("b0"), 1);
	return now_us() - began;
}

static double atomic_load(void)
{
	struct hw_code_item items[MODULES] = {0};
	double began;

	for (int i = 0; i < MODULES; i++) {
		swap(i);
		items[i].module = names[i];
	}
	began = now_us();
	wanted("atomic_load", hw_code_atomic_load(items, MODULES), 0);
	began = now_us() - began;
	for (int i = 0; i < MODULES; i++)
		wanted("soft_purge", hw_code_soft_purge(names[i]), 1);
	return began;
}

static void settle(hw_pid pid)
{
	struct timespec pause = {0, 100000};
	struct hw_process_info info;

	while (hw_process_info(pid, &info) == 0 && !info.waiting)
		nanosleep(&pause, NULL);
}

static void start(hw_pid *pids, void (*fn)(void *arg))
{
	struct hw_spawn_options options = {.stack_size = 64 << 10};

	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = hw_spawn_opt(fn, NULL, &options);
		if (!pids[i])
			fail("hw_spawn_opt", -1);
	}
	for (int i = 0; i < PROCESSES; i++)
		settle(pids[i]);
}

static double purge_kills(void)
{
	static hw_pid pids[PROCESSES];
	double began;

	start(pids, b0_local);
	swap(0);
	load();
	began = now_us();
	wanted("purge", hw_code_purge("b0"), 1);
	began = now_us() - began;
	for (int i = 0; i < PROCESSES; i++)
		wanted("alive", hw_is_alive(pids[i]), 0);
	return began;
}

static void bystander(void *arg)
{
	(void)arg;
	hw_message_free(hw_receive(-1));
}

static double purge_past(void)
{
	static hw_pid pids[PROCESSES];
	double began;

	if (!pids[0])
		start(pids, bystander);
	swap(0);
	load();
	began = now_us();
	wanted("purge", hw_code_purge("b0"), 0);
	return now_us() - began;
}

static const struct {
	const char *name;
	double (*measure)(void);
} table[] = {
    {"load_file", load_file},     {"load_and_soft_purge", load_and_soft_purge},
    {"atomic_load", atomic_load}, {"purge_kills", purge_kills},
    {"purge_past", purge_past},
};

int main(void)
{
	char line[100], what[64];
	int count;

	wanted("add_path", hw_code_add_path("path"), 0);
	for (int i = 0; i < MODULES; i++)
		snprintf(names[i], sizeof(names[i]), "b%d", i);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%63s %d", what, &count) != 2)
			return 2;
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
			while (strcmp(table[i].name, what) == 0 && count-- > 0)
				printf("%.3f ", table[i].measure());
		puts("");
		fflush(stdout);
	}
	return 0;
}
