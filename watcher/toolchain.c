/* SPDX-License-Identifier: MIT
 *
 * The compiler and linker of a recorded command: which program that is, in
 * which environment it ran. Any thread.
 */
#include "watcher/engine-internal.h"
#include "watcher/tools.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *toolchain_linker(char *const *command)
{
	char *linker = tool_module_linker(command[0]);

	return linker ? linker : xstrdup("ld.bfd"); /* whose absence is told */
}

/* The record has those that were set (cc-record.c); no other may leak in from
 * the terminal that the watcher was started in. */
static bool is_clang_env(const char *variable)
{
	size_t n = strcspn(variable, "=");

	for (const char *const *v = tool_clang_env; *v; v++)
		if (strlen(*v) == n && !strncmp(*v, variable, n))
			return true;
	return false;
}

char **toolchain_env(char *const *recorded)
{
	struct strv env = {0};

	for (char **v = environ; *v; v++)
		if (!is_clang_env(*v))
			strv_add(&env, *v);
	strv_addv(&env, (const char *const *)recorded);
	return strv_take(&env);
}

uint64_t toolchain_identity(const char *name)
{
	char *path = tool_find(name);
	struct stat st;
	uint64_t id = 0;

	if (path && stat(path, &st) == 0)
		id = (uint64_t)st.st_mtim.tv_sec * 31 + st.st_size;
	free(path);
	return id;
}
