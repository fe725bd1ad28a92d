/* SPDX-License-Identifier: MIT
 *
 * See check-build.h. A module is compiled by its recorded command with every
 * mention of the top folder turned to the tree's; -ffile-prefix-map turns it
 * back in what comes out, so that the same source gives the same content in
 * either tree, and findings are told at the user's own paths.
 *
 * What was linked of a tree is kept in the user's cache, by the content of
 * all that it was made from: the files that the compiler read are hashed again
 * before it is taken. So a base that is compared with again costs no compiler.
 */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "codeserver/descriptor.h"
#include "watcher/cc.h"
#include "watcher/check-build.h"
#include "watcher/depfile.h"
#include "watcher/jsonlist.h"
#include "watcher/manifest.h"
#include "watcher/tools.h"

#define CACHE_DAYS 30

/* One module on one side. */
struct work {
	const struct check_build *b;
	const struct manifest_module *m;
	int side;
	char *file;    /* linked; NULL: it is not there, or does not compile */
	char *why;     /* it does not compile */
	char *depfile; /* it was compiled, and this is what it read */
	char *object;  /* the same, if it is to be kept */
	bool missing;
};

struct works {
	struct work *v;
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

static char *in_tree(const struct work *w, const char *s)
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

static void command_make(const struct work *w, const char *object,
			 struct strv *argv)
{
	char *env = tool_find("env");

	strv_add_own(argv, env ? env : xstrdup("/usr/bin/env"));
	for (char **e = w->m->env; e && *e; e++)
		strv_add_own(argv, in_tree(w, *e));
	strv_add(argv, w->m->command[0]);
	for (char **s = w->m->command + 1; *s; s++)
		strv_add_own(argv, in_tree(w, *s));
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

/* --- the cache ------------------------------------------------------------ */

static char *cache_folder(void)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *dir = xdg && *xdg ? path_join(xdg, "hotwatch/check")
				: xasprintf("%s/.cache/hotwatch/check",
					    home && *home ? home : "/tmp");

	if (make_dirs(dir, 0700, NULL) == 0)
		return dir;
	free(dir);
	return NULL;
}

static uint64_t mix(uint64_t h, const char *s)
{
	return hw_checksum(h, s, strlen(s) + 1);
}

/* What is known before it is compiled: command, compiler, source's name. */
static uint64_t command_key(const struct work *w)
{
	uint64_t h = mix(1, HOTWATCH_VERSION);
	struct stat st;

	h = mix(h, w->m->name);
	h = mix(h, w->m->source);
	for (char **s = w->m->command; *s; s++)
		h = mix(h, *s);
	for (char **s = w->m->env; s && *s; s++)
		h = mix(h, *s);
	if (stat(w->m->command[0], &st) == 0) {
		h = hw_checksum(h, &st.st_size, sizeof(st.st_size));
		h = hw_checksum(h, &st.st_mtim, sizeof(st.st_mtim));
	}
	return h;
}

/* The files NAMES (a line each, below the top as "./...") as they are in the
 * tree; 0: one is not there. */
static uint64_t files_key(const struct work *w, const char *names)
{
	uint64_t h = 1;

	while (*names) {
		size_t n = strcspn(names, "\n"), len;
		char *name = xstrndup(names, n);
		char *path = starts_with(name, "./")
				 ? path_join(w->b->trees[w->side], name + 2)
				 : xstrdup(name);
		char *data = NULL;

		if (file_read(path, &data, &len, NULL) < 0)
			h = 0;
		else if (h)
			h = hw_checksum(mix(h, name), data, len);
		free(data);
		free(path);
		free(name);
		if (!h)
			break;
		names += n + (names[n] == '\n');
	}
	return h;
}

/* What the compiler read, as files_key wants it. malloc'd. */
static char *files_read(const struct work *w, const char *depfile)
{
	const char *tree = w->b->trees[w->side];
	struct strv deps = {0};
	struct text t = {0};
	char *dir = in_tree(w, w->m->dir);

	depfile_read(&deps, depfile, dir, NULL);
	for (size_t i = 0; i < deps.n; i++) {
		if (path_under(deps.v[i], tree))
			text_printf(&t, ".%s\n", deps.v[i] + strlen(tree));
		else
			text_printf(&t, "%s\n", deps.v[i]);
	}
	free(dir);
	strv_free(&deps);
	return text_take(&t);
}

static char *cache_entry(const char *cache, const struct work *w,
			 const char *names)
{
	return xasprintf("%s/%016llx-%016llx.so", cache,
			 (unsigned long long)command_key(w),
			 (unsigned long long)files_key(w, names));
}

static char *cache_names(const char *cache, const struct work *w)
{
	return xasprintf("%s/%016llx.deps", cache,
			 (unsigned long long)command_key(w));
}

/* Several lists of files for one command are kept one after the other, an
 * empty line between them: sides differ in what they include. */
static bool cache_find(struct work *w, const char *cache)
{
	char *path = cache_names(cache, w), *lists = NULL;

	if (file_read(path, &lists, NULL, NULL) == 0) {
		for (char *s = lists, *end; *s && !w->file; s = end) {
			char *entry;

			end = strstr(s, "\n\n");
			end = end ? end + 2 : s + strlen(s);
			if (end[-1] == '\n' && end - s > 1)
				end[-1] = '\0';
			entry = cache_entry(cache, w, s);
			if (utimensat(AT_FDCWD, entry, NULL, 0) == 0)
				w->file = entry;
			else
				free(entry);
		}
	}
	free(lists);
	free(path);
	return w->file != NULL;
}

static void cache_keep(const struct work *w, const char *cache)
{
	char *names = files_read(w, w->depfile);
	char *entry = cache_entry(cache, w, names);
	char *path = cache_names(cache, w), *lists = NULL, *data = NULL;
	struct text t = {0};
	size_t len;

	if (file_read(path, &lists, NULL, NULL) == 0)
		text_puts(&t, lists);
	if (!lists || !strstr(lists, names))
		text_printf(&t, "%s\n", names);
	if (*names && file_read(w->file, &data, &len, NULL) == 0 &&
	    file_write(entry, data, len, NULL) == 0)
		file_write(path, t.s, t.len, NULL);
	text_free(&t);
	free(data);
	free(lists);
	free(path);
	free(entry);
	free(names);
}

/* Removes what was not used for a month. */
static void cache_prune(const char *cache)
{
	DIR *dir = opendir(cache);
	struct dirent *e;
	struct stat st;

	while (dir && (e = readdir(dir)) != NULL)
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		    S_ISREG(st.st_mode) &&
		    st.st_mtime < time(NULL) - CACHE_DAYS * 86400)
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}

static void cache_fill(const struct works *all)
{
	char *cache = cache_folder();
	bool any = false;

	for (size_t i = 0; cache && i < all->n; i++) {
		if (!all->v[i].depfile)
			continue;
		cache_keep(&all->v[i], cache);
		any = true;
	}
	if (any)
		cache_prune(cache);
	free(cache);
}

/* --- one module ----------------------------------------------------------- */

static int compile(struct work *w, const char *object, const char *said,
		   char **err)
{
	char *dir = in_tree(w, w->m->dir), *text = NULL;
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

static int module_make(struct work *w, size_t i, char **err)
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
	struct work *w = &all->v[i];
	char *source = in_tree(w, w->m->source), *cache = cache_folder();
	char *err = NULL;

	w->missing = !file_exists(source);
	if (!w->missing && (w->b->kept || !cache || !cache_find(w, cache)) &&
	    module_make(w, i, &err) != 0 && !w->why)
		w->why = xstrdup(err ? err : "cannot be compiled");
	free(err);
	free(cache);
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
			all->v[all->n++] = (struct work){.b = b,
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
		const struct work *w = NULL;

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

static int work_keep(struct check_kept *k, const struct work *was,
		     const struct work *is, char **err)
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
		      char **err)
{
	int e = 0;

	if (!b->kept)
		return 0;
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
	cache_fill(&all);
	works_tell(&all, r);
	side_fill(&was, b, &all, 0);
	side_fill(&is, b, &all, 1);
	if (was.n && is.n)
		e = check_compare(&was, &is, r, err);
	if (e == 0)
		e = works_keep(&all, b, err);
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
