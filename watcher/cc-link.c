/* SPDX-License-Identifier: MIT
 *
 * Linking a program, from the user's command to the manifest:
 *
 *	1. sources in the command are compiled, into PROGRAM.hot/src
 *	2. the native link, traced; if it fails, that is the result
 *	3. modules: rewrite, link, seal
 *	4. the stubs' object, the executable
 *	5. the manifest, last: who reads it finds all of it there
 *
 * A program without a single module (all C++, say) is linked natively.
 *
 * Files in PROGRAM.hot/obj are named by content and never change. Those that
 * no link names any more are removed after a day: a process that runs has them
 * mapped and keeps them, and a debugger started an hour later finds them.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "codeserver/descriptor.h"
#include "watcher/cc-program.h"
#include "watcher/depfile.h"
#include "watcher/place.h"
#include "watcher/stubs.h"

#define STUBS_ROOM (4u << 20)
#define KEEP_SECONDS (24 * 60 * 60)

/* --- folders -------------------------------------------------------------- */

static int folders_make(struct program *p, char **err)
{
	const char *output = p->cc->args.output;

	p->output = path_absolute(p->cc->dir, output ? output : "a.out");
	p->hot = xasprintf("%s.hot", p->output);
	p->obj = path_join(p->hot, "obj");
	p->tmp = xasprintf("%s/tmp-%d", p->hot, (int)getpid());
	if (strchr(p->obj, ':'))
		return fail(err,
			    "%s: the dynamic linker takes ':' in a path "
			    "for the end of it; use another folder",
			    p->output);
	if (make_dirs(p->obj, 0777, err) < 0)
		return CC_ERROR;
	return make_dirs(p->tmp, 0777, err);
}

/* Removes the files in DIR for which WANTED holds. */
static void files_remove(const char *dir,
			 bool (*wanted)(const char *path, void *arg), void *arg)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		char *path = path_join(dir, e->d_name);

		if (e->d_name[0] != '.' && wanted(path, arg))
			unlink(path);
		free(path);
	}
	if (d)
		closedir(d);
}

static bool any(const char *path, void *arg)
{
	(void)path;
	(void)arg;
	return true;
}

static bool unused_for_long(const char *path, void *arg)
{
	const struct strmap *used = arg;
	struct stat st;

	return !strmap_get(used, path) && stat(path, &st) == 0 &&
	       time(NULL) - st.st_mtime > KEEP_SECONDS;
}

static void old_objects_remove(const struct program *p)
{
	struct strmap used = {0};

	strmap_put(&used, p->stubs, &used);
	for (size_t i = 0; i < p->nunits; i++)
		if (p->units[i].hot)
			strmap_put(&used, p->units[i].m.file, &used);
	files_remove(p->obj, unused_for_long, &used);
	strmap_free(&used);
}

static void tmp_remove(const struct program *p)
{
	files_remove(p->tmp, any, NULL);
	rmdir(p->tmp);
}

/* After a failure PROGRAM.hot stays only if a link before had made it whole. */
static void hot_remove_unused(const struct program *p)
{
	char *manifest = path_join(p->hot, "manifest.json");

	if (!file_exists(manifest))
		tree_remove(p->hot);
	free(manifest);
}

/* --- sources in the command ----------------------------------------------- */

/* The same for the same source each time; another for another folder's. */
static char *object_path(const struct program *p, const char *source)
{
	char *full = path_absolute(p->cc->dir, source);
	char *name = cc_args_object(source);
	char *path = xasprintf("%s/src/%08" PRIx32 "/%s", p->hot,
			       (uint32_t)fnv1a64(full, strlen(full)), name);

	free(full);
	free(name);
	return path;
}

static int sources_compile(struct program *p, char **err)
{
	const struct cc_args *a = &p->cc->args;
	int status = 0;

	p->objects = xcalloc(a->n, sizeof(*p->objects));
	for (size_t i = 0; i < a->n; i++) {
		char *dir;
		int r;

		if (a->v[i].class != CC_INPUT || a->v[i].lang == CC_LANG_OBJECT)
			continue;
		p->objects[i] = object_path(p, a->v[i].value);
		dir = path_dir(p->objects[i]);
		r = make_dirs(dir, 0777, err);
		free(dir);
		if (r == 0)
			r = cc_compile_source(p->cc, i, p->objects[i], err);
		if (r < 0)
			return r;
		if (r > 0)
			status = r; /* the others' messages too, as clang */
	}
	return status;
}

/* --- stubs ---------------------------------------------------------------- */

static bool func_weak(size_t module, size_t func, void *arg)
{
	struct unit **hot = arg;

	return hot[module]->funcs[func].weak;
}

static struct stubs_module stubs_module(const struct unit *u)
{
	struct stubs_module m = {.name = u->m.name,
				 .file = u->m.file,
				 .nfuncs = u->nfuncs};

	m.funcs = xcalloc(u->nfuncs, sizeof(*m.funcs));
	for (size_t f = 0; f < u->nfuncs; f++)
		m.funcs[f].id = u->funcs[f].id;
	return m;
}

static int stubs_spawn(const struct program *p, const char *object,
		       const char *out, char **err)
{
	char *base = xasprintf("--image-base=0x%llx", HW_ARENA_BASE);
	char *const argv[] = {p->cc->tools.lld,
			      "-shared",
			      "--hash-style=gnu",
			      "--build-id=none",
			      "-z",
			      "norelro",
			      "--eh-frame-hdr",
			      "-z",
			      "undefs",
			      base,
			      "-o",
			      (char *)out,
			      (char *)object,
			      p->cc->tools.codeserver,
			      NULL};
	int status = cc_run(argv, NULL, err);

	free(base);
	if (status > 0)
		return fail(err,
			    "%s: its stubs could not be linked (see "
			    "above)",
			    p->output);
	return status;
}

/* By content, as all in obj: what is there already is right. */
static int stubs_link(struct program *p, const struct stubs *s, char **err)
{
	size_t len;
	char *data = stubs_object(s, &len);
	char *object = path_join(p->tmp, "stubs.o");
	char *out = path_join(p->tmp, "stubs.so");
	int r = 0;

	p->stubs =
	    xasprintf("%s/stubs-%016" PRIx64 ".so", p->obj, fnv1a64(data, len));
	if (!file_exists(p->stubs)) {
		r = file_write(object, data, len, err);
		if (r == 0)
			r = stubs_spawn(p, object, out, err);
		if (r == 0 && rename(out, p->stubs) < 0)
			r = fail(err, "%s: %s", p->stubs, strerror(errno));
	}
	free(data);
	free(object);
	free(out);
	return r;
}

/* 1: the stubs need more room than the modules have left them. */
static int stubs_make(struct program *p, const char *manifest, char **err)
{
	struct stubs s = {.manifest = manifest,
			  .root = p->root,
			  .program = p->output};
	struct unit **hot = xcalloc(p->nunits, sizeof(struct unit *));
	struct stubs_module *modules = xcalloc(p->nunits, sizeof(*modules));
	int r = 1;

	for (size_t i = 0; i < p->nunits; i++) {
		if (!p->units[i].hot)
			continue;
		hot[s.nmodules] = &p->units[i];
		s.tls_size += p->units[i].tls;
		modules[s.nmodules++] = stubs_module(&p->units[i]);
	}
	stubs_name(modules, s.nmodules, func_weak, hot);
	s.modules = modules;
	if (place_room(stubs_bound(&s)) <= p->stubs_room)
		r = stubs_link(p, &s, err);
	for (size_t i = 0; i < s.nmodules; i++)
		free(modules[i].funcs);
	free(modules);
	free(hot);
	return r;
}

/* --- the manifest --------------------------------------------------------- */

/*
 * An object may come without its depfile: from a compiler cache, or copied.
 * clang writes it again, without compiling.
 */
static void depfile_write(const struct manifest_module *m)
{
	struct cc_pipes to = {.out = "/dev/null",
			      .err = "/dev/null",
			      .dir = m->dir};
	char *dir = path_dir(m->depfile);
	struct strv argv = {0};

	strv_addv(&argv, (const char *const *)m->command);
	strv_add(&argv, "-M");
	strv_add(&argv, "-MF");
	strv_add(&argv, m->depfile);
	if (make_dirs(dir, 0777, NULL) == 0)
		cc_run(argv.v, &to, NULL);
	strv_free(&argv);
	free(dir);
}

static int deps_read(size_t i, void *arg)
{
	struct program *p = arg;
	struct manifest_module *m = &p->units[i].m;
	struct strv deps = {0};

	if (!p->units[i].hot)
		return 0;
	if (m->depfile && !file_exists(m->depfile))
		depfile_write(m);
	strv_add(&deps, m->source);
	if (m->depfile)
		depfile_read(&deps, m->depfile, m->dir, NULL);
	m->deps = strv_take(&deps);
	return 0;
}

static int manifest_make(struct program *p, char *path, char **err)
{
	struct strv link = {0};
	struct manifest m = {.path = path,
			     .hot = p->hot,
			     .program = p->output,
			     .root = p->root,
			     .dir = p->cc->dir,
			     .libs = p->libs.v,
			     .stubs = p->stubs,
			     .next_base = p->next_base};
	int r;

	strv_add(&link, p->cc->tools.clang);
	strv_addv(&link, (const char *const *)p->cc->expanded);
	m.link = link.v;
	m.modules = xcalloc(p->nunits, sizeof(*m.modules));
	cc_parallel(p->nunits, deps_read, p);
	for (size_t i = 0; i < p->nunits; i++)
		if (p->units[i].hot)
			m.modules[m.nmodules++] = p->units[i].m;
	r = manifest_write(&m, err);
	free(m.modules);
	strv_free(&link);
	return r;
}

/* --- the program ---------------------------------------------------------- */

/* Modules and stubs; again with more room if the stubs do not fit. */
static int modules_and_stubs(struct program *p, const char *manifest,
			     char **err)
{
	int r;

	for (p->stubs_room = STUBS_ROOM;; p->stubs_room *= 4) {
		r = cc_modules(p, err);
		if (r < 0)
			return r;
		r = stubs_make(p, manifest, err);
		if (r <= 0)
			return r;
	}
}

static int hot_link(struct program *p, char **err)
{
	char *manifest = path_join(p->hot, "manifest.json");
	int r;

	cc_name(p);
	r = modules_and_stubs(p, manifest, err);
	if (r == 0)
		r = cc_exe_link(p, err);
	if (r == 0)
		r = cc_last_write(p, err);
	if (r == 0)
		r = manifest_make(p, manifest, err);
	if (r == 0)
		old_objects_remove(p);
	free(manifest);
	return r;
}

static bool has_modules(const struct program *p)
{
	for (size_t i = 0; i < p->nunits; i++)
		if (p->units[i].hot)
			return true;
	return false;
}

static int native_link(struct program *p, char **err)
{
	struct strv argv = {0};
	int status;

	cc_native_words(p, &argv);
	strv_add(&argv, "-fuse-ld=lld");
	strv_add(&argv, "-o");
	strv_add(&argv, p->output);
	status = cc_run(argv.v, NULL, err);
	strv_free(&argv);
	if (status == 0)
		tree_remove(p->hot); /* what there was is of another program */
	return status;
}

/* clang leaves no output behind a link that failed. */
static void output_remove(const struct program *p)
{
	struct stat st;

	if (lstat(p->output, &st) == 0 && S_ISREG(st.st_mode))
		unlink(p->output);
}

static int program_link(struct program *p, char **err)
{
	int status = sources_compile(p, err);

	if (status == 0)
		status = cc_tools_link(&p->cc->tools, err);
	if (status == 0)
		status = cc_trace(p, err);
	if (status)
		return status;
	cc_last_read(p);
	if (cc_inspect(p, err) < 0)
		return CC_ERROR;
	return has_modules(p) ? hot_link(p, err) : native_link(p, err);
}

int cc_link(struct cc *c, char **err)
{
	struct program p = {.cc = c};
	int status = folders_make(&p, err);

	if (status)
		return status;
	status = program_link(&p, err);
	tmp_remove(&p);
	if (status) {
		output_remove(&p);
		hot_remove_unused(&p);
	}
	return status;
}
