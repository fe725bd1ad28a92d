/* SPDX-License-Identifier: MIT
 *
 * hotwatch cc: in clang's place in a build. It decides what a command asks
 * for and hands it on:
 *
 *	cc -c x.c            cc-compile.c: clang, with more flags and a record
 *	cc x.o y.o -o prog   cc-link.c: a program of modules
 *	anything else        clang itself, with the same words
 *
 * A configure check (conftest.c, CMake's and Meson's scratch folders) is
 * compiled and linked as clang would: what it asks is how clang behaves, its
 * program runs for a millisecond, and a hundred of them must not take four
 * times as long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watcher/cc-response.h"
#include "watcher/cc.h"
#include "watcher/util.h"

int cmd_cc(int argc, char **argv);

/* Files and folders that build systems make for their checks. */
static const char *const probe_inputs[] = {"conftest", "CMakeCCompilerId",
					   "CMakeCXXCompilerId"};
static const char *const probe_dirs[] = {"/CMakeFiles/CMakeScratch/",
					 "/CMakeFiles/CMakeTmp/",
					 "/meson-private/"};

static bool is_probe(const struct cc *c)
{
	char *dir = xasprintf("%s/", c->dir);
	bool probe = false;

	for (size_t i = 0; i < ARRAY_SIZE(probe_dirs); i++)
		probe |= strstr(dir, probe_dirs[i]) != NULL;
	for (size_t i = 0; i < c->args.n && !probe; i++)
		for (size_t k = 0; k < ARRAY_SIZE(probe_inputs); k++)
			probe |= c->args.v[i].class == CC_INPUT &&
				 starts_with(path_base(c->args.v[i].value),
					     probe_inputs[k]);
	free(dir);
	return probe;
}

/* clang, with the user's words as they are, behind OURS. */
static int clang_itself(const struct cc *c, const char *const *ours, char **err)
{
	struct strv argv = {0};

	strv_add(&argv, c->tools.clang);
	strv_addv(&argv, ours);
	strv_addv(&argv, (const char *const *)c->words);
	return cc_exec(argv.v, err);
}

/* So that <hotwatch/hot.h> is found, and reads as it does when compiled. */
static int clang_reading(const struct cc *c, char **err)
{
	const char *const ours[] = {"-D__HOTWATCH__=1", "-idirafter",
				    c->tools.include, NULL};
	bool included = false;

	for (size_t i = 0; i < c->args.n; i++)
		included |= c->args.v[i].class == CC_INPUT &&
			    c->args.v[i].lang == CC_LANG_C;
	return clang_itself(c, included ? ours : NULL, err);
}

/* One piece, not split into modules: a library, a check, -static. */
static int clang_native(const struct cc *c, char **err)
{
	const char *ours[4] = {NULL};
	size_t n = 0;

	if (c->args.mode != CC_MODE_COMPILE)
		ours[n++] = "-fuse-ld=lld";
	if (c->args.nsources) {
		ours[n++] = "-idirafter";
		ours[n] = c->tools.include;
	}
	return clang_itself(c, ours, err);
}

static bool is_native(const struct cc *c)
{
	const char *how = getenv("HOTWATCH_CC");

	return (how && !strcmp(how, "native")) || is_probe(c);
}

/* An output that cannot be made: the linker words that better than we would.
 * Nor does a program belong beside /dev/null. */
static bool is_placeable(const struct cc *c)
{
	const char *output = c->args.output ? c->args.output : "a.out";
	char *dir = path_dir(output);
	struct stat st;
	bool good = access(dir, W_OK) == 0 && !starts_with(output, "/dev/");

	good = good && (stat(output, &st) < 0 || S_ISREG(st.st_mode));
	free(dir);
	return good;
}

/* clang does not go on to the linker without one of its inputs. */
static bool has_inputs(const struct cc *c)
{
	for (size_t i = 0; i < c->args.n; i++)
		if (c->args.v[i].class == CC_INPUT &&
		    !file_exists(c->args.v[i].value))
			return false;
	return true;
}

static int link_whole(const struct cc *c, char **err)
{
	fprintf(stderr,
		"hotwatch cc: %s: linked in one piece, it will not reload: "
		"%s\n",
		c->args.output ? c->args.output : "a.out", c->args.unsplit);
	return clang_native(c, err);
}

static int command_run(struct cc *c, char **err)
{
	const struct cc_args *a = &c->args;

	if (a->alien || a->mode == CC_MODE_OTHER)
		return clang_itself(c, NULL, err);
	if (a->mode == CC_MODE_READ)
		return clang_reading(c, err);
	if (a->mode == CC_MODE_NATIVE || is_native(c) ||
	    (a->mode == CC_MODE_LINK && !(is_placeable(c) && has_inputs(c))))
		return clang_native(c, err);
	if (a->mode == CC_MODE_COMPILE) {
		/* clang words its refusal better than we would. */
		if (!a->nsources || (a->nsources > 1 && a->output))
			return clang_itself(c, NULL, err);
		return cc_compile(c, err);
	}
	return a->unsplit ? link_whole(c, err) : cc_link(c, err);
}

/* The working directory as clang names it in debug information. */
static char *working_dir(void)
{
	const char *pwd = getenv("PWD");
	struct stat a, b;
	char *real;

	if (pwd && pwd[0] == '/' && stat(pwd, &a) == 0 && stat(".", &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		return xstrdup(pwd);
	real = realpath(".", NULL);
	return real ? real : xstrdup("/");
}

int cmd_cc(int argc, char **argv)
{
	struct strv expanded = {0};
	struct cc c = {.words = argv + (argc > 0)};
	char *err = NULL;
	int status;

	response_expand(&expanded, c.words);
	c.expanded = strv_take(&expanded);
	c.dir = working_dir();
	cc_args_parse(&c.args, c.expanded);
	status = cc_tools_find(&c.tools, &err);
	if (status == 0)
		status = command_run(&c, &err);
	if (c.output.s)
		fputs(c.output.s, stdout);
	for (size_t i = 0; i < c.notices.n; i++)
		fprintf(stderr, "hotwatch cc: %s\n", c.notices.v[i]);
	if (status < 0) {
		fprintf(stderr, "hotwatch cc: error: %s\n", err);
		status = 1;
	}
	/* All of this process's memory ends here; nothing was freed for it. */
	fflush(stdout);
	_exit(status);
}
