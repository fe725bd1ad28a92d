/* SPDX-License-Identifier: MIT
 *
 * Which modules a target has, as it said last.
 */
#include "watcher/held.h"
#include "watcher/jsonget.h"
#include "watcher/session.h"
#include "watcher/util.h"

#include <stdlib.h>

static void module_free(struct session_module *m)
{
	free(m->name);
	free(m->source);
	free(m->hash);
	free(m->file);
	for (size_t i = 0; i < m->nversions; i++)
		free(m->versions[i].file);
	free(m->versions);
	free(m);
}

void session_modules_clear(struct session *s)
{
	void *v;

	for (size_t i = 0; strmap_next(&s->modules, &i, &v);)
		module_free(v);
	strmap_free(&s->modules);
	cJSON_Delete(s->loaded);
	s->loaded = NULL;
}

/* Addresses come as "0x..." or as numbers. */
static uint64_t json_address(const cJSON *o, const char *name)
{
	const char *s = json_str(o, name);

	return *s ? strtoull(s, NULL, 0) : (uint64_t)json_num(o, name, 0);
}

static void module_add(struct session *s, const cJSON *o)
{
	struct session_module *m = xcalloc(1, sizeof(*m));
	const cJSON *versions = json_at(o, "versions"), *v;

	m->name = xstrdup(json_str(o, "module"));
	m->source = xstrdup(json_str(o, "source"));
	/* A deleted one has no current code, whatever its last was. */
	m->hash = xstrdup(json_true(o, "deleted") ? "" : json_str(o, "hash"));
	m->file = xstrdup(json_str(o, "file"));
	m->version = json_int(o, "version", 0);
	m->versions =
	    xcalloc(cJSON_GetArraySize(versions), sizeof(*m->versions));
	cJSON_ArrayForEach(v, versions)
	{
		struct session_version *to = &m->versions[m->nversions++];

		to->file = xstrdup(json_str(v, "file"));
		to->base = json_address(v, "base");
		to->size = json_address(v, "size");
	}
	if (strmap_get(&s->modules, m->name))
		module_free(m);
	else
		strmap_put(&s->modules, m->name, m);
}

/* What a load's answer says is true at once, not when the modules have been
 * read again. */
void session_module_current(struct session *s, const struct session_loaded *l)
{
	struct session_module *m = strmap_get(&s->modules, l->module);

	if (!m) {
		m = xcalloc(1, sizeof(*m));
		m->name = xstrdup(l->module);
		m->source = xstrdup("");
		m->file = xstrdup("");
		strmap_put(&s->modules, m->name, m);
	}
	free(m->hash);
	m->hash = xstrdup(l->hash);
	m->version = l->version;
}

void session_modules_take(struct session *s, const cJSON *result)
{
	const cJSON *list = json_at(result, "modules"), *o;

	session_modules_clear(s);
	s->loaded = cJSON_Duplicate(list, true);
	s->old = held_old(s->loaded);
	cJSON_ArrayForEach(o, list)
	{
		module_add(s, o);
	}
}

const struct session_module *session_module(const struct session *s,
					    const char *name)
{
	return strmap_get(&s->modules, name);
}
