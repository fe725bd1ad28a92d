/* SPDX-License-Identifier: MIT
 *
 * A release written from what was compared. It does what a save of all the
 * changed files would do, but for two things: modules that keep state which
 * only their code_change can convert are updated (suspended, and resumed
 * afterwards), the rest in the same set; modules with an on_load are loaded
 * alone, after those that they need. A person edits what is to be otherwise.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/check.h"
#include "watcher/jsonlist.h"
#include "watcher/release.h"

/* --- made ----------------------------------------------------------------- */

static void step_add(struct release_steps *steps, enum release_verb verb,
		     struct strv *modules, struct strv *with)
{
	steps->v = xrealloc(steps->v, (steps->n + 1) * sizeof(*steps->v));
	steps->v[steps->n++] = (struct release_step){
	    .verb = verb,
	    .modules = strv_take(modules),
	    .with = strv_take(with),
	    .processes = xcalloc(1, sizeof(char *)),
	    .post = RELEASE_PURGE_SOFT,
	    .timeout_ms = 5000,
	};
}

static void one_add(struct release_steps *steps, enum release_verb verb,
		    const char *module)
{
	struct strv one = {0}, none = {0};

	strv_add(&one, module);
	step_add(steps, verb, &one, &none);
}

static bool goes(const struct check_kept_module *m, bool down)
{
	return down ? !m->from[0] : !m->to[0];
}

/* The set of all that can be loaded together. */
static void set_add(struct release_steps *steps, const struct check_kept *k,
		    bool down)
{
	struct strv update = {0}, load = {0};

	for (size_t i = 0; i < k->n; i++) {
		const struct check_kept_module *m = &k->v[i];

		if (!m->on_load && !goes(m, down))
			strv_add(m->migrates ? &update : &load, m->name);
	}
	if (update.n)
		step_add(steps, RELEASE_UPDATE, &update, &load);
	else if (load.n)
		step_add(steps, RELEASE_LOAD_MODULE, &load, &update);
	strv_free(&update);
	strv_free(&load);
}

static void alone_add(struct release_steps *steps, const struct check_kept *k,
		      bool down)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct check_kept_module *m =
		    &k->v[down ? k->n - 1 - i : i];

		if (m->on_load && !goes(m, down))
			one_add(steps,
				m->migrates ? RELEASE_UPDATE
					    : RELEASE_LOAD_MODULE,
				m->name);
	}
}

static void deletes_add(struct release_steps *steps, const struct check_kept *k,
			bool down)
{
	for (size_t i = 0; i < k->n; i++)
		if (goes(&k->v[i], down))
			one_add(steps, RELEASE_DELETE_MODULE, k->v[i].name);
}

/* The way down is the way up, backwards. */
static void steps_make(struct release *r, const struct check_kept *k)
{
	set_add(&r->up, k, false);
	alone_add(&r->up, k, false);
	deletes_add(&r->up, k, false);
	alone_add(&r->down, k, true);
	set_add(&r->down, k, true);
}

static int modules_make(struct release *r, const struct check_kept *k,
			char **err)
{
	r->modules = xcalloc(k->n + 1, sizeof(*r->modules));
	for (size_t i = 0; i < k->n; i++) {
		const struct check_kept_module *m = &k->v[i];

		if (!m->from[0])
			return fail(err, "%s is new: %s", m->name,
				    release_why_not("add_module"));
		r->modules[r->nmodules++] = (struct release_module){
		    .name = xstrdup(m->name),
		    .from = xstrdup(m->from),
		    .to = m->to[0] ? xstrdup(m->to) : NULL,
		};
	}
	return r->nmodules ? 0
			   : fail(err, "no module differs; there is "
				       "nothing to release");
}

int release_make(struct release **out, const struct check_kept *k,
		 const char *path, char **err)
{
	struct release *r = xcalloc(1, sizeof(*r));
	int e = modules_make(r, k, err);

	r->path = xstrdup(path);
	r->objects = xstrdup(k->folder);
	r->program = k->program ? xstrdup(k->program) : NULL;
	r->from = xstrdup(k->from ? k->from : "");
	r->to = xstrdup(k->to ? k->to : "");
	if (e == 0) {
		steps_make(r, k);
		*out = r;
	} else {
		release_free(r);
	}
	return e;
}

/* --- written -------------------------------------------------------------- */

static cJSON *build_json(const struct release *r, bool to)
{
	cJSON *o = cJSON_CreateObject(), *hashes;
	const char *name = to ? r->to : r->from;

	if (*name)
		cJSON_AddStringToObject(o, "name", name);
	hashes = cJSON_AddObjectToObject(o, "modules");
	for (size_t i = 0; i < r->nmodules; i++) {
		const struct release_module *m = &r->modules[i];
		const char *hash = to ? m->to : m->from;

		if (hash)
			cJSON_AddStringToObject(hashes, m->name, hash);
	}
	return o;
}

static cJSON *step_json(const struct release_step *s)
{
	cJSON *o = cJSON_CreateObject();
	const char *verb = "";

	for (size_t i = 0; i < release_nwords; i++)
		if (release_words[i].verb == s->verb)
			verb = release_words[i].name;
	cJSON_AddItemToObject(o, verb, jsonlist_make(s->modules));
	if (s->with[0])
		cJSON_AddItemToObject(o, "with", jsonlist_make(s->with));
	return o;
}

static cJSON *steps_json(const struct release_steps *steps)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < steps->n; i++)
		cJSON_AddItemToArray(list, step_json(&steps->v[i]));
	return list;
}

/* V in a line: cJSON's own, with blanks where a person puts them. */
static void put_line(struct text *t, const cJSON *v)
{
	char *s = cJSON_PrintUnformatted(v);
	bool text = false;

	for (const char *c = s; *c; c++) {
		text ^= *c == '"' && (c == s || c[-1] != '\\');
		text_add(t, c, 1);
		if (!text && (*c == ',' || *c == ':'))
			text_puts(t, " ");
	}
	cJSON_free(s);
}

#define IN_LINE 3 /* so deep all is one line; so is an instruction */

static void put_json(struct text *t, const cJSON *v, int depth)
{
	bool list = cJSON_IsArray(v), many = list || cJSON_IsObject(v);
	const cJSON *i;

	if (!many || !v->child || depth >= IN_LINE ||
	    (depth + 1 == IN_LINE && !v->child->next)) {
		put_line(t, v);
		return;
	}
	text_puts(t, list ? "[" : "{");
	cJSON_ArrayForEach(i, v)
	{
		text_printf(t, "%s\n%*s", i == v->child ? "" : ",",
			    2 * depth + 2, "");
		if (!list)
			text_printf(t, "\"%s\": ", i->string);
		put_json(t, i, list ? IN_LINE : depth + 1);
	}
	text_printf(t, "\n%*s%s", 2 * depth, "", list ? "]" : "}");
}

int release_write(const struct release *r, char **err)
{
	cJSON *o = cJSON_CreateObject();
	struct text t = {0};
	int e;

	cJSON_AddNumberToObject(o, "release", 1);
	if (r->program)
		cJSON_AddStringToObject(o, "program", r->program);
	cJSON_AddItemToObject(o, "from", build_json(r, false));
	cJSON_AddItemToObject(o, "to", build_json(r, true));
	cJSON_AddItemToObject(o, "up", steps_json(&r->up));
	cJSON_AddItemToObject(o, "down", steps_json(&r->down));
	put_json(&t, o, 0);
	text_puts(&t, "\n");
	e = file_write(r->path, t.s, t.len, err);
	text_free(&t);
	cJSON_Delete(o);
	return e;
}
