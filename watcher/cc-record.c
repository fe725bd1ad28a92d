/* SPDX-License-Identifier: MIT
 *
 * The record: what the watcher must know to compile a file again exactly as
 * it was compiled, in the object itself. So it needs no database that could be
 * lost or be of another build, and goes where the object goes.
 *
 * It must begin with {"hotwatch":1, by which object_open knows it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "watcher/cc.h"
#include "watcher/jsonlist.h"
#include "watcher/manifest.h"
#include "watcher/tools.h"
#include "watcher/util.h"

static void path_member(cJSON *o, const char *name, const char *dir,
			const char *path)
{
	char *absolute = path ? path_absolute(dir, path) : NULL;

	if (absolute)
		cJSON_AddStringToObject(o, name, absolute);
	else
		cJSON_AddNullToObject(o, name);
	free(absolute);
}

char *cc_record_make(const struct cc *c, char *const *argv, const char *source,
		     const char *output, const char *depfile)
{
	cJSON *o = cJSON_CreateObject(), *env;
	char *text, *copy;

	cJSON_AddNumberToObject(o, "hotwatch", 1);
	cJSON_AddStringToObject(o, "dir", c->dir);
	cJSON_AddItemToObject(o, "argv", jsonlist_make(argv));
	path_member(o, "source", c->dir, source);
	path_member(o, "output", c->dir, output);
	path_member(o, "depfile", c->dir, depfile);
	env = cJSON_AddObjectToObject(o, "env");
	for (const char *const *v = tool_clang_env; *v; v++)
		if (getenv(*v))
			cJSON_AddStringToObject(env, *v, getenv(*v));
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	copy = text ? xstrdup(text) : NULL;
	cJSON_free(text);
	return copy;
}

static char *text_take_of(const cJSON *o, const char *name)
{
	const char *s =
	    cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return s ? xstrdup(s) : NULL;
}

bool cc_record_read(const char *record, struct manifest_module *m)
{
	cJSON *o = cJSON_Parse(record);

	m->dir = text_take_of(o, "dir");
	m->source = text_take_of(o, "source");
	m->object = text_take_of(o, "output");
	m->depfile = text_take_of(o, "depfile");
	m->command = jsonlist_read(cJSON_GetObjectItemCaseSensitive(o, "argv"));
	m->env = jsonpairs_read(cJSON_GetObjectItemCaseSensitive(o, "env"));
	cJSON_Delete(o);
	return m->dir && m->source && m->object && m->command && m->command[0];
}
