/* SPDX-License-Identifier: MIT
 *
 * Which clang and which linker hotwatch cc drives: HOTWATCH_CLANG (a name or
 * a path), else the first of a list of names that PATH has. The hot build
 * needs -fkeep-persistent-storage-variables, which clang has since 18.
 *
 * To ask clang for its version would cost another 12 ms of every compile; so
 * its installed path is read ("clang-19", "llvm-19/bin/clang"), and clang is
 * asked only if that tells nothing.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watcher/cc.h"
#include "watcher/paths.h"
#include "watcher/tools.h"
#include "watcher/util.h"

#define CLANG_OLDEST 18

/* The number that follows the last PREFIX in PATH, or 0. */
static int number_after(const char *path, const char *prefix)
{
	const char *p = path, *last = NULL;

	while ((p = strstr(p, prefix)) != NULL)
		last = p += strlen(prefix);
	return last && isdigit((unsigned char)*last) ? atoi(last) : 0;
}

static int version_ask(const char *clang)
{
	char *command = xasprintf("'%s' -dumpversion 2>/dev/null", clang);
	FILE *f = strchr(clang, '\'') ? NULL : popen(command, "re");
	int version = 0;

	if (f && fscanf(f, "%d", &version) != 1)
		version = 0;
	if (f)
		pclose(f);
	free(command);
	return version;
}

static int version_of(const char *clang)
{
	char *real = path_real(clang);
	int v = number_after(real, "clang-");

	if (!v)
		v = number_after(real, "llvm-");
	free(real);
	return v ? v : version_ask(clang);
}

int cc_tools_find(struct cc_tools *t, char **err)
{
	static const char *const names[] = {"clang-19", "clang", NULL};
	const char *wanted = getenv("HOTWATCH_CLANG");
	const char *const asked[] = {wanted, NULL};
	const char *const *name = wanted && *wanted ? asked : names;
	int version = 0;

	for (; *name && !t->clang; name++)
		t->clang = tool_find(*name);
	if (!t->clang)
		return fail(err,
			    "%s%sno clang found; install clang-19, or "
			    "set HOTWATCH_CLANG to a clang",
			    wanted && *wanted ? wanted : "",
			    wanted && *wanted ? ": " : "");
	version = version_of(t->clang);
	if (version < CLANG_OLDEST)
		return fail(err,
			    "%s: version %d; a hot build needs clang %d or "
			    "later; install clang-19, or set HOTWATCH_CLANG",
			    t->clang, version, CLANG_OLDEST);
	t->include = path_include(err);
	return t->include ? 0 : CC_ERROR;
}

int cc_tools_link(struct cc_tools *t, char **err)
{
	t->linker = tool_module_linker(t->clang);
	t->lld = tool_lld(t->clang);
	if (!t->linker || !t->lld)
		return fail(err,
			    "no ld.lld of the same version as %s; install it "
			    "(Debian: lld-19)",
			    t->clang);
	t->codeserver = path_codeserver(err);
	return t->codeserver ? 0 : CC_ERROR;
}
