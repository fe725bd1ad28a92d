/* SPDX-License-Identifier: MIT
 *
 * See paths.h. Nothing is configured and no environment variable is asked: a
 * path that was written into the executable would be wrong after a move, and
 * a variable would be lost on the way through make, sudo or an editor. The
 * exception is the folder of the headers in a build tree, which may lie
 * anywhere: it is written in at build time, and used only while the library
 * next to the executable shows that this is a build tree.
 */
#include "watcher/paths.h"

#include <stdlib.h>
#include <string.h>

#include "watcher/util.h"

/*
 * Places of the library, from the executable's folder: a build tree, a test
 * program in a build tree (tests/unit, tests/bench), an installed tree.
 */
static const struct {
	const char *library, *include; /* include: NULL for SOURCE_INCLUDE */
} places[] = {
    {"codeserver/libcodeserver.so", NULL},
    {"../../codeserver/libcodeserver.so", NULL},
    {"../lib/hotwatch/libcodeserver.so", "../include"},
    {"../lib/x86_64-linux-gnu/hotwatch/libcodeserver.so", "../include"},
};

static char *below_self(const char *name)
{
	char *self = path_self_dir(), *path = path_absolute(self, name);

	free(self);
	return path;
}

static int not_found(const char *what, char **err)
{
	char *self = path_self_dir();

	fail(err,
	     "%s is missing: it should be near %s/hotwatch; build hotwatch "
	     "again, or install it whole",
	     what, self);
	free(self);
	return -1;
}

char *path_codeserver(char **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char *path = below_self(places[i].library);

		if (file_exists(path))
			return path;
		free(path);
	}
	not_found("libcodeserver.so", err);
	return NULL;
}

static char *include_at(size_t i)
{
	char *library = below_self(places[i].library);
	char *dir = NULL;

	if (file_exists(library))
		dir = places[i].include ? below_self(places[i].include)
					: xstrdup(SOURCE_INCLUDE);
	free(library);
	return dir;
}

char *path_include(char **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char *dir = include_at(i), *hot;

		if (!dir)
			continue;
		hot = path_join(dir, "hotwatch");
		if (file_exists(hot)) {
			free(hot);
			return dir;
		}
		free(hot);
		free(dir);
	}
	not_found("the folder of hotwatch/hot.h", err);
	return NULL;
}

/* The nearest folder from DIR upward that has NAME in it, or NULL. */
static char *nearest_with(const char *dir, const char *name)
{
	char *at = path_real(dir);

	for (;;) {
		char *path = path_join(at, name), *up;
		bool found = file_exists(path), top = !strcmp(at, "/");

		free(path);
		if (found)
			return at;
		up = path_dir(at);
		free(at);
		at = up;
		if (top)
			break;
	}
	free(at);
	return NULL;
}

char *path_project(const char *dir)
{
	char *root = nearest_with(dir, "hotwatch.json");

	return root ? root : nearest_with(dir, ".git");
}
