/* SPDX-License-Identifier: MIT
 *
 * Operations on processes. See player.erl for the same in Erlang.
 *
 * Groups belong to the player's own process; operations that run in other
 * processes only read them.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "player.h"

enum {
	GROUPS_MAX = 8,
	JOBS_MAX = 8,
	HELD_MAX = 4,
	TRACE_MAX = 32
};

#define MODULE(m)                                                              \
	{                                                                      \
#m, m##_version, m##_extra, m##_across, m##_data, m##_literal, \
		    m##_pick, m##_external, m##_trace, m##_server,             \
		    m##_special,                                               \
		{                                                              \
			{"loop", m##_loop}, {"local", m##_local},              \
			    {"mixed", m##_mixed}, {"trap", m##_trap},          \
			    {"busy", m##_busy}, {"below", m##_below},          \
			    {"caller", m##_caller}, {"check", m##_check},      \
			    {"reader", m##_reader}, {"before", m##_before},    \
			{                                                      \
				NULL, NULL                                     \
			}                                                      \
		}                                                              \
	}

const struct module modules[] = {
    MODULE(m),      MODULE(n),
    MODULE(o),      MODULE(p),
    MODULE(q),      {.name = "player", .entries = {{"wait", player_wait}}},
    {.name = NULL},
};

static struct group groups[GROUPS_MAX];

void *row_of(void *table, size_t size, size_t rows, const char *name)
{
	char *row = table;

	for (size_t i = 0; i < rows; i++, row += size)
		if (strcmp(row, name) == 0)
			return row;
	for (row = table; *row; row += size)
		;
	snprintf(row, 16, "%s", name);
	return row;
}

const struct module *module_find(const char *name)
{
	for (const struct module *m = modules; m->name; m++)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

/* --- spawning ------------------------------------------------------------- */

struct settling {
	hw_pid pid;
	int arrivals; /* before it was started */
};

static bool settled(void *arg)
{
	struct settling *s = arg;
	struct hw_process_info info;

	return hw_process_info(s->pid, &info) < 0 || info.waiting ||
	       __atomic_load_n(&player_arrivals, __ATOMIC_SEQ_CST) >
		   s->arrivals;
}

static void spawn_group(const char *name, int n, void (*run)(void *), void *arg)
{
	struct group *g = ROW(groups, name);
	struct hw_spawn_options options = {0};
	struct settling s = {.arrivals = player_arrivals};

	free(g->all);
	g->all = calloc((size_t)n, sizeof(*g->all));
	g->n = n;
	for (int i = 0; i < n; i++) {
		options.monitor = &g->all[i].ref;
		g->all[i].pid = hw_spawn_opt(run, arg, &options);
	}
	for (int i = 0; i < n; i++) {
		s.pid = g->all[i].pid;
		until(settled, &s);
	}
}

static void spawn_many(char **w, char *result)
{
	const struct module *m = module_find(w[3]);

	for (const struct entry *e = m ? m->entries : NULL; e && e->name; e++) {
		if (strcmp(e->name, w[4]) != 0)
			continue;
		spawn_group(w[2], atoi(w[1]), e->run,
			    strcmp(w[4], "check") == 0
				? (void *)(intptr_t)m->version()
				: NULL);
		strcpy(result, "ok");
	}
}

static void spawn_one(char **w, char *result)
{
	char *words[] = {"spawn_many", "1", w[1], w[2], w[3], NULL};

	spawn_many(words, result);
}

static void bystanders(char **w, char *result)
{
	char *words[] = {"spawn_many", w[1], w[2], "player", "wait", NULL};

	spawn_many(words, result);
}

/* A behaviour's loop: its module is called, and returned from. */
static void serve(void *arg)
{
	const struct module *m = arg;
	struct hw_message *question;

	for (;;) {
		question = player_question();
		player_answer(question, m->version());
	}
}

static void server(char **w, char *result)
{
	spawn_group(w[1], 1, serve, (void *)module_find(w[2]));
	strcpy(result, "ok");
}

/* --- talking -------------------------------------------------------------- */

struct asked {
	hw_pid pid;
	hw_ref question, monitor;
};

static bool is_answer(const struct hw_message *m, void *arg)
{
	struct asked *a = arg;

	return m->kind == HW_DOWN
		   ? m->ref == a->monitor
		   : m->kind == HW_MESSAGE && m->ref == a->question;
}

static void ask(hw_pid pid, const char *question, char *result)
{
	struct asked a = {pid, hw_make_ref(), hw_monitor(pid)};
	struct hw_message *m;

	hw_send_ref(pid, a.question, question, strlen(question) + 1);
	m = hw_receive_match(is_answer, &a, LIMIT_MS);
	hw_demonitor(a.monitor);
	strcpy(result, !m                   ? "no answer"
		       : m->kind == HW_DOWN ? "dead"
					    : (char *)m->data);
	if (m)
		hw_message_free(m);
}

struct group *group_of(const char *name)
{
	return ROW(groups, name);
}

static void ask_op(char **w, char *result)
{
	ask(group_of(w[1])->all[0].pid, "ask", result);
}

static void from(char **w, char *result)
{
	char line[200] = "do";

	for (int i = 2; w[i]; i++)
		sprintf(line + strlen(line), " %s", w[i]);
	ask(group_of(w[1])->all[0].pid, line, result);
}

static void link_op(char **w, char *result)
{
	char line[40];

	sprintf(line, "link %llu",
		(unsigned long long)group_of(w[2])->all[0].pid);
	ask(group_of(w[1])->all[0].pid, line, result);
}

void group_send(const struct group *g, const char *text)
{
	for (int i = 0; i < g->n; i++)
		hw_send(g->all[i].pid, text, strlen(text) + 1);
}

static void wake(char **w, char *result)
{
	group_send(group_of(w[1]), "wake");
	strcpy(result, "ok");
}

static bool is_registered(void *name)
{
	return hw_whereis(name) != 0;
}

static void tell_op(char **w, char *result)
{
	until(is_registered, w[1]);
	hw_send(hw_whereis(w[1]), w[2], strlen(w[2]) + 1);
	strcpy(result, "ok");
}

static void pending(char **w, char *result)
{
	say_truth(result, until(is_registered, w[1]));
}

/* --- ending --------------------------------------------------------------- */

static void alive(char **w, char *result)
{
	const struct group *g = group_of(w[1]);
	int n = 0;

	for (int i = 0; i < g->n; i++)
		n += hw_is_alive(g->all[i].pid);
	sprintf(result, "%d", n);
}

static void rest(char **w, char *result)
{
	const struct group *g = group_of(w[1]);
	struct settling s = {.arrivals = player_arrivals};

	for (int i = 0; i < g->n; i++) {
		s.pid = g->all[i].pid;
		until(settled, &s);
	}
	strcpy(result, "ok");
}

static void exit_op(char **w, char *result)
{
	say_truth(result, hw_exit(group_of(w[1])->all[0].pid, w[2]) == 0);
}

static void kill_named(char **w, char *result)
{
	say_truth(result, hw_exit(hw_whereis(w[1]), "kill") == 0);
}

/* The reasons that occur in a group, each once. */
static void reason(char **w, char *result)
{
	const struct group *g = group_of(w[1]);
	char one[HW_REASON_MAX];

	result[0] = '\0';
	for (int i = 0; i < g->n; i++) {
		wait_down(g->all[i].ref, one);
		if (!strstr(result, one))
			sprintf(result + strlen(result), "%s%s",
				*result ? ", " : "", one);
	}
}

static void check_process(char **w, char *result)
{
	hw_pid pid = group_of(w[1])->all[0].pid;

	say_truth(result, hw_check_process_code(pid, w[2]));
}

/* A process of MODULE's that has been ended holds nothing of it. */
static void exited_then_check(char **w, char *result)
{
	char *spawn[] = {"spawn", "once", w[1], "local", NULL};
	char *load[] = {"load_abs", w[1], "0", NULL};
	char *once[] = {"", "once", w[1], NULL}, ignored[RESULT_MAX];

	spawn_one(spawn, ignored);
	hw_code_delete(w[1]);
	hw_exit(group_of("once")->all[0].pid, "kill");
	reason(once, ignored);
	check_process(once, result);
	hw_code_purge(w[1]);
	code_op(3, load, ignored);
}

static const struct operation table[] = {
    {"spawn", 4, spawn_one},
    {"spawn_many", 5, spawn_many},
    {"bystanders", 3, bystanders},
    {"server", 3, server},
    {"ask", 2, ask_op},
    {"from", 3, from},
    {"link", 3, link_op},
    {"wake", 2, wake},
    {"tell", 3, tell_op},
    {"pending", 2, pending},
    {"rest", 2, rest},
    {"alive", 2, alive},
    {"exit", 3, exit_op},
    {"kill_named", 2, kill_named},
    {"reason", 2, reason},
    {"check_process_code", 3, check_process},
    {"exited_then_check", 2, exited_then_check},
    {NULL, 0, NULL},
};

bool process_op(int n, char **words, char *result)
{
	return operation_run(table, n, words, result);
}
