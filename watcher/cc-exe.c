/* SPDX-License-Identifier: MIT
 *
 * The small executable: it needs the stubs' object, the modules, the code
 * server, in this order, and then what the user's program needs.
 *
 * The executable is the user's own link command without what became modules:
 * crt1, foreign objects and libraries are the same, in the same order, so
 * sanitizers, -pthread and rpaths are too. Archives are replaced by their
 * foreign members that the native link took: nothing in the executable refers
 * to these, so the linker would not take them again, and --whole-archive would
 * take the modules' objects as well.
 *
 * Everything is found by name in the rpath (-l:FILE, no path in DT_NEEDED), so
 * PROGRAM and PROGRAM.hot may be moved together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/archive.h"
#include "watcher/cc-program.h"
#include "watcher/cc-response.h"

/* --- the user's words ----------------------------------------------------- */

void cc_native_words(const struct program *p, struct strv *argv)
{
	const struct cc_args *a = &p->cc->args;

	strv_add(argv, p->cc->tools.clang);
	for (size_t i = 0; i < a->n; i++) {
		const struct cc_arg *arg = &a->v[i];

		if (arg->class == CC_OUTPUT || arg->class == CC_DEP)
			continue;
		/* -x would make C of the objects that follow it */
		if (a->nsources &&
		    (arg->class == CC_LANG || arg->class == CC_SIDE))
			continue;
		if (p->objects[i])
			strv_add(argv, p->objects[i]);
		else
			cc_arg_add(argv, arg);
	}
}

/*
 * The linker's words that would undo ours, that said what to take of archives,
 * or that ask for what the native link has told already. A name that ends in
 * '=' is followed by its value; VALUE: the next word is part of it.
 */
static const struct {
	const char *name;
	bool value;
} dropped[] = {
    {"--whole-archive", false},
    {"-whole-archive", false},
    {"--no-whole-archive", false},
    {"-no-whole-archive", false},
    {"--version-script", true},
    {"-version-script", true},
    {"--version-script=", false},
    {"--dynamic-list", true},
    {"--dynamic-list=", false},
    {"--exclude-libs", true},
    {"--exclude-libs=", false},
    {"--no-export-dynamic", false},
    {"--fatal-warnings", false},
    {"--symbol-ordering-file", true},
    {"--symbol-ordering-file=", false},
    {"--dependency-file=", false},
    {"-M", false},
    {"--print-map", false},
    {"-Map", true},
    {"-Map=", false},
    {"--Map=", false},
    {"--cref", false},
    {"-t", false},
    {"--trace", false},
    {"-y", true},
    {"--trace-symbol=", false},
    {"--print-gc-sections", false},
    {"--verbose", false},
};

struct exe_words {
	const struct program *p;
	struct strv *argv;
	bool skip; /* the next linker's word belongs to a dropped one */
};

/* Whether the linker's input PATH is given to the executable otherwise. */
static bool is_replaced(const struct program *p, const char *path)
{
	for (size_t i = 0; i < p->nunits; i++) {
		const struct unit *u = &p->units[i];

		if (!strcmp(u->path, path) && (u->hot || u->member))
			return true;
		if (u->m.archive && !u->member) { /* thin */
			char *full = path_absolute(p->cc->dir, path);
			bool same = !strcmp(full, u->m.archive);

			free(full);
			if (same)
				return true;
		}
	}
	return false;
}

/* A word that goes to the linker past clang: kept? */
static bool linker_word_keep(struct exe_words *w, const char *word)
{
	if (w->skip) {
		w->skip = false;
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++) {
		const char *name = dropped[i].name;

		if (ends_with(name, "=") ? !starts_with(word, name)
					 : strcmp(word, name))
			continue;
		w->skip = dropped[i].value;
		return false;
	}
	return word[0] == '-' || !is_replaced(w->p, word);
}

static void linker_words(struct exe_words *w, const char *list)
{
	char *copy = xstrdup(list), *rest = copy, *word;

	while ((word = strsep(&rest, ",")) != NULL) {
		if (!linker_word_keep(w, word))
			continue;
		strv_add(w->argv, "-Xlinker");
		strv_add(w->argv, word);
	}
	free(copy);
}

static void exe_word(struct exe_words *w, size_t i)
{
	const struct cc_arg *a = &w->p->cc->args.v[i];
	const char *path = w->p->objects[i] ? w->p->objects[i] : a->value;

	if (a->class == CC_OUTPUT || a->class == CC_DEP ||
	    a->class == CC_SIDE || a->class == CC_LANG)
		return;
	if (a->class == CC_INPUT) {
		if (!is_replaced(w->p, path))
			strv_add(w->argv, path);
	} else if (starts_with(a->text, "-Wl,")) {
		linker_words(w, a->value);
	} else if (!strcmp(a->text, "-Xlinker")) {
		if (linker_word_keep(w, a->value))
			cc_arg_add(w->argv, a);
	} else {
		cc_arg_add(w->argv, a);
	}
}

/* --- foreign members of archives ------------------------------------------ */

/* The compiler's and libc's own: clang names them again by itself. */
static bool is_runtime(const char *path)
{
	static const char *const names[] = {"libc_nonshared.a", "libgcc.a",
					    "libgcc_eh.a", "libclang_rt."};
	const char *base = path_base(path);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (starts_with(base, names[i]))
			return true;
	return false;
}

static int members_write(const struct program *p, const char *archive,
			 const char *to, char **err)
{
	long *offsets = xcalloc(p->nunits, sizeof(*offsets));
	struct archive *a = NULL;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < p->nunits; i++)
		if (p->units[i].member && !p->units[i].hot &&
		    !strcmp(p->units[i].path, archive))
			offsets[n++] = p->units[i].offset;
	r = archive_open(&a, archive, err);
	if (r == 0)
		r = archive_write(a, offsets, n, to, err);
	archive_close(a);
	free(offsets);
	return r;
}

/* Adds what the native link took of archives and is no module. */
static int foreign_members(const struct program *p, struct strv *argv,
			   char **err)
{
	struct strv done = {0};
	int r = 0;

	for (size_t i = 0; i < p->nunits && r == 0; i++) {
		const struct unit *u = &p->units[i];
		char *to;

		if (u->hot || !u->m.archive || is_runtime(u->m.archive) ||
		    strv_has(&done, u->path))
			continue;
		strv_add(&done, u->path);
		if (!u->member) { /* of a thin archive: a file of its own */
			strv_add(argv, u->path);
			continue;
		}
		to = xasprintf("%s/foreign-%zu.a", p->tmp, i);
		r = members_write(p, u->path, to, err);
		strv_add(argv, "-Wl,--whole-archive");
		strv_add(argv, to);
		strv_add(argv, "-Wl,--no-whole-archive");
		free(to);
	}
	strv_free(&done);
	return r;
}

/* --- the executable ------------------------------------------------------- */

static void linker_pair(struct strv *argv, const char *a, const char *b)
{
	strv_add(argv, "-Xlinker");
	strv_add(argv, a);
	strv_add(argv, "-Xlinker");
	strv_add(argv, b);
}

static void rpaths(const struct program *p, struct strv *argv)
{
	char *server = path_dir(p->cc->tools.codeserver);
	char *origin = xasprintf("$ORIGIN/%s/obj", path_base(p->hot));

	linker_pair(argv, "-rpath", origin);
	linker_pair(argv, "-rpath", p->obj);
	linker_pair(argv, "-rpath", server);
	free(server);
	free(origin);
}

static void need(struct strv *argv, const char *file)
{
	strv_add_own(argv, xasprintf("-l:%s", path_base(file)));
}

/*
 * Libraries that only modules use: a --as-needed of the user's would drop them
 * from the executable, and a module's own search does not know his rpaths.
 */
static void libraries(const struct program *p, struct strv *argv, char **err)
{
	struct strv needed = {0};

	for (size_t i = 0; i < p->nunits; i++) {
		struct elf_view v;

		if (!p->units[i].hot ||
		    elf_view_open(&v, p->units[i].m.file, 0, err) < 0)
			continue;
		elf_needed(&v, &needed);
		elf_view_close(&v);
	}
	for (size_t i = 0; i < p->libs.n; i++) {
		struct elf_view v;
		char *soname = NULL;

		if (ends_with(p->libs.v[i], ".a") ||
		    elf_view_open(&v, p->libs.v[i], 0, err) < 0)
			continue;
		soname = elf_soname(&v);
		if (strv_has(&needed,
			     soname ? soname : path_base(p->libs.v[i])))
			strv_add(argv, p->libs.v[i]);
		free(soname);
		elf_view_close(&v);
	}
	strv_free(&needed);
}

/*
 * The dynamic linker runs constructors of objects that do not need each other
 * in the reverse of this order; a native link in the order of the objects. And
 * it takes the first definition of a variable, weak or not; a native link the
 * strong one: who has that comes before the others.
 */
static void need_modules(const struct program *p, bool overridden,
			 struct strv *argv)
{
	for (size_t i = p->nunits; i-- > 0;)
		if (p->units[i].hot && p->units[i].overridden == overridden)
			need(argv, p->units[i].m.file);
}

/* What goes before the user's own words: the first that defines a symbol has
 * it, in the linker and at run time. */
static void ours_first(const struct program *p, struct strv *argv)
{
	strv_add(argv, p->cc->tools.clang);
	strv_add_own(argv, xasprintf("-L%s", p->obj));
	strv_add(argv, "-Wl,--push-state,--no-as-needed");
	need(argv, p->stubs);
	need_modules(p, false, argv);
	need_modules(p, true, argv);
	strv_add(argv, p->cc->tools.codeserver);
	strv_add(argv, "-Wl,--pop-state");
	rpaths(p, argv);
}

static int exe_words(const struct program *p, struct strv *argv, char **err)
{
	static const char *const last[] = {"-fuse-ld=lld", "-rdynamic",
					   "-Wl,--allow-shlib-undefined",
					   "-Wl,--push-state,--no-as-needed",
					   NULL};
	struct exe_words w = {.p = p, .argv = argv};

	ours_first(p, argv);
	for (size_t i = 0; i < p->cc->args.n; i++)
		exe_word(&w, i);
	if (foreign_members(p, argv, err) < 0)
		return CC_ERROR;
	strv_addv(argv, last);
	libraries(p, argv, err);
	strv_add(argv, "-Wl,--pop-state");
	strv_add(argv, "-o");
	strv_add(argv, p->output);
	return 0;
}

/*
 * An object that is not position independent takes a library's variable into
 * the executable, and the module that has it would go on with its own.
 */
static int copies_refuse(const struct program *p, char **err)
{
	struct strv names = {0};
	struct elf_view v;
	int r = 0;

	if (elf_view_open(&v, p->output, 0, err) < 0)
		return CC_ERROR;
	elf_copied(&v, &names);
	elf_view_close(&v);
	for (size_t i = 0; names.n && i < p->nunits && r == 0; i++) {
		const struct unit *u = &p->units[i];

		if (!u->hot || elf_view_open(&v, u->m.file, 0, err) < 0)
			continue;
		for (size_t k = 0; k < names.n && r == 0; k++)
			if (elf_defines(&v, names.v[k]))
				r = fail(err,
					 "%s: an object that was not compiled "
					 "by hotwatch cc takes the address of "
					 "%s, a variable of %s; compile it "
					 "by hotwatch cc, or with -fPIC",
					 p->output, names.v[k], u->m.source);
		elf_view_close(&v);
	}
	if (r < 0)
		unlink(p->output);
	strv_free(&names);
	return r;
}

int cc_exe_link(struct program *p, char **err)
{
	struct strv argv = {0};
	char *rsp = path_join(p->tmp, "exe.rsp");
	int status = exe_words(p, &argv, err);

	if (status == 0)
		status = response_shorten(&argv, rsp, err);
	if (status >= 0)
		status = cc_run(argv.v, NULL, err);
	if (status == 0)
		status = copies_refuse(p, err);
	strv_free(&argv);
	free(rsp);
	return status;
}
