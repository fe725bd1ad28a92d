/* SPDX-License-Identifier: MIT
 *
 * What a rehearsal finds: a program that died, with the place; and who holds
 * old code, by name.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/client.h"
#include "watcher/held.h"
#include "watcher/jsonget.h"
#include "watcher/rehearse-internal.h"
#include "watcher/survey.h"

/* --- findings ------------------------------------------------------------- */

/* When it was: "on the old code", "after the upgrade" ... */
const char *play_when(const struct play *p)
{
	static const char *const words[] = {"on the old code",
					    "after the upgrade",
					    "after the downgrade",
					    "after the second upgrade"};

	return words[p->steps <= STEPS ? p->steps : 2 + (p->steps & 1)];
}

void play_found(struct play *p, enum check_rule_id rule, const char *module,
		const char *symbol, const char *file, int line, char *message)
{
	check_add_told(p->h->r, rule, module, symbol, file,
		       line > 0 ? (unsigned)line : 0, message);
	free(message);
}

/* The last line that the program printed, malloc'd. */
static char *last_words(const struct play *p)
{
	char *text = NULL, *line;
	size_t len;

	if (file_read(p->guard.said, &text, &len, NULL) < 0)
		return xstrdup("");
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	line = strrchr(text, '\n');
	line = *text ? xasprintf("; it said: %.200s", line ? line + 1 : text)
		     : xstrdup("");
	free(text);
	return line;
}

static void died_at(struct play *p, const struct guard_death *d)
{
	struct symbol_frames at = {0};
	const struct symbol_frame *f = NULL;
	char *last = last_words(p);

	if (d->object[0])
		symbolize_code(p->symbols, d->object, d->offset, &at);
	f = at.n ? &at.v[0] : NULL;
	play_found(p, RULE_REHEARSAL_CRASH, p->h->release->program,
		   f && f->function ? f->function : "", f ? f->file : NULL,
		   f ? f->line : 0,
		   xasprintf("the program died of %s (%s) %s%s%s%s",
			     strsignal(d->signal), sigabbrev_np(d->signal),
			     play_when(p), f && f->function ? ", in " : "",
			     f && f->function ? f->function : "", last));
	symbol_frames_free(&at);
	free(last);
}

/* The program is gone: why, and where, as far as it is known. */
void play_gone(struct play *p)
{
	int64_t end = play_now() + 2000;
	struct guard_death d = {0};
	char *last;

	if (p->over)
		return;
	p->over = true;
	while (!guard_ended(&p->guard) && play_now() < end)
		nanosleep(&play_nap, NULL); /* others of it may run on */
	if (!guard_death(&p->guard, p->pid, &d) && p->guard.status > 128)
		d.signal = p->guard.status - 128;
	if (d.signal) {
		died_at(p, &d);
		return;
	}
	last = last_words(p);
	play_found(p, RULE_REHEARSAL_CRASH, p->h->release->program, "", NULL, 0,
		   xasprintf("the program ended with status %d %s, before the "
			     "rehearsal was over%s",
			     p->guard.status, play_when(p), last));
	free(last);
}

/* --- holders -------------------------------------------------------------- */

/* The holders that are left of the release's modules in target T; NULL: none,
 * or it is gone. */
static cJSON *holders_ask(const struct play *p, const cJSON *t)
{
	const struct release *r = p->h->release;
	cJSON *params = cJSON_CreateObject(), *result = NULL, *holders;
	cJSON *list = cJSON_AddArrayToObject(params, "modules");
	struct client_error e = {0};

	for (size_t i = 0; i < r->nmodules; i++)
		cJSON_AddItemToArray(list,
				     cJSON_CreateString(r->modules[i].name));
	survey_ask(t, "code/softPurge", params, 10000, &result, &e);
	client_error_free(&e);
	holders = cJSON_DetachItemFromObjectCaseSensitive(result, "holders");
	cJSON_Delete(result);
	if (cJSON_GetArraySize(holders) > 0)
		return holders;
	cJSON_Delete(holders);
	return NULL;
}

static void holder_found(struct play *p, const cJSON *holder, int pid)
{
	struct text t = {0};

	held_phrase(&t, holder, pid);
	play_found(p, RULE_REHEARSAL_HOLDER, json_str(holder, "module"),
		   json_str(holder, "function"), json_str(holder, "file"),
		   json_int(holder, "line", 0),
		   xasprintf("%s v%d was still held %d ms %s, by %s",
			     json_str(holder, "module"),
			     json_int(holder, "version", 0), p->h->deadline_ms,
			     play_when(p),
			     t.s ? t.s : json_str(holder, "message")));
	text_free(&t);
}

static void holders_check_in(struct play *p, const cJSON *t, int64_t end)
{
	cJSON *holders, *loaded;
	const cJSON *h;

	while ((holders = holders_ask(p, t)) != NULL && play_now() < end) {
		cJSON_Delete(holders);
		nanosleep(&play_nap, NULL);
	}
	if (!holders)
		return;
	loaded = survey_loaded(t);
	held_name(p->symbols, holders, loaded);
	cJSON_ArrayForEach(h, holders)
	{
		holder_found(p, h, json_int(t, "pid", 0));
	}
	cJSON_Delete(loaded);
	cJSON_Delete(holders);
}

void play_holders(struct play *p)
{
	int64_t end = play_now() + p->h->deadline_ms;
	const cJSON *t;

	if (!p->steps || p->over)
		return;
	cJSON_ArrayForEach(t, p->found)
	{
		holders_check_in(p, t, end);
	}
}
