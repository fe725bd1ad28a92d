/* SPDX-License-Identifier: MIT
 *
 * The dependencies that a compiler wrote for make (-MD). Any thread.
 */
#ifndef WATCHER_DEPFILE_H
#define WATCHER_DEPFILE_H

#include "watcher/util.h"

/* Adds the prerequisites of the first rule of TEXT to DEPS, as absolute clean
 * paths (relative ones are below DIR), each once, in order. */
void depfile_parse(struct strv *deps, const char *text, const char *dir);

/* The same of a file. 0, or -1 and *err. */
int depfile_read(struct strv *deps, const char *path, const char *dir,
		 char **err);

#endif
