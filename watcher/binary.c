/* SPDX-License-Identifier: MIT
 *
 * See binary.h. A folder PROGRAM.hot alone proves nothing: the program may
 * have been built again without hotwatch since. So the file itself is looked
 * at: a hot program needs libcodeserver.so, whose name stands in its string
 * table. No ELF library is used for that; the name is long enough.
 */
#include "watcher/binary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watcher/manifest.h"
#include "watcher/tools.h"
#include "watcher/util.h"

static const char needed[] = "libcodeserver.so";

char *binary_find(const char *name, char **err)
{
	char *path = tool_find(name);

	if (path)
		return path;
	if (strchr(name, '/'))
		fail(err, "%s: %s", name, strerror(errno));
	else
		fail(err, "%s: not found in PATH; is it ./%s?", name, name);
	return NULL;
}

/* The manifest of PATH, or of the file that it is a link to. */
static char *manifest_path(const char *path)
{
	char *beside = xasprintf("%s.hot/manifest.json", path), *real;

	if (file_exists(beside))
		return beside;
	free(beside);
	real = path_real(path);
	beside = xasprintf("%s.hot/manifest.json", real);
	free(real);
	return beside;
}

static enum binary_kind read_root(const char *path, char **root, char **err)
{
	char *file = manifest_path(path), *why = NULL;
	enum binary_kind kind = BINARY_BROKEN;
	struct manifest *m = NULL;

	if (manifest_read(&m, file, &why) < 0) {
		fail(err, "%s; build it again with CC=\"hotwatch cc\"", why);
	} else {
		*root = xstrdup(m->root);
		kind = BINARY_HOT;
		manifest_free(m);
	}
	free(why);
	free(file);
	return kind;
}

static enum binary_kind plain(const char *path, char **err)
{
	char *file = manifest_path(path);

	if (file_exists(file))
		fail(err,
		     "%s was built hot once (%s is there), but not the last "
		     "time; build it again with CC=\"hotwatch cc\"",
		     path, file);
	else
		fail(err,
		     "%s is not hot-built (there is no %s.hot); build it with "
		     "make CC=\"hotwatch cc\"",
		     path, path_base(path));
	free(file);
	return BINARY_PLAIN;
}

enum binary_kind binary_kind(const char *path, char **root, char **err)
{
	enum binary_kind kind;
	char *data;
	size_t len;

	*root = NULL;
	if (file_read(path, &data, &len, err) < 0)
		return BINARY_PLAIN;
	if (starts_with(data, "#!"))
		kind = BINARY_SCRIPT;
	else if (memmem(data, len, needed, sizeof(needed)))
		kind = read_root(path, root, err);
	else
		kind = plain(path, err);
	free(data);
	return kind;
}
