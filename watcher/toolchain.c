/* SPDX-License-Identifier: MIT
 *
 * The compiler and linker of a recorded command: which program that is, in
 * which environment it ran. Any thread.
 */
#include "watcher/engine-internal.h"

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

/* NAME as execvp finds it, resolved; or NULL. */
static char *program_path(const char *name)
{
	const char *p = getenv("PATH");

	if (strchr(name, '/'))
		return path_real(name);
	for (p = p ? p : "/usr/bin:/bin"; *p; p += *p == ':') {
		size_t n = strcspn(p, ":");
		char *dir = n ? xstrndup(p, n) : xstrdup(".");
		char *path = path_join(dir, name), *real;

		free(dir);
		p += n;
		real = access(path, X_OK) == 0 ? path_real(path) : NULL;
		free(path);
		if (real)
			return real;
	}
	return NULL;
}

static char *beside(const char *program, const char *name)
{
	char *dir = path_dir(program), *path = path_join(dir, name);

	free(dir);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char *toolchain_linker(char *const *command)
{
	char *clang = program_path(command[0]);
	char *linker = program_path("ld.bfd");
	const char *base = path_base(command[0]);

	if (clang && !linker)
		linker = beside(clang, "ld.lld");
	free(clang);
	if (linker)
		return linker;
	return xasprintf("ld.lld%s", starts_with(base, "clang-")
					 ? base + strlen("clang")
					 : "");
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
	char *path = program_path(name);
	struct stat st;
	uint64_t id = 0;

	if (path && stat(path, &st) == 0)
		id = (uint64_t)st.st_mtim.tv_sec * 31 + st.st_size;
	free(path);
	return id;
}
