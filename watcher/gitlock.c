/* SPDX-License-Identifier: MIT
 *
 * Is git at work in a tree?
 *
 * A checkout of 5 000 files leaves gaps of 18 to 137 ms between its files, so
 * no quiet time tells its end, but .git/index.lock spans all of it to within
 * 2 ms. A rebase or merge that stopped at a conflict holds as well: the files
 * have conflict marks in them and would only fail to build.
 *
 * The files are looked at, not the events counted: a lock whose removal was
 * missed must not hold for ever. A bisect is no hold, for people build and
 * run what it checks out.
 */
#include "watcher/gitlock.h"

#include "watcher/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Of one work tree, so they lie in its own git folder, not the common one. */
static const char *const names[] = {
    "index.lock", "rebase-merge",     "rebase-apply",
    "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD",
};

/* The one line of FILE that starts with PREFIX, as a path from DIR. */
static char *pointer_read(const char *dir, const char *name, const char *prefix)
{
	char *file = path_join(dir, name), *data = NULL, *path = NULL;

	if (file_read(file, &data, NULL, NULL) == 0 &&
	    starts_with(data, prefix)) {
		data[strcspn(data, "\r\n")] = '\0';
		path = path_absolute(dir, data + strlen(prefix));
	}
	free(data);
	free(file);
	return path;
}

char *gitlock_dir(const char *top)
{
	char *path = path_join(top, ".git");
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return path;
	free(path);
	return pointer_read(top, ".git", "gitdir: ");
}

char *gitlock_common(const char *dir)
{
	char *common = pointer_read(dir, "commondir", "");

	return common ? common : xstrdup(dir);
}

char *gitlock_top(const char *path)
{
	char *top = xstrdup(path);

	for (;;) {
		char *dir = gitlock_dir(top), *up;

		free(dir);
		if (dir)
			return top;
		if (!strcmp(top, "/"))
			break;
		up = path_dir(top);
		free(top);
		top = up;
	}
	free(top);
	return NULL;
}

const char *gitlock_held(const char *dir)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *path = path_join(dir, names[i]);
		struct stat st;
		bool held = lstat(path, &st) == 0;

		free(path);
		if (held)
			return names[i];
	}
	return NULL;
}

bool gitlock_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}
