/* SPDX-License-Identifier: MIT
 *
 * See check-build.h. A module is compiled by its recorded command with every
 * mention of the top folder turned to the tree's; -ffile-prefix-map turns it
 * back in what comes out, so that the same source gives the same content in
 * either tree, and findings are told at the user's own paths.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watcher/cc.h"
#include "watcher/check-build.h"
#include "watcher/check-cache.h"
#include "watcher/jsonlist.h"
#include "watcher/manifest.h"
#include "watcher/tools.h"

struct works {
	struct check_work *v;
	size_t n;
};

/* --- the command ---------------------------------------------------------- */

/* S with TOP, as a folder, replaced by TREE wherever it stands; malloc'd. */
static char *moved(const char *s, const char *top, const char *tree)
{
	size_t n = strlen(top);
	struct text t = {0};

	for (const char *at; (at = strstr(s, top)) != NULL; s = at + n) {
		bool whole = at[n] == '/' || at[n] == '\0';

		text_add(&t, s, (size_t)(at - s));
		text_puts(&t, whole ? tree : top);
	}
	text_puts(&t, s);
	return text_take(&t);
}

char *check_in_tree(const struct check_work *w, const char *s)
{
	return moved(s, w->b->top, w->b->trees[w->side]);
}

/* The record of the object that this one stands for. */
static char *record_make(const struct manifest_module *m)
{
	cJSON *o = cJSON_CreateObject();
	char *text, *copy;

	cJSON_AddNumberToObject(o, "hotwatch", 1);
	cJSON_AddStringToObject(o, "dir", m->dir);
	cJSON_AddItemToObject(o, "argv", jsonlist_make(m->command));
	cJSON_AddStringToObject(o, "source", m->source);
	cJSON_AddStringToObject(o, "output", m->object);
	if (m->depfile)
		cJSON_AddStringToObject(o, "depfile", m->depfile);
	cJSON_AddItemToObject(o, "env", jsonpairs_make(m->env));
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	copy = xstrdup(text);
	cJSON_free(text);
	return copy;
}

static void command_make(const struct check_work *w, const char *object,
			 struct strv *argv)
{
	char *env = tool_find("env");

	strv_add_own(argv, env ? env : xstrdup("/usr/bin/env"));
	for (char **e = w->m->env; e && *e; e++)
		strv_add_own(argv, check_in_tree(w, *e));
	strv_add(argv, w->m->command[0]);
	for (char **s = w->m->command + 1; *s; s++)
		strv_add_own(argv, check_in_tree(w, *s));
	strv_add_own(argv, xasprintf("-ffile-prefix-map=%s=%s",
				     w->b->trees[w->side], w->b->top));
	if (w->b->kept) {
		strv_add(argv, "-Xclang");
		strv_add(argv, "-record-command-line");
		strv_add(argv, "-Xclang");
		strv_add_own(argv, record_make(w->m));
	}
	strv_add(argv, "-fno-color-diagnostics");
	strv_add(argv, "-MD");
	strv_add(argv, "-MF");
	strv_add_own(argv, xasprintf("%s.d", object));
	strv_add(argv, "-o");
	strv_add(argv, object);
}

/* --- one module ----------------------------------------------------------- */

static int compile(struct check_work *w, const char *object, const char *said,
		   char **err)
{
	char *dir = check_in_tree(w, w->m->dir), *text = NULL;
	struct cc_pipes to = {.err = said, .dir = dir};
	struct strv argv = {0};
	int status;

	make_dirs(dir, 0700, NULL);
	command_make(w, object, &argv);
	status = cc_run(argv.v, &to, err);
	if (status > 0 && file_read(said, &text, NULL, NULL) == 0)
		w->why = xasprintf("does not compile on the %s side: %.*s",
				   w->side ? "new" : "old",
				   (int)strcspn(text, "\n"), text);
	free(text);
	strv_free(&argv);
	free(dir);
	return status;
}

static int module_make(struct check_work *w, size_t i, char **err)
{
	char *name = xasprintf("%zu.o", i), *temporary;
	char *object = path_join(w->b->scratch, name);
	char *said = xasprintf("%s.said", object);
	char *depfile = xasprintf("%s.d", object);
	int status = compile(w, object, said, err);

	temporary = xasprintf("%zu.hot.o", i);
	if (status == 0)
		status = check_link(object, w->m->name, w->m->source,
				    w->b->scratch, temporary, &w->file, err);
	if (status == 0)
		w->depfile = depfile;
	else
		free(depfile);
	if (status == 0 && w->b->kept)
		w->object = xstrdup(object);
	else
		unlink(object);
	free(said);
	free(temporary);
	free(object);
	free(name);
	return status;
}

static int work_one(size_t i, void *arg)
{
	struct works *all = arg;
	struct check_work *w = &all->v[i];
	char *source = check_in_tree(w, w->m->source);
	char *err = NULL;

	w->missing = !file_exists(source);
	if (!w->missing && (w->b->kept || !check_cache_find(w)) &&
	    module_make(w, i, &err) != 0 && !w->why)
		w->why = xstrdup(err ? err : "cannot be compiled");
	free(err);
	free(source);
	return 0;
}

/* --- all ------------------------------------------------------------------ */

static void works_make(struct works *all, const struct check_build *b)
{
	const struct manifest *m = b->manifest;

	all->v = xcalloc(2 * m->nmodules + 1, sizeof(*all->v));
	for (size_t i = 0; i < m->nmodules; i++)
		for (int side = 0; b->wanted[i] && side < 2; side++)
			all->v[all->n++] =
			    (struct check_work){.b = b,
						.m = &m->modules[i],
						.side = side};
}

/* Both sides have it as it is in the hot build, or as it was compiled. */
static void side_fill(struct check_side *side, const struct check_build *b,
		      const struct works *all, int which)
{
	const struct manifest *m = b->manifest;
	size_t k = 0;

	side->modules = xcalloc(m->nmodules + 1, sizeof(*side->modules));
	side->whole = true;
	for (size_t i = 0; i < m->nmodules; i++) {
		const struct check_work *w = NULL;

		if (b->wanted[i])
			w = &all->v[k++ * 2 + (size_t)which];
		if (w && w->missing)
			continue;
		if (w && (all->v[k * 2 - 2].why || all->v[k * 2 - 1].why))
			continue;
		side->modules[side->n++] = (struct check_module){
		    .name = m->modules[i].name,
		    .file = w ? w->file : m->modules[i].file,
		    .command = m->modules[i].command,
		    .deps = m->modules[i].deps,
		};
	}
}

static void works_tell(const struct works *all, struct check_result *r)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].why)
			check_unknown_add(r, all->v[i].m->name, "%s",
					  all->v[i].why);
}

static int work_keep(struct check_kept *k, const struct check_work *was,
		     const struct check_work *is, char **err)
{
	struct check_module a = {.name = was->m->name, .file = was->file};
	struct check_module b = {.name = is->m->name, .file = is->file};

	if (was->why || is->why)
		return fail(err, "%s: %s", was->m->name,
			    was->why ? was->why : is->why);
	return check_kept_take(k, was->missing ? NULL : &a, was->object,
			       is->missing ? NULL : &b, is->object, err);
}

static int works_keep(const struct works *all, const struct check_build *b,
		      const struct check_result *r, char **err)
{
	int e = 0;

	if (!b->kept)
		return 0;
	check_kept_along(b->kept, r);
	b->kept->program = xstrdup(path_base(b->manifest->program));
	for (size_t i = 0; e == 0 && i + 1 < all->n; i += 2)
		e = work_keep(b->kept, &all->v[i], &all->v[i + 1], err);
	check_kept_sort(b->kept);
	if (e == 0 && b->kept->wants_old && b->kept->n)
		e = check_program_old(b->kept, b->manifest, b->scratch, err);
	return e;
}

int check_build_compare(struct check_build *b, struct check_result *r,
			char **err)
{
	struct check_side was = {0}, is = {0};
	struct works all = {0};
	int e = 0;

	works_make(&all, b);
	cc_parallel(all.n, work_one, &all);
	check_cache_fill(all.v, all.n);
	works_tell(&all, r);
	side_fill(&was, b, &all, 0);
	side_fill(&is, b, &all, 1);
	if (was.n && is.n)
		e = check_compare(&was, &is, r, err);
	if (e == 0)
		e = works_keep(&all, b, r, err);
	for (size_t i = 0; i < all.n; i++) {
		free(all.v[i].file);
		free(all.v[i].why);
		free(all.v[i].depfile);
		free(all.v[i].object);
	}
	free(all.v);
	free(was.modules);
	free(is.modules);
	return e;
}
