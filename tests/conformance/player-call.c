/* SPDX-License-Identifier: MIT
 *
 * Operations that call into modules, keep what they gave, and run other
 * operations several at a time. See player.erl for the same in Erlang.
 *
 * Jobs and what is held belong to the player's own process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "player.h"

enum {
	JOBS_MAX = 8,
	HELD_MAX = 4,
	TRACE_MAX = 32
};

static struct job {
	char name[16], line[200], result[RESULT_MAX];
	int alike; /* jobs with this result */
	hw_ref ref;
} jobs[JOBS_MAX];

static struct held {
	char name[16];
	player_function *fn;
	const char *text;
	void **trace;
} held[HELD_MAX];

/* --- calls ---------------------------------------------------------------- */

struct call {
	player_function *number;
	void (*text)(char *out);
	char result[RESULT_MAX];
};

static void call_it(void *arg)
{
	struct call *c = arg;

	if (c->text)
		c->text(c->result);
	else
		sprintf(c->result, "%d", c->number());
}

static void call_safely(struct call *c, char *result)
{
	char buffer[HW_REASON_MAX];
	const char *why = in_process(call_it, c, buffer);

	strcpy(result, why ? why : c->result);
}

static void call(char **w, char *result)
{
	const struct module *m = module_find(w[1]);
	struct call c = {0};

	if (strcmp(w[2], "version") == 0)
		c.number = m->version;
	if (strcmp(w[2], "extra") == 0)
		c.number = m->extra;
	if (strcmp(w[2], "across") == 0)
		c.text = m->across;
	if (strcmp(w[2], "data") == 0)
		c.text = m->data;
	call_safely(&c, result);
}

static void hold(char **w, char *result)
{
	const struct module *m = module_find(w[2]);
	struct held *h = ROW(held, w[1]);

	if (strcmp(w[3], "literal") == 0)
		h->text = m->literal();
	if (strcmp(w[3], "pick") == 0)
		h->fn = m->pick();
	if (strcmp(w[3], "external") == 0)
		h->fn = m->external();
	if (strcmp(w[3], "trace") == 0) {
		h->trace = calloc(TRACE_MAX, sizeof(void *));
		m->trace(h->trace, TRACE_MAX);
	}
	strcpy(result, "ok");
}

static void show(char **w, char *result)
{
	struct held *h = ROW(held, w[1]);

	strcpy(result, h->text);
}

static void call_held(char **w, char *result)
{
	struct held *h = ROW(held, w[1]);
	struct call c = {.number = h->fn};

	call_safely(&c, result);
}

static void drop(char **w, char *result)
{
	struct held *h = ROW(held, w[1]);

	if (h->trace)
		memset(h->trace, 0, TRACE_MAX * sizeof(void *));
	free(h->trace);
	memset(h, 0, sizeof(*h));
	strcpy(result, "ok");
}

/* --- several at a time ---------------------------------------------------- */

static void run_job(void *arg)
{
	struct job *j = arg;

	player_line(j->line, j->result);
}

static void job_start(struct job *j, char **w)
{
	struct hw_spawn_options options = {.monitor = &j->ref};

	j->line[0] = '\0';
	for (int i = 0; w[i]; i++)
		sprintf(j->line + strlen(j->line), "%s ", w[i]);
	hw_spawn_opt(run_job, j, &options);
}

static void job_wait(struct job *j)
{
	char why[HW_REASON_MAX];

	wait_down(j->ref, why);
	if (strcmp(why, "normal") != 0)
		strcpy(j->result, why);
}

static void start(char **w, char *result)
{
	job_start(ROW(jobs, w[1]), w + 2);
	strcpy(result, "ok");
}

static void result_op(char **w, char *result)
{
	struct job *j = ROW(jobs, w[1]);

	job_wait(j);
	strcpy(result, j->result);
}

static int by_result(const void *a, const void *b)
{
	const struct job *x = a, *y = b;

	return x->alike != y->alike ? x->alike - y->alike
				    : strcmp(x->result, y->result);
}

/* "1 true, 19 false": the fewest first. */
static void tally(struct job *all, int n, char *result)
{
	for (int i = 0; i < n; i++)
		for (int k = all[i].alike = 0; k < n; k++)
			all[i].alike += !strcmp(all[i].result, all[k].result);
	qsort(all, (size_t)n, sizeof(*all), by_result);
	result[0] = '\0';
	for (int i = 0; i < n; i += all[i].alike)
		sprintf(result + strlen(result), "%s%d %s", i ? ", " : "",
			all[i].alike, all[i].result);
}

static void at_once(struct job *all, int n, char *result)
{
	for (int i = 0; i < n; i++)
		job_wait(&all[i]);
	tally(all, n, result);
	free(all);
}

static void times(char **w, char *result)
{
	int n = atoi(w[1]);
	struct job *all = calloc((size_t)n, sizeof(*all));

	for (int i = 0; i < n; i++)
		job_start(&all[i], w + 2);
	at_once(all, n, result);
}

/* One operation with each of several items, at the same time. */
static void race(char **w, char *result)
{
	struct job *all = calloc(WORDS_MAX, sizeof(*all));
	char item[40], *words[] = {w[1], item, NULL, NULL};
	int n = 0;

	for (; w[2 + n]; n++) {
		snprintf(item, sizeof(item), "%s", w[2 + n]);
		words[2] = strchr(item, ':');
		*words[2]++ = '\0';
		job_start(&all[n], words);
	}
	at_once(all, n, result);
}

static void repeat(char **w, char *result)
{
	int words = 0, n = atoi(w[1]);
	struct job *all = calloc((size_t)n, sizeof(*all));

	while (w[2 + words])
		words++;
	for (int i = 0; i < n; i++)
		player_op(words, w + 2, all[i].result);
	tally(all, n, result);
	free(all);
}

/* Loads each version, tells the group to go over, purges when it has. */
static void switch_all(char **w, char *result)
{
	struct group *g = group_of(w[1]);
	int items = 0, passes = atoi(w[2]);
	char line[100], item[40], soft[RESULT_MAX], *key;
	struct job *all;

	while (w[3 + items])
		items++;
	all = calloc((size_t)(passes * items), sizeof(*all));
	for (int i = 0; i < passes * items; i++) {
		snprintf(item, sizeof(item), "%s", w[3 + i % items]);
		key = strchr(item, ':');
		*key++ = '\0';
		snprintf(line, sizeof(line), "load_abs %s %s", item, key);
		player_line(line, all[i].result);
		snprintf(line, sizeof(line), "change %d", atoi(key));
		group_send(g, line);
		snprintf(line, sizeof(line), "soft_purge_soon %s", item);
		player_line(line, soft);
		sprintf(all[i].result + strlen(all[i].result), " %s", soft);
	}
	tally(all, passes * items, result);
	free(all);
}

static const struct operation table[] = {
    {"call", 3, call},
    {"hold", 4, hold},
    {"show", 2, show},
    {"call_held", 2, call_held},
    {"drop", 2, drop},
    {"start", 3, start},
    {"result", 2, result_op},
    {"times", 3, times},
    {"race", 3, race},
    {"repeat", 3, repeat},
    {"switch_all", 4, switch_all},
    {NULL, 0, NULL},
};

bool call_op(int n, char **words, char *result)
{
	return operation_run(table, n, words, result);
}
