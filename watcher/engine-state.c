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
	strv_add(&m->program->files, file);
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
