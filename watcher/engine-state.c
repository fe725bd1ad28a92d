/* SPDX-License-Identifier: MIT
 *
 * What a program's folder keeps between two runs of the watcher, and what it
 * must not keep.
 *
 * state.json says for each module which content its files gave when they were
 * last compiled, so that a watcher that is started again compiles nothing to
 * learn what it knew. It may be lost or be of another version: then modules
 * are compared by time, as make does.
 *
 * live/ holds what the watcher linked. A file is removed when no target has it
 * loaded and it is not among the newest of its module: gdb and perf want the
 * file of a mapped object, a rollback wants the last ones, nobody wants a
 * thousand.
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

static void entry_read(struct program *p, const cJSON *o)
{
	const char *hash = json_str(o, "hash");
	struct strv deps = {0};
	struct state_entry *s;
	const cJSON *i;

	if (!o->string || strlen(hash) != 32)
		return;
	s = entry_get(p, o->string);
	s->inputs = strtoull(json_str(o, "inputs"), NULL, 16);
	memcpy(s->hash, hash, sizeof(s->hash));
	cJSON_ArrayForEach(i, json_at(o, "deps"))
	{
		if (cJSON_IsString(i))
			strv_add(&deps, i->valuestring);
	}
	s->deps = deps.n ? strv_take(&deps) : NULL;
}

void state_read(struct program *p)
{
	char *path = program_folder(p, "state.json"), *text = NULL;
	const cJSON *i;
	cJSON *o = NULL;

	if (file_read(path, &text, NULL, NULL) == 0)
		o = cJSON_Parse(text);
	if (json_int(o, "hotwatch", 0) != STATE_VERSION)
		goto out;
	cJSON_ArrayForEach(i, json_at(o, "modules"))
	{
		entry_read(p, i);
	}
out:
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

static void entry_json(cJSON *list, const struct module *m,
		       const struct state_entry *s)
{
	cJSON *o = cJSON_AddObjectToObject(list, m->m->name);
	char inputs[17];

	snprintf(inputs, sizeof(inputs), "%016llx",
		 (unsigned long long)s->inputs);
	cJSON_AddStringToObject(o, "inputs", inputs);
	cJSON_AddStringToObject(o, "hash", s->hash);
	if (s->deps)
		cJSON_AddItemToObject(
		    o, "deps",
		    cJSON_CreateStringArray((const char *const *)s->deps,
					    (int)lenv(s->deps)));
}

void state_save(struct program *p)
{
	char *path = program_folder(p, "state.json"), *text;
	cJSON *o = cJSON_CreateObject(), *list;

	cJSON_AddNumberToObject(o, "hotwatch", STATE_VERSION);
	list = cJSON_AddObjectToObject(o, "modules");
	for (size_t i = 0; i < p->nmodules; i++) {
		struct module *m = p->modules[i];
		struct state_entry *s = strmap_get(&p->state, m->m->name);

		if (s && s->inputs)
			entry_json(list, m, s);
	}
	text = cJSON_Print(o);
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

/* --- linked files -------------------------------------------------------- */

static bool session_has(const struct session *s, const char *file)
{
	void *v;

	for (size_t i = 0; strmap_next(&s->modules, &i, &v);) {
		struct session_module *m = v;

		if (!strcmp(m->file, file))
			return true;
		for (size_t j = 0; j < m->nversions; j++)
			if (!strcmp(m->versions[j].file, file))
				return true;
	}
	return false;
}

static bool file_in_use(const struct engine *e, const char *file)
{
	for (const struct peer *p = e->peers; p; p = p->next)
		if (p->mine && session_has(p->session, file))
			return true;
	return round_uses(e, file);
}

/* "live/server-0123456789abcdef.so" and its kin begin alike up to the hash. */
static bool same_module(const char *a, const char *b)
{
	const char *end = strrchr(a, '-');

	return end && !strncmp(a, b, end - a + 1) &&
	       !strchr(b + (end - a) + 1, '-');
}

static size_t newer_of_module(const struct program *p, size_t i)
{
	size_t n = 0;

	for (size_t j = i + 1; j < p->files.n; j++)
		n += same_module(p->files.v[i], p->files.v[j]);
	return n;
}

/* Not at every load: a thousand versions that are all held are not to be
 * compared with each other a thousand times. */
void files_collect(struct program *p)
{
	size_t keep = p->e->settings.keep_versions, kept = 0;

	if (p->files.n < p->collect_at)
		return;
	for (size_t i = 0; i < p->files.n; i++) {
		char *file = p->files.v[i];

		if (newer_of_module(p, i) <= keep || file_in_use(p->e, file)) {
			p->files.v[kept++] = file;
			continue;
		}
		unlink(file);
		free(file);
	}
	p->files.n = kept;
	if (p->files.v)
		p->files.v[kept] = NULL;
	p->collect_at = kept + kept / 2 + 4;
}

static void sweep_folder(struct program *p, const char *name,
			 bool (*keep)(struct program *p, const char *file))
{
	char *dir = program_folder(p, name);
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char *file = path_join(dir, e->d_name);

		if (e->d_name[0] != '.' && !keep(p, file))
			unlink(file);
		free(file);
	}
	if (d)
		closedir(d);
	free(dir);
}

static bool keep_linked(struct program *p, const char *file)
{
	return strv_has(&p->files, file) || file_in_use(p->e, file);
}

/* Temporary files are named by the watcher that made them. */
static bool keep_temporary(struct program *p, const char *file)
{
	long pid = strtol(path_base(file), NULL, 10);

	(void)p;
	return pid == getpid() || (pid > 0 && kill((pid_t)pid, 0) == 0);
}

void files_sweep(struct program *p)
{
	p->swept = true;
	sweep_folder(p, "live", keep_linked);
	sweep_folder(p, "watch", keep_temporary);
}
