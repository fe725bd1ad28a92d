/* SPDX-License-Identifier: MIT
 *
 * Finding programs: any, as a shell would, and the linkers. Any thread;
 * results are malloc'd.
 */
#ifndef WATCHER_TOOLS_H
#define WATCHER_TOOLS_H

#include <stdbool.h>

/* What clang reads from its environment and that changes what it makes.
 * NULL-terminated. */
extern const char *const tool_clang_env[];

/* A regular file that may be executed. False leaves errno telling why not. */
bool tool_is_program(const char *path);

/* NAME as execvp finds it (with a slash it is a path), or NULL. */
char *tool_find(const char *name);

/* The lld of the same installation as CLANG (a path), or NULL. */
char *tool_lld(const char *clang);

/*
 * What links modules: GNU ld, because it starts in 2 ms and lld in 10, and a
 * module is linked at every save; CLANG's lld where there is no GNU ld. NULL:
 * neither.
 */
char *tool_module_linker(const char *clang);

#endif
