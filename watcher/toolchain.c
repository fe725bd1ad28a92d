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

/* What clang reads from its environment and that changes what it makes; the
 * record holds those that were set (cc-record.c), and no other may leak in
 * from the terminal that the watcher was started in. */
static const char *const clang_env[] = {
    "CPATH",         "C_INCLUDE_PATH",          "SOURCE_DATE_EPOCH",
    "COMPILER_PATH", "CCC_OVERRIDE_OPTIONS",    "CCC_ADD_ARGS",
    "SDKROOT",       "CLANG_NO_DEFAULT_CONFIG",
};

char *toolchain_linker(char *const *command)
{
	char *linker = tool_module_linker(command[0]);

	return linker ? linker : xstrdup("ld.bfd"); /* whose absence is told */
}

static bool is_clang_env(const char *variable)
{
	size_t n = strcspn(variable, "=");

	for (size_t i = 0; i < ARRAY_SIZE(clang_env); i++)
		if (strlen(clang_env[i]) == n &&
		    !strncmp(clang_env[i], variable, n))
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
