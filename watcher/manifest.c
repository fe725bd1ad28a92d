/* SPDX-License-Identifier: MIT
 *
 * The manifest's way to the disk and back. It is written last of a link and
 * atomically: whoever reads it finds every file that it names.
 *
 * Paths inside NAME.hot are written relative to it, so that a folder that was
 * moved whole can still be read. One table says which member is which field;
 * reading and writing both follow it.
 */
#include "watcher/manifest.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "watcher/jsonlist.h"
#include "watcher/util.h"

enum kind {
	TEXT,
	INSIDE, /* a path, below the folder of the manifest */
	LIST,   /* of texts */
	PAIRS,  /* an object of texts: "NAME=VALUE" in memory */
	ADDRESS,
	SIZE
};

struct member {
	const char *name;
	enum kind kind;
	size_t at;
	bool needed; /* a manifest without it cannot be used */
};

#define M(field) offsetof(struct manifest, field)
static const struct member program_members[] = {
    {"program", TEXT, M(program), true},
    {"root", TEXT, M(root), true},
    {"dir", TEXT, M(dir), true},
    {"link", LIST, M(link), false},
    {"libs", LIST, M(libs), false},
    {"stubs", INSIDE, M(stubs), true},
    {"next_base", ADDRESS, M(next_base), true},
    {NULL, 0, 0, false},
};
#undef M

#define M(field) offsetof(struct manifest_module, field)
static const struct member module_members[] = {
    {"name", TEXT, M(name), true},     {"source", TEXT, M(source), true},
    {"object", TEXT, M(object), true}, {"archive", TEXT, M(archive), false},
    {"hash", TEXT, M(hash), true},     {"file", INSIDE, M(file), true},
    {"base", ADDRESS, M(base), true},  {"size", SIZE, M(size), true},
    {"dir", TEXT, M(dir), true},       {"command", LIST, M(command), true},
    {"env", PAIRS, M(env), false},     {"depfile", TEXT, M(depfile), false},
    {"deps", LIST, M(deps), false},    {NULL, 0, 0, false},
};
#undef M

/* --- writing -------------------------------------------------------------- */

static cJSON *text_json(const char *s)
{
	return s ? cJSON_CreateString(s) : cJSON_CreateNull();
}

static cJSON *inside_json(const char *path, const char *hot)
{
	if (path && path_under(path, hot) && strlen(path) > strlen(hot))
		path += strlen(hot) + 1;
	return text_json(path);
}

static cJSON *member_json(const struct member *m, const void *base,
			  const char *hot)
{
	const char *at = (const char *)base + m->at;
	char hex[24];

	switch (m->kind) {
	case TEXT:
		return text_json(*(char *const *)at);
	case INSIDE:
		return inside_json(*(char *const *)at, hot);
	case LIST:
		return jsonlist_make(*(char **const *)at);
	case PAIRS:
		return jsonpairs_make(*(char **const *)at);
	case ADDRESS:
		snprintf(hex, sizeof(hex), "0x%" PRIx64, *(const uint64_t *)at);
		return cJSON_CreateString(hex);
	case SIZE:
		break;
	}
	return cJSON_CreateNumber((double)*(const uint64_t *)at);
}

static void members_write(cJSON *o, const struct member *m, const void *base,
			  const char *hot)
{
	for (; m->name; m++)
		cJSON_AddItemToObject(o, m->name, member_json(m, base, hot));
}

int manifest_write(const struct manifest *m, char **err)
{
	cJSON *o = cJSON_CreateObject(), *modules;
	char *text;
	int r;

	cJSON_AddNumberToObject(o, "hotwatch", 1);
	members_write(o, program_members, m, m->hot);
	modules = cJSON_AddArrayToObject(o, "modules");
	for (size_t i = 0; i < m->nmodules; i++) {
		cJSON *e = cJSON_CreateObject();

		members_write(e, module_members, &m->modules[i], m->hot);
		cJSON_AddItemToArray(modules, e);
	}
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	if (!text)
		return fail(err, "%s: out of memory", m->path);
	r = file_write(m->path, text, strlen(text), err);
	cJSON_free(text);
	return r;
}

/* --- reading -------------------------------------------------------------- */

static bool address_read(const cJSON *o, uint64_t *at)
{
	char *end;

	if (!cJSON_IsString(o))
		return false;
	*at = strtoull(o->valuestring, &end, 16);
	return end != o->valuestring && *end == '\0';
}

/* Fills the field; false if the member's value is of another type. */
static bool member_read(const struct member *m, const cJSON *o, void *base,
			const char *hot)
{
	void *at = (char *)base + m->at;
	char *s = cJSON_GetStringValue(o);
	char **list;

	switch (m->kind) {
	case TEXT:
		*(char **)at = s ? xstrdup(s) : NULL;
		return s || !m->needed;
	case INSIDE:
		*(char **)at = s ? path_join(hot, s) : NULL;
		return s || !m->needed;
	case LIST:
		*(char ***)at = list = jsonlist_read(o);
		return list || !m->needed;
	case PAIRS:
		*(char ***)at = jsonpairs_read(o);
		return true;
	case ADDRESS:
		return address_read(o, at);
	case SIZE:
		*(uint64_t *)at = (uint64_t)cJSON_GetNumberValue(o);
		return cJSON_IsNumber(o) && o->valuedouble >= 0;
	}
	return false;
}

static int members_read(const cJSON *o, const struct member *m, void *base,
			const struct manifest *of, char **err)
{
	for (; m->name; m++) {
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, m->name);

		if (!member_read(m, v, base, of->hot))
			return fail(err,
				    "%s: \"%s\" is missing or of a wrong "
				    "type; link the program again",
				    of->path, m->name);
	}
	return 0;
}

static int modules_read(struct manifest *m, const cJSON *list, char **err)
{
	const cJSON *e;

	if (!cJSON_IsArray(list))
		return fail(err,
			    "%s: \"modules\" is missing; link the "
			    "program again",
			    m->path);
	m->modules =
	    xcalloc((size_t)cJSON_GetArraySize(list), sizeof(*m->modules));
	cJSON_ArrayForEach(e, list)
	{
		struct manifest_module *mod = &m->modules[m->nmodules++];

		if (members_read(e, module_members, mod, m, err) < 0)
			return -1;
	}
	return 0;
}

static int manifest_parse(struct manifest *m, const char *text, char **err)
{
	cJSON *o = cJSON_Parse(text);
	const cJSON *mark = cJSON_GetObjectItemCaseSensitive(o, "hotwatch");
	int r;

	if (!cJSON_IsNumber(mark))
		r = fail(err, "%s: not a manifest; link the program again",
			 m->path);
	else if (mark->valuedouble != 1)
		r = fail(err,
			 "%s: written by another hotwatch (format %g, "
			 "this one reads 1); link the program again",
			 m->path, mark->valuedouble);
	else
		r = members_read(o, program_members, m, m, err);
	if (r == 0)
		r = modules_read(m,
				 cJSON_GetObjectItemCaseSensitive(o, "modules"),
				 err);
	cJSON_Delete(o);
	return r;
}

int manifest_read(struct manifest **out, const char *path, char **err)
{
	struct manifest *m = xcalloc(1, sizeof(*m));
	char *text = NULL;
	int r;

	m->path = realpath(path, NULL);
	if (!m->path)
		m->path = xstrdup(path); /* for the message */
	m->hot = path_dir(m->path);
	r = file_read(path, &text, NULL, err);
	if (r == 0)
		r = manifest_parse(m, text, err);
	free(text);
	if (r < 0) {
		manifest_free(m);
		return -1;
	}
	*out = m;
	return 0;
}

static void members_free(const struct member *m, void *base)
{
	for (; m->name; m++) {
		void *at = (char *)base + m->at;

		if (m->kind == TEXT || m->kind == INSIDE)
			free(*(char **)at);
		else if (m->kind == LIST || m->kind == PAIRS)
			freev(*(char ***)at);
	}
}

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->nmodules; i++)
		members_free(module_members, &m->modules[i]);
	members_free(program_members, m);
	free(m->modules);
	free(m->path);
	free(m->hot);
	free(m);
}

/* --- finding -------------------------------------------------------------- */

static bool is_last_part(const char *full, const char *name)
{
	size_t n = strlen(full), k = strlen(name);

	return k > 0 && n > k && full[n - k - 1] == '/' &&
	       ends_with(full, name);
}

const struct manifest_module *manifest_find(const struct manifest *m,
					    const char *name, int *ambiguous)
{
	const struct manifest_module *found = NULL;

	*ambiguous = 0;
	for (size_t i = 0; i < m->nmodules; i++)
		if (!strcmp(m->modules[i].name, name))
			return &m->modules[i];
	for (size_t i = 0; i < m->nmodules; i++) {
		if (!is_last_part(m->modules[i].name, name))
			continue;
		*ambiguous = found != NULL;
		if (found)
			return NULL;
		found = &m->modules[i];
	}
	return found;
}
