/* SPDX-License-Identifier: MIT
 *
 * What a watcher remembers of a program for the next one.
 *
 * state.json says for each module which content its files gave when they were
 * last compiled, so that a watcher that is started again compiles nothing to
 * learn what it knew. It may be lost or be of another version: then modules
 * are compared by time, as make does.
 */
#include "watcher/engine-internal.h"
#include "watcher/jsonget.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_VERSION 1

static struct state_entry *entry_get(struct program *p, const char *name)
{
	struct state_entry *s = strmap_get(&p->state, name);

	if (!s) {
		s = xcalloc(1, sizeof(*s));
		strmap_put(&p->state, name, s);
	}
	return s;
}

/* The paths of FILES whose indices are in LIST; NULL: none. */
static char **deps_read(const cJSON *files, const cJSON *list, char **paths)
{
	struct strv deps = {0};
	int n = cJSON_GetArraySize(files);
	const cJSON *i;

	cJSON_ArrayForEach(i, list)
	{
		if (cJSON_IsNumber(i) && i->valueint >= 0 && i->valueint < n)
			strv_add(&deps, paths[i->valueint]);
	}
	return deps.n ? strv_take(&deps) : NULL;
}

/* What an earlier watcher linked: a program that is started again gets it. */
static void artifact_read(struct module *m, const cJSON *o)
{
	const char *file = json_str(o, "file"), *hash = json_str(o, "hash");
	struct artifact *a = m ? &m->artifact : NULL;

	if (!a || a->file || strlen(hash) != 32 || !file_exists(file))
		return;
	a->file = xstrdup(file);
	memcpy(a->hash, hash, sizeof(a->hash));
	a->base = strtoull(json_str(o, "base"), NULL, 16);
	a->size = strtoull(json_str(o, "size"), NULL, 16);
	files_add(m->program, file, a->base, a->size);
}

static void entry_read(struct program *p, const cJSON *o, const cJSON *files,
		       char **paths)
{
	const char *hash = json_str(o, "hash");
	struct state_entry *s;

	if (!o->string || strlen(hash) != 32)
		return;
	s = entry_get(p, o->string);
	s->inputs = strtoull(json_str(o, "inputs"), NULL, 16);
	memcpy(s->hash, hash, sizeof(s->hash));
	s->deps = deps_read(files, json_at(o, "deps"), paths);
	artifact_read(program_module(p, o->string), json_at(o, "linked"));
}

static void entries_read(struct program *p, const cJSON *o)
{
	const cJSON *files = json_at(o, "files"), *i;
	struct strv paths = {0};

	cJSON_ArrayForEach(i, files)
	{
		strv_add(&paths, cJSON_IsString(i) ? i->valuestring : "/");
	}
	cJSON_ArrayForEach(i, json_at(o, "modules"))
	{
		entry_read(p, i, files, paths.v);
	}
	strv_free(&paths);
}

void state_read(struct program *p)
{
	char *path = program_folder(p, "state.json"), *text = NULL;
	cJSON *o = NULL;

	if (file_read(path, &text, NULL, NULL) == 0)
		o = cJSON_Parse(text);
	if (json_int(o, "hotwatch", 0) == STATE_VERSION)
		entries_read(p, o);
	cJSON_Delete(o);
	free(text);
	free(path);
}

static bool same_deps(const struct depuser *u, char *const *deps)
{
	if (u->n != lenv(deps))
		return false;
	for (size_t i = 0; i < u->n; i++)
		if (strcmp(depgraph_path(u, i), deps[i]) != 0)
			return false;
	return true;
}

static char **copy_deps(const struct depuser *u)
{
	struct strv deps = {0};

	for (size_t i = 0; i < u->n; i++)
		strv_add(&deps, depgraph_path(u, i));
	return strv_take(&deps);
}

void state_note(struct module *m)
{
	struct state_entry *s = entry_get(m->program, m->m->name);
	const struct depuser *deps = &m->unit->deps;

	s->inputs = m->unit->inputs;
	memcpy(s->hash, m->unit->hash, sizeof(s->hash));
	freev(s->deps);
	s->deps = same_deps(deps, m->m->deps) ? NULL : copy_deps(deps);
	m->program->unsaved = true;
}

/* Each path stands once in the file: a hundred modules have the same two
 * hundred headers. SEEN: path -> its index + 1. */
static cJSON *deps_json(char *const *deps, cJSON *files, struct strmap *seen)
{
	cJSON *list = cJSON_CreateArray();

	for (; *deps; deps++) {
		uintptr_t index = (uintptr_t)strmap_get(seen, *deps);

		if (!index) {
			cJSON_AddItemToArray(files, cJSON_CreateString(*deps));
			index = seen->used + 1;
			strmap_put(seen, *deps, (void *)index);
		}
		cJSON_AddItemToArray(list,
				     cJSON_CreateNumber((double)index - 1));
	}
	return list;
}

static void add_hex(cJSON *o, const char *name, uint64_t value)
{
	char hex[17];

	snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)value);
	cJSON_AddStringToObject(o, name, hex);
}

static cJSON *entry_json(const struct state_entry *s, const struct artifact *a)
{
	cJSON *o = cJSON_CreateObject(), *linked;

	add_hex(o, "inputs", s->inputs);
	cJSON_AddStringToObject(o, "hash", s->hash);
	if (!a->file)
		return o;
	linked = cJSON_AddObjectToObject(o, "linked");
	cJSON_AddStringToObject(linked, "file", a->file);
	cJSON_AddStringToObject(linked, "hash", a->hash);
	add_hex(linked, "base", a->base);
	add_hex(linked, "size", a->size);
	return o;
}

static cJSON *state_json(const struct program *p)
{
	cJSON *o = cJSON_CreateObject(), *files, *list;
	struct strmap seen = {0};

	cJSON_AddNumberToObject(o, "hotwatch", STATE_VERSION);
	files = cJSON_AddArrayToObject(o, "files");
	list = cJSON_AddObjectToObject(o, "modules");
	for (size_t i = 0; i < p->nmodules; i++) {
		const char *name = p->modules[i]->m->name;
		struct state_entry *s = strmap_get(&p->state, name);
		cJSON *entry;

		if (!s || !s->inputs)
			continue;
		entry = entry_json(s, &p->modules[i]->artifact);
		if (s->deps)
			cJSON_AddItemToObject(entry, "deps",
					      deps_json(s->deps, files, &seen));
		cJSON_AddItemToObject(list, name, entry);
	}
	strmap_free(&seen);
	return o;
}

void state_save(struct program *p)
{
	char *path = program_folder(p, "state.json"), *text;
	cJSON *o = state_json(p);

	text = cJSON_PrintUnformatted(o);
	file_write(path, text, strlen(text), NULL); /* only speeds a start up */
	p->unsaved = false;
	cJSON_free(text);
	cJSON_Delete(o);
	free(path);
}

void state_free(struct program *p)
{
	void *v;

	for (size_t i = 0; strmap_next(&p->state, &i, &v);) {
		freev(((struct state_entry *)v)->deps);
		free(v);
	}
	strmap_free(&p->state);
}
