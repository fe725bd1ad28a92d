/* SPDX-License-Identifier: MIT
 *
 * A release's file, read strictly: it is edited by hand, and what it says is
 * done to programs that serve. A key that is not known, a module that no
 * instruction brings, an instruction that Erlang has and C cannot follow: each
 * is an error with its line, before any target is asked.
 */
#include <cjson/cJSON.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/jsonget.h"
#include "watcher/jsonline.h"
#include "watcher/release-reader.h"

/* --- complaints ----------------------------------------------------------- */

int reader_wrong(const struct release_reader *rd, const char *at,
		 const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = xstrdup(fmt);
	va_end(ap);
	fail(rd->err, "%s:%u: %s%s%s", rd->r->path, json_line(rd->text, at),
	     rd->where, *rd->where ? ": " : "", s);
	free(s);
	return -1;
}

int reader_wrong_key(const struct release_reader *rd, const char *key,
		     const char *wanted)
{
	return reader_wrong(rd, json_member_at(rd->at, key),
			    "\"%s\" must be %s", key, wanted);
}

int reader_unknown_key(const struct release_reader *rd, const char *key,
		       const char *known)
{
	return reader_wrong(rd, json_member_at(rd->at, key),
			    "unknown key \"%s\"; known are%s", key, known);
}

/* --- whether they make sense ---------------------------------------------- */

/* How many instructions of STEPS bring MODULE (or take it away). */
static int replaced(const struct release_steps *steps, const char *module,
		    bool deleted)
{
	int n = 0;

	for (size_t i = 0; i < steps->n; i++) {
		const struct release_step *s = &steps->v[i];
		bool is = s->verb == RELEASE_DELETE_MODULE;

		if (!is && s->verb != RELEASE_LOAD_MODULE &&
		    s->verb != RELEASE_UPDATE)
			continue;
		for (char **m = s->modules; is == deleted && *m; m++)
			n += !strcmp(*m, module);
		for (char **m = s->with; !deleted && *m; m++)
			n += !strcmp(*m, module);
	}
	return n;
}

static int modules_known(const struct release_reader *rd, char *const *names)
{
	for (; *names; names++)
		if (!release_module(rd->r, *names))
			return reader_wrong(
			    rd, rd->at,
			    "%s is not one of the modules that differ "
			    "(\"from\" and \"to\" list them)",
			    *names);
	return 0;
}

static int names_known(struct release_reader *rd, const struct release_step *s,
		       const char *way, int i)
{
	char *where = xasprintf("%s[%d]", way, i);
	int e = 0;

	rd->where = where;
	e = modules_known(rd, s->modules);
	if (e == 0)
		e = modules_known(rd, s->with);
	rd->where = "";
	free(where);
	return e;
}

static int way_check(struct release_reader *rd,
		     const struct release_steps *steps, const char *way,
		     bool down)
{
	const char *all = json_member_at(rd->text, way);

	for (size_t i = 0; i < steps->n; i++) {
		rd->at = json_nth_at(all, (int)i);
		if (names_known(rd, &steps->v[i], way, (int)i) < 0)
			return -1;
	}
	for (size_t i = 0; i < rd->r->nmodules; i++) {
		const struct release_module *m = &rd->r->modules[i];
		bool gone = !release_wanted(m, down);
		int n = replaced(steps, m->name, gone);

		if (n == 1 && !replaced(steps, m->name, !gone))
			continue;
		return reader_wrong(
		    rd, all,
		    "\"%s\" must %s %s exactly once (load_module, "
		    "update or delete_module); it does so %d times",
		    way, gone ? "delete" : "load", m->name, n);
	}
	return 0;
}

/* --- the whole ------------------------------------------------------------ */

static int steps_read(struct release_reader *rd, struct release_steps *steps,
		      const cJSON *v)
{
	const char *all = json_member_at(rd->text, v->string);
	const cJSON *i;
	int e = 0;

	if (!cJSON_IsArray(v))
		return reader_wrong_key(rd, v->string,
					"a list of instructions");
	steps->v =
	    xcalloc((size_t)cJSON_GetArraySize(v) + 1, sizeof(*steps->v));
	cJSON_ArrayForEach(i, v)
	{
		char *where = xasprintf("%s[%zu]", v->string, steps->n);

		if (e == 0) {
			rd->where = where;
			rd->at = json_nth_at(all, (int)steps->n);
			e = reader_step(rd, &steps->v[steps->n++], i);
		}
		rd->where = "";
		free(where);
	}
	rd->at = rd->text;
	return e;
}

static struct release_module *module_get(struct release *r, const char *name)
{
	struct release_module *m =
	    (struct release_module *)release_module(r, name);

	if (m)
		return m;
	r->modules =
	    xrealloc(r->modules, (r->nmodules + 1) * sizeof(*r->modules));
	m = &r->modules[r->nmodules++];
	*m = (struct release_module){.name = xstrdup(name)};
	return m;
}

static bool is_hash(const char *s)
{
	return strlen(s) == 32 && strspn(s, "0123456789abcdef") == 32;
}

static int hashes_read(struct release_reader *rd, const cJSON *v, bool to)
{
	const cJSON *h;

	if (!cJSON_IsObject(v))
		return reader_wrong_key(rd, "modules",
					"an object: content hashes by module");
	rd->at = json_member_at(rd->at, "modules");
	cJSON_ArrayForEach(h, v)
	{
		struct release_module *m;

		if (!cJSON_IsString(h) || !is_hash(h->valuestring))
			return reader_wrong_key(
			    rd, h->string, "a content hash, 32 hex digits");
		m = module_get(rd->r, h->string);
		free(to ? m->to : m->from);
		*(to ? &m->to : &m->from) = xstrdup(h->valuestring);
	}
	return 0;
}

/* "from", "to". */
static int build_read(struct release_reader *rd, const cJSON *v, bool to)
{
	const cJSON *m;
	int e = 0;

	if (!cJSON_IsObject(v))
		return reader_wrong_key(rd, v->string,
					"an object with \"modules\", perhaps "
					"\"name\"");
	rd->where = v->string;
	cJSON_ArrayForEach(m, v)
	{
		rd->at = json_member_at(rd->text, v->string);
		if (e == 0 && !strcmp(m->string, "name"))
			e = reader_text(rd, "name", m,
					to ? &rd->r->to : &rd->r->from);
		else if (e == 0 && !strcmp(m->string, "modules"))
			e = hashes_read(rd, m, to);
		else if (e == 0)
			e = reader_unknown_key(rd, m->string, " name modules");
	}
	rd->at = rd->text;
	rd->where = "";
	return e;
}

static int member_read(struct release_reader *rd, const cJSON *v)
{
	struct release *r = rd->r;
	const char *key = v->string;

	if (!strcmp(key, "release"))
		return cJSON_IsNumber(v) && v->valuedouble == 1
			   ? 0
			   : reader_wrong_key(rd, key,
					      "1, the only format there is");
	if (!strcmp(key, "program"))
		return reader_text(rd, key, v, &r->program);
	if (!strcmp(key, "objects"))
		return reader_text(rd, key, v, &r->objects);
	if (!strcmp(key, "from") || !strcmp(key, "to"))
		return build_read(rd, v, *key == 't');
	if (!strcmp(key, "up") || !strcmp(key, "down"))
		return steps_read(rd, *key == 'u' ? &r->up : &r->down, v);
	return reader_unknown_key(rd, key,
				  " release program objects from to up down");
}

static int whole_check(struct release_reader *rd, const cJSON *o)
{
	static const char *const needed[] = {"release", "from", "to", "up",
					     "down"};
	const struct release *r = rd->r;

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!json_at(o, needed[i]))
			return reader_wrong(rd, rd->text, "\"%s\" is missing",
					    needed[i]);
	if (!r->nmodules)
		return reader_wrong(rd, json_member_at(rd->text, "from"),
				    "no module differs");
	for (size_t i = 0; i < r->nmodules; i++)
		if (!r->modules[i].from)
			return reader_wrong(rd, json_member_at(rd->text, "to"),
					    "%s is not in \"from\": %s",
					    r->modules[i].name,
					    release_why_not("add_module"));
	if (way_check(rd, &r->up, "up", false) < 0)
		return -1;
	return way_check(rd, &r->down, "down", true);
}

static int whole_read(struct release_reader *rd, const cJSON *o)
{
	const cJSON *v;

	if (!cJSON_IsObject(o))
		return reader_wrong(rd, rd->text, "must be an object, {...}");
	cJSON_ArrayForEach(v, o)
	{
		if (member_read(rd, v) < 0)
			return -1;
	}
	return whole_check(rd, o);
}

static void objects_find(struct release *r)
{
	char *dir = path_dir(r->path), *given = r->objects;

	r->objects = given ? path_join(dir, given) : release_folder(r->path);
	free(given);
	free(dir);
}

int release_read(struct release **out, const char *path, char **err)
{
	struct release *r = xcalloc(1, sizeof(*r));
	struct release_reader rd = {.r = r, .where = "", .err = err};
	const char *end = NULL;
	char *text = NULL;
	cJSON *o = NULL;
	int e = file_read(path, &text, NULL, err);

	r->path = xstrdup(path);
	rd.text = rd.at = text;
	if (e == 0)
		o = cJSON_ParseWithOpts(text, &end, true);
	if (e == 0 && !o)
		e = fail(err, "%s:%u: not JSON from here on: %.20s", path,
			 json_line(text, end ? end : text),
			 end && *end ? end : "(end of file)");
	else if (e == 0)
		e = whole_read(&rd, o);
	if (e == 0) {
		r->from = r->from ? r->from : xstrdup("");
		r->to = r->to ? r->to : xstrdup("");
		objects_find(r);
		*out = r;
	} else {
		release_free(r);
	}
	cJSON_Delete(o);
	free(text);
	return e;
}
