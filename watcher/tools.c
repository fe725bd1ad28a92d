/* SPDX-License-Identifier: MIT
 *
 * See tools.h.
 */
#include "watcher/tools.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watcher/util.h"

const char *const tool_clang_env[] = {
    "CPATH",         "C_INCLUDE_PATH",          "SOURCE_DATE_EPOCH",
    "COMPILER_PATH", "CCC_OVERRIDE_OPTIONS",    "CCC_ADD_ARGS",
    "SDKROOT",       "CLANG_NO_DEFAULT_CONFIG", NULL,
};

bool tool_is_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0 || access(path, X_OK) < 0)
		return false;
	errno = EACCES; /* what execve says of a folder */
	return S_ISREG(st.st_mode);
}

static char *find_in_path(const char *name)
{
	const char *dirs = getenv("PATH");

	if (!dirs)
		dirs = "/bin:/usr/bin";
	for (;;) {
		size_t len = strcspn(dirs, ":");
		char *dir = len ? xstrndup(dirs, len) : xstrdup(".");
		char *path = path_join(dir, name);

		free(dir);
		if (tool_is_program(path))
			return path;
		free(path);
		if (!dirs[len])
			return NULL;
		dirs += len + 1;
	}
}

char *tool_find(const char *name)
{
	if (!strchr(name, '/'))
		return find_in_path(name);
	return tool_is_program(name) ? xstrdup(name) : NULL;
}

char *tool_lld(const char *clang)
{
	char *real = path_real(clang), *dir = path_dir(real);
	const char *base = path_base(clang);
	char *path = path_join(dir, "ld.lld"), *name;

	free(real);
	free(dir);
	/* Where clang itself looks for it: beside its own executable. */
	if (tool_is_program(path))
		return path;
	free(path);
	name = xasprintf("ld.lld%s", starts_with(base, "clang-")
					 ? base + strlen("clang")
					 : "");
	path = tool_find(name);
	free(name);
	return path;
}

char *tool_module_linker(const char *clang)
{
	char *bfd = tool_find("ld.bfd");

	return bfd ? bfd : tool_lld(clang);
}
