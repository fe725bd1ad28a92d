/* SPDX-License-Identifier: MIT
 *
 * Operations on gen_servers, special processes and supervisors;
 * behaviours.erl is the same in Erlang. A server's state is a number: the
 * pointer itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hotwatch/supervisor.h>

#include "player.h"

enum {
	SHORT_MS = 50,
	CHILDREN_MAX = 8
};

static hw_pid target(const char *name)
{
	struct group *g = group_of(name);

	return g->n ? g->all[0].pid : hw_whereis(name);
}

static void say(char *result, int r)
{
	strcpy(result, r == HW_IGNORE ? "ignore"
		       : r == 0       ? "ok"
				      : hw_call_reason());
}

/* --- gen_servers ---------------------------------------------------------- */

static struct hw_spawn_options monitored(const char *name, hw_ref *ref)
{
	return (struct hw_spawn_options){.name = name, .monitor = ref};
}

static void keep(const char *name, hw_pid pid, hw_ref ref)
{
	struct group *g = group_of(name);

	free(g->all);
	g->all = calloc(1, sizeof(*g->all));
	g->all[0].pid = pid;
	g->all[0].ref = ref;
	g->n = 1;
}

static int start_server(const char *s, const char *module, const char *name,
			const char *how, char *result)
{
	const struct module *m = module_find(module);
	hw_ref ref;
	struct hw_spawn_options o = monitored(name, &ref);
	hw_pid pid;
	int r = hw_gen_server_start(m->server, (void *)(uintptr_t)how, &o,
				    LIMIT_MS, &pid);

	say(result, r);
	if (r == 0)
		keep(s, pid, ref);
	return r;
}

static void gen_start(char **w, char *result)
{
	start_server(w[1], w[2], NULL, w[3], result);
}

static void gen_start_named(char **w, char *result)
{
	start_server(w[1], w[2], w[3], "ok", result);
}

static void gen_start_slow(char **w, char *result)
{
	say(result, hw_gen_server_start(module_find(w[1])->server,
					(void *)"slow", NULL, SHORT_MS, NULL));
}

static void call_within(char **w, int ms, char *result)
{
	struct hw_message *m;
	int r =
	    hw_gen_server_call(target(w[1]), w[2], strlen(w[2]) + 1, ms, &m);

	strcpy(result, r < 0 ? hw_call_reason() : (const char *)m->data);
	if (r == 0)
		hw_message_free(m);
}

static void gen_call(char **w, char *result)
{
	call_within(w, LIMIT_MS, result);
}

static void gen_call_short(char **w, char *result)
{
	call_within(w, SHORT_MS, result);
}

static void gen_cast(char **w, char *result)
{
	hw_gen_server_cast(target(w[1]), w[2], strlen(w[2]) + 1);
	strcpy(result, "ok");
}

static void gen_send(char **w, char *result)
{
	hw_send(target(w[1]), w[2], strlen(w[2]) + 1);
	strcpy(result, "ok");
}

static void gen_stop(char **w, char *result)
{
	say(result, hw_gen_server_stop(target(w[1]), w[2], LIMIT_MS));
}

struct waiting {
	hw_pid pid;
	size_t n;
};

static bool has_messages(void *arg)
{
	const struct waiting *w = arg;
	struct hw_process_info info;

	return hw_process_info(w->pid, &info) == 0 && info.messages >= w->n;
}

static void waits(char **w, char *result)
{
	struct waiting wanted = {target(w[1]), strtoul(w[2], NULL, 10)};

	say_truth(result, until(has_messages, &wanted));
}

/* --- sys ------------------------------------------------------------------ */

static void special(char **w, char *result)
{
	hw_ref ref;
	struct hw_spawn_options o = monitored(NULL, &ref);

	o.system = true;
	keep(w[1], hw_spawn_opt(module_find(w[2])->special, NULL, &o), ref);
	strcpy(result, "ok");
}

static void sys_suspend(char **w, char *result)
{
	say(result, hw_sys_suspend(target(w[1]), LIMIT_MS));
}

static void sys_suspend_short(char **w, char *result)
{
	say(result, hw_sys_suspend(target(w[1]), SHORT_MS));
}

static void sys_resume(char **w, char *result)
{
	say(result, hw_sys_resume(target(w[1]), LIMIT_MS));
}

static void sys_change_code(char **w, char *result)
{
	const struct hw_sys_change c = {.module = w[2],
					.vsn = "1",
					.extra = w[3]};

	say(result, hw_sys_change_code(target(w[1]), &c, LIMIT_MS));
}

static void sys_get_state(char **w, char *result)
{
	if (hw_sys_get_state(target(w[1]), result, RESULT_MAX, LIMIT_MS) < 0)
		strcpy(result, hw_call_reason());
}

static int replace(void **state, void *arg)
{
	if (strcmp(arg, "die") == 0)
		hw_exit_self("because");
	if (strcmp(arg, "fail") == 0)
		return -1;
	*state = (void *)strtol(arg, NULL, 10);
	return 0;
}

static void sys_replace_state(char **w, char *result)
{
	say(result,
	    hw_sys_replace_state(target(w[1]), replace, w[2], LIMIT_MS));
}

static void sys_statistics(char **w, char *result)
{
	enum hw_sys_count what = strcmp(w[2], "on") == 0    ? HW_SYS_COUNT_ON
				 : strcmp(w[2], "get") == 0 ? HW_SYS_COUNT_GET
							    : HW_SYS_COUNT_OFF;
	struct hw_sys_statistics s;
	int r = hw_sys_statistics(target(w[1]), what, &s, LIMIT_MS);

	say(result, r);
	if (r == 0 && what == HW_SYS_COUNT_GET)
		sprintf(result, "%d in, %d out", (int)s.messages_in,
			(int)s.messages_out);
}

static void sys_terminate(char **w, char *result)
{
	say(result, hw_sys_terminate(target(w[1]), w[2], LIMIT_MS));
}

/* --- supervisors ---------------------------------------------------------- */

static struct child {
	char name[16], restart[16];
	const struct module *module;
	bool began;
	hw_pid was;
} children[CHILDREN_MAX];

static int start_child(void *arg, hw_pid *pid)
{
	struct child *c = arg;
	struct hw_spawn_options o = {.name = c->name, .link = true};
	bool fails = c->began && strcmp(c->restart, "failing") == 0;

	if (strcmp(c->restart, c->began ? "exiting" : "exits") == 0)
		hw_exit_self("oops");
	c->began = true;
	return hw_gen_server_start(c->module->server,
				   (void *)(fails ? "stop" : "ok"), &o, -1,
				   pid);
}

/* The specification of "NAME:RESTART". */
static struct hw_child spec(const char *module, const char *word)
{
	char name[40], *restart;
	struct child *c;

	snprintf(name, sizeof(name), "%s", word);
	restart = strchr(name, ':');
	*restart++ = '\0';
	c = ROW(children, name);
	snprintf(c->restart, sizeof(c->restart), "%s", restart);
	c->module = module_find(module);
	c->began = false;
	return (struct hw_child){.id = c->name,
				 .start = start_child,
				 .arg = c,
				 .restart = strcmp(restart, "transient") == 0
						? HW_TRANSIENT
					    : strcmp(restart, "temporary") == 0
						? HW_TEMPORARY
						: HW_PERMANENT,
				 .shutdown_ms = 1000};
}

static int init(void *arg, struct hw_supervisor *s)
{
	*s = *(struct hw_supervisor *)arg;
	return 0;
}

/* The children of T, by name; how many. */
static long which(const char *t, struct hw_child_info info[CHILDREN_MAX])
{
	struct hw_child_info one;
	long n = hw_supervisor_which_children(target(t), info, CHILDREN_MAX);

	for (long i = 0; i < n; i++)
		for (long k = i + 1; k < n; k++)
			if (strcmp(info[i].id, info[k].id) > 0) {
				one = info[i];
				info[i] = info[k];
				info[k] = one;
			}
	return n;
}

static void sup_mark(char **w, char *result)
{
	struct hw_child_info info[CHILDREN_MAX];
	long n = which(w[1], info);

	for (long i = 0; i < n; i++)
		((struct child *)ROW(children, info[i].id))->was = info[i].pid;
	strcpy(result, "ok");
}

static void sup_start(char **w, char *result)
{
	struct hw_child specs[CHILDREN_MAX];
	struct hw_supervisor s = {.children = specs,
				  .intensity = (unsigned)atoi(w[3]),
				  .period_s = (unsigned)atoi(w[4])};
	hw_ref ref;
	struct hw_spawn_options o = monitored(NULL, &ref);
	hw_pid pid;
	int r;

	s.strategy = strcmp(w[2], "one_for_all") == 0    ? HW_ONE_FOR_ALL
		     : strcmp(w[2], "rest_for_one") == 0 ? HW_REST_FOR_ONE
							 : HW_ONE_FOR_ONE;
	for (; w[6 + s.nchildren]; s.nchildren++)
		specs[s.nchildren] = spec(w[5], w[6 + s.nchildren]);
	r = hw_supervisor_start(init, &s, &o, &pid);
	say(result, r);
	if (r < 0)
		return;
	keep(w[1], pid, ref);
	sup_mark(w, result);
}

static void sup_look(char **w, char *result)
{
	struct hw_child_info info[CHILDREN_MAX];
	long n = which(w[1], info);

	result[0] = '\0';
	for (long i = 0; i < n; i++) {
		const struct child *c = ROW(children, info[i].id);

		sprintf(result + strlen(result), "%s%s%s", i ? " " : "",
			info[i].id,
			info[i].restarting      ? "?"
			: !info[i].pid          ? "-"
			: info[i].pid != c->was ? "!"
						: "");
	}
}

static void sup_count(char **w, char *result)
{
	struct hw_child_counts n;

	hw_supervisor_count_children(target(w[1]), &n);
	sprintf(result, "%zu specs, %zu active, %zu supervisors, %zu workers",
		n.specs, n.active, n.supervisors, n.workers);
}

struct ending {
	const char *supervisor, *child;
	hw_pid pid;
};

/* The supervisor has heard of it. */
static bool seen_to(void *arg)
{
	struct ending *e = arg;
	struct hw_child_info info[CHILDREN_MAX];
	long n = which(e->supervisor, info);

	for (long i = 0; i < n; i++)
		if (strcmp(info[i].id, e->child) == 0 && info[i].pid == e->pid)
			return false;
	return true;
}

static void sup_end(char **w, char *result)
{
	struct ending e = {w[1], w[2], hw_whereis(w[2])};
	char stop[32];

	snprintf(stop, sizeof(stop), "stop %s", w[3]);
	if (strcmp(w[3], "kill") == 0)
		hw_exit(e.pid, "kill");
	else
		hw_gen_server_cast(e.pid, stop, strlen(stop) + 1);
	hw_wait(e.pid, LIMIT_MS);
	strcpy(result, until(seen_to, &e) ? "ok" : "not seen to");
}

/* A child runs that is another than it was. */
static bool is_new(void *arg)
{
	struct ending *e = arg;
	struct hw_child_info info[CHILDREN_MAX];
	long n = which(e->supervisor, info);

	for (long i = 0; i < n; i++)
		if (strcmp(info[i].id, e->child) == 0)
			return info[i].pid && info[i].pid != e->pid;
	return false;
}

static void sup_settled(char **w, char *result)
{
	struct ending e = {w[1], w[2],
			   ((struct child *)ROW(children, w[2]))->was};

	strcpy(result, until(is_new, &e) ? "ok" : "not settled");
}

static void sup_start_child(char **w, char *result)
{
	struct hw_child c = spec(w[2], w[3]);

	say(result, hw_supervisor_start_child(target(w[1]), &c, NULL));
}

static void sup_terminate_child(char **w, char *result)
{
	say(result, hw_supervisor_terminate_child(target(w[1]), w[2]));
}

static void sup_restart_child(char **w, char *result)
{
	say(result, hw_supervisor_restart_child(target(w[1]), w[2], NULL));
}

static void sup_delete_child(char **w, char *result)
{
	say(result, hw_supervisor_delete_child(target(w[1]), w[2]));
}

static const struct operation table[] = {
    {"gen_start", 4, gen_start},
    {"gen_start_named", 4, gen_start_named},
    {"gen_start_slow", 2, gen_start_slow},
    {"gen_call", 3, gen_call},
    {"gen_call_short", 3, gen_call_short},
    {"gen_cast", 3, gen_cast},
    {"gen_send", 3, gen_send},
    {"gen_stop", 3, gen_stop},
    {"waits", 3, waits},
    {"special", 3, special},
    {"sys_suspend", 2, sys_suspend},
    {"sys_suspend_short", 2, sys_suspend_short},
    {"sys_resume", 2, sys_resume},
    {"sys_change_code", 4, sys_change_code},
    {"sys_get_state", 2, sys_get_state},
    {"sys_replace_state", 3, sys_replace_state},
    {"sys_statistics", 3, sys_statistics},
    {"sys_terminate", 3, sys_terminate},
    {"sup_start", 6, sup_start},
    {"sup_mark", 2, sup_mark},
    {"sup_look", 2, sup_look},
    {"sup_count", 2, sup_count},
    {"sup_end", 4, sup_end},
    {"sup_settled", 3, sup_settled},
    {"sup_start_child", 4, sup_start_child},
    {"sup_terminate_child", 3, sup_terminate_child},
    {"sup_restart_child", 3, sup_restart_child},
    {"sup_delete_child", 3, sup_delete_child},
    {NULL, 0, NULL},
};

bool behaviour_op(int n, char **words, char *result)
{
	return operation_run(table, n, words, result);
}
