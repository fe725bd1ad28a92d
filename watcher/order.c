/* SPDX-License-Identifier: MIT
 *
 * See order.h. Several processes may have the module; each that did it is a
 * line on stdout, each that refused a line on stderr, and one refusal makes
 * the status 1. With --json it is one document, with the first refusal's word
 * in "error", whatever the number.
 */
#include "watcher/order.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/held.h"
#include "watcher/jsonget.h"
#include "watcher/survey.h"

/* A refusal of one target: its word, and a sentence in T. NULL: it was done. */
static const char *refusal(const struct order *order, const char *module,
			   const cJSON *target, struct text *t)
{
	const cJSON *error = json_at(target, "error");
	const cJSON *result = json_at(target, "result");
	const cJSON *holders = json_at(error, "holders");
	int pid = json_int(target, "pid", 0);

	if (error) {
		text_puts(t, json_str(error, "message"));
		if (cJSON_GetArraySize(holders) > 0) {
			text_puts(t, " (");
			held_phrases(t, holders, pid);
			text_puts(t, ")");
		}
		return *json_str(error, "reason") ? json_str(error, "reason")
						  : "failed";
	}
	if (!order->why_not || !order->fact || json_true(result, order->fact))
		return NULL;
	order->why_not(t, module, result, pid);
	return "not_purged";
}

static void add_error(cJSON *answer, const char *reason, const char *message)
{
	cJSON *error;

	if (json_at(answer, "error"))
		return;
	error = cJSON_AddObjectToObject(answer, "error");
	cJSON_AddStringToObject(error, "reason", reason);
	cJSON_AddStringToObject(error, "message", message);
}

static const char *operands_joined(const struct options *o, struct text *t)
{
	for (int i = 0; i < o->noperands; i++)
		text_printf(t, "%s%s", i ? ", " : "", o->operands[i]);
	return t->s;
}

/* One target: a line in OUT, or a complaint. */
static int tell_one(const struct options *o, const struct order *order,
		    cJSON *answer, const cJSON *target, struct text *out)
{
	const char *module = json_str(target, "module"), *reason;
	int pid = json_int(target, "pid", 0);
	struct text why = {0}, several = {0};
	struct ui ui;

	if (!order->process && o->noperands > 1)
		module = operands_joined(o, &several);
	reason = refusal(order, module, target, &why);
	if (reason) {
		text_printf(&why, ", in pid %d", pid);
		ask_complain(o, reason, why.s);
		add_error(answer, reason, why.s);
		text_free(&why);
		text_free(&several);
		return STATUS_REFUSED;
	}
	ui_open(&ui, STDOUT_FILENO, o->color);
	order->put(out, &ui, module, json_at(target, "result"), pid);
	text_free(&several);
	return STATUS_DONE;
}

static bool is_noproc(const cJSON *target)
{
	return !strcmp(json_str(json_at(target, "error"), "reason"), "noproc");
}

/* Leaves those out that have no such process, if any has. */
static void pass_over(cJSON *targets)
{
	cJSON *t = targets ? targets->child : NULL, *next;
	int n = 0;

	for (cJSON *i = t; i; i = i->next)
		n += is_noproc(i);
	if (n == cJSON_GetArraySize(targets))
		return;
	for (; t; t = next) {
		next = t->next;
		if (is_noproc(t))
			cJSON_Delete(cJSON_DetachItemViaPointer(targets, t));
	}
}

static int tell(const struct options *o, const struct order *order,
		cJSON *answer)
{
	struct text out = {0};
	int status = STATUS_DONE;
	const cJSON *t;

	cJSON_ArrayForEach(t, json_at(answer, "targets"))
	{
		if (tell_one(o, order, answer, t, &out) != STATUS_DONE)
			status = STATUS_REFUSED;
	}
	if (o->json)
		ask_print_json(answer);
	else
		ask_print(&out);
	text_free(&out);
	return status;
}

static void add_operand(cJSON *params, const struct order *order,
			const char *word)
{
	char *end, *module;
	long n = strtol(word, &end, 10);

	if (order->process && *word && *end == '\0' && n > 0) {
		cJSON_AddNumberToObject(params, "process", (double)n);
		return;
	}
	module = order->process ? xstrdup(word) : ask_module_name(word);
	cJSON_AddStringToObject(params, order->process ? "process" : "module",
				module);
	free(module);
}

static void add_operands(cJSON *params, const struct order *order,
			 const struct options *o)
{
	cJSON *list;

	if (order->process || o->noperands == 1) {
		add_operand(params, order, o->operands[0]);
		return;
	}
	list = cJSON_AddArrayToObject(params, "modules");
	for (int i = 0; i < o->noperands; i++) {
		char *module = ask_module_name(o->operands[i]);

		cJSON_AddItemToArray(list, cJSON_CreateString(module));
		free(module);
	}
}

static int none_has_it(const struct options *o, const struct order *order)
{
	if (order->process)
		return ask_fail(o, STATUS_REFUSED, "noproc",
				"no hot-built program runs that could have a "
				"process %s",
				o->operands[0]);
	return ask_fail(o, STATUS_REFUSED, "unknown_module",
			"no running program has one module %s; "
			"`hotwatch modules` lists them",
			o->operands[0]);
}

int order_run(const struct options *o, const struct order *order, cJSON *params,
	      int limit_ms)
{
	struct ask_question q = {.method = order->method,
				 .limit_ms = limit_ms,
				 .direct = survey_order};
	int status;
	cJSON *answer;

	if (!params)
		params = cJSON_CreateObject();
	add_operands(params, order, o);
	if (o->target)
		cJSON_AddStringToObject(params, "target", o->target);
	q.params = params;
	answer = ask_watcher(o, &q, &status);
	if (answer && order->process)
		pass_over(cJSON_GetObjectItemCaseSensitive(answer, "targets"));
	if (answer && cJSON_GetArraySize(json_at(answer, "targets")) == 0)
		status = none_has_it(o, order);
	else if (answer)
		status = tell(o, order, answer);
	cJSON_Delete(answer);
	cJSON_Delete(params);
	return status;
}

void order_put_process(struct text *t, const struct ui *ui, const char *word,
		       const cJSON *result, int pid)
{
	const char *name = json_str(result, "name");

	ui_put(t, ui, UI_NAME, "process %d", json_int(result, "process", 0));
	if (*name)
		text_printf(t, " (%s)", name);
	text_printf(t, " %s in pid %d\n", word, pid);
}

static void put_killed(struct text *t, const cJSON *killed, int pid)
{
	const cJSON *k;

	if (cJSON_GetArraySize(killed) == 0)
		return;
	text_puts(t, cJSON_GetArraySize(killed) == 1 ? "killed process "
						     : "killed processes ");
	cJSON_ArrayForEach(k, killed)
	{
		text_printf(t, "%s%.0f", k == killed->child ? "" : ", ",
			    cJSON_GetNumberValue(k));
	}
	text_printf(t, " in pid %d\n", pid);
}

void order_put_fates(struct text *t, const struct ui *ui, const char *module,
		     const cJSON *result, int pid)
{
	const cJSON *fates = json_at(result, "versions"), *f;

	put_killed(t, json_at(result, "killed"), pid);
	cJSON_ArrayForEach(f, fates)
	{
		ui_put(t, ui, UI_NAME, "%s v%d", json_str(f, "module"),
		       json_int(f, "version", 0));
		text_puts(t, " ");
		held_fate(t, f, pid);
		text_puts(t, "\n");
	}
	if (cJSON_GetArraySize(fates) > 0)
		return;
	ui_put(t, ui, UI_NAME, "%s", module);
	text_printf(t, " %s no old version in pid %d\n",
		    strchr(module, ',') ? "have" : "has", pid);
}

int order_number(const struct options *o, const char *option, int *status)
{
	const char *s = options_value(o, option);
	char *end;
	long n = strtol(s, &end, 10);

	*status = STATUS_DONE;
	if (*s && *end == '\0' && n >= 0 && n < INT_MAX)
		return (int)n;
	*status = ask_fail(o, STATUS_USAGE, "usage",
			   "--%s %s: not a whole number, 0 or more", option, s);
	return -1;
}
