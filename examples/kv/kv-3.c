/* SPDX-License-Identifier: MIT
 *
 * The table: a gen_server that keeps pairs of texts. The third version: it
 * counts what is put, for which its state has one member more.
 *
 * HW_MIGRATES says that kv_change knows what to do with the states of the
 * versions before: up it makes a struct kv of the old kind, and down it makes
 * the old kind of one. It makes a new one and frees the old one last, so that
 * one that fails has changed nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kv.h"

struct pair {
	struct pair *next;
	char *value;
	char key[];
};

struct kv {
	struct pair *first;
	size_t keys;
	size_t puts;
};

struct kv_2 { /* of versions 1 and 2 */
	struct pair *first;
	size_t keys;
};

/* --- the table ------------------------------------------------------------ */

static struct pair *find(struct kv *kv, const char *key)
{
	struct pair *p = kv->first;

	while (p && strcmp(p->key, key) != 0)
		p = p->next;
	return p;
}

static struct pair *add(struct kv *kv, const char *key)
{
	struct pair *p = calloc(1, sizeof(*p) + strlen(key) + 1);

	if (!p)
		return NULL;
	strcpy(p->key, key);
	p->next = kv->first;
	kv->first = p;
	kv->keys++;
	return p;
}

static void put(struct kv *kv, const char *key, const char *value, char *answer)
{
	struct pair *p = find(kv, key);
	char *copy = strdup(value);

	if (!p && copy)
		p = add(kv, key);
	if (!p || !copy) {
		free(copy);
		strcpy(answer, "error: no memory");
		return;
	}
	strcpy(answer, p->value ? p->value : "none");
	free(p->value);
	p->value = copy;
	kv->puts++;
}

static void get(struct kv *kv, const char *key, char *answer)
{
	const struct pair *p = find(kv, key);

	strcpy(answer, p ? p->value : "none");
}

/* --- the log -------------------------------------------------------------- */

static void note(const char *word, const char *key)
{
	fprintf(stderr, "kv: %s %s\n", word, key);
}

/* --- the server ----------------------------------------------------------- */

static void *kv_init(void *unused)
{
	struct kv *kv = calloc(1, sizeof(*kv));

	(void)unused;
	if (!kv)
		hw_gen_server_exit("no memory");
	return kv;
}

static void obey(struct kv *kv, char *line, char *answer)
{
	char *rest, *word = strtok_r(line, " ", &rest);
	char *key = word ? strtok_r(NULL, " ", &rest) : NULL;

	if (key)
		note(word, key);
	if (key && !strcmp(word, "put"))
		put(kv, key, rest, answer);
	else if (key && !strcmp(word, "get"))
		get(kv, key, answer);
	else
		strcpy(answer, "error: put KEY VALUE, or get KEY");
}

static void *kv_call(void *state, const struct hw_message *request)
{
	char line[LINE], answer[LINE];

	snprintf(line, sizeof(line), "%s", (const char *)request->data);
	obey(state, line, answer);
	hw_gen_server_reply(request->ref, answer, strlen(answer) + 1);
	return state;
}

static void kv_terminate(void *state, const char *reason)
{
	struct kv *kv = state;
	struct pair *next;

	(void)reason;
	for (struct pair *p = kv->first; p; p = next) {
		next = p->next;
		free(p->value);
		free(p);
	}
	free(kv);
}

static int kv_text(const void *state, char *text, size_t size)
{
	const struct kv *kv = state;

	return snprintf(text, size, "%zu keys, %zu puts", kv->keys, kv->puts);
}

static int kv_up(void **state)
{
	struct kv_2 *old = *state;
	struct kv *kv = calloc(1, sizeof(*kv));

	if (!kv)
		return -1;
	kv->first = old->first;
	kv->keys = old->keys;
	kv->puts = old->keys; /* at least */
	*state = kv;
	free(old);
	return 0;
}

static int kv_down(void **state)
{
	struct kv *kv = *state;
	struct kv_2 *old = calloc(1, sizeof(*old));

	if (!old)
		return -1;
	old->first = kv->first;
	old->keys = kv->keys;
	*state = old;
	free(kv);
	return 0;
}

static int kv_change(void **state, const struct hw_sys_change *change)
{
	return change->down ? kv_down(state) : kv_up(state);
}

HW_MIGRATES;

HW_GEN_SERVER(kv, .init = kv_init, .handle_call = kv_call,
	      .sys = {.terminate = kv_terminate,
		      .state_text = kv_text,
		      .code_change = kv_change})
