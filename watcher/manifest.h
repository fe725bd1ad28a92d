/* SPDX-License-Identifier: MIT
 *
 * PROGRAM.hot/manifest.json (its shape is in docs/architecture.md): written
 * by the link of a hot build, read by the watcher. All strings are owned by
 * the manifest; absent ones are NULL. Errors as in object.h.
 */
#ifndef WATCHER_MANIFEST_H
#define WATCHER_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

struct manifest_module {
	char *name, *source, *object, *archive; /* archive: NULL or path */
	char *hash;                             /* 32 hex digits */
	char *file;                             /* absolute */
	uint64_t base, size;
	char *dir;
	char **command; /* NULL-terminated */
	char **env;     /* "NAME=VALUE", NULL-terminated */
	char *depfile;
	char **deps; /* absolute paths, NULL-terminated, the source first */
};

struct manifest {
	char *path; /* of manifest.json */
	char *hot;  /* its folder */
	char *program, *root, *dir;
	char **link, **libs; /* NULL-terminated */
	char *stubs;         /* absolute */
	uint64_t next_base;
	struct manifest_module *modules;
	size_t nmodules;
};

int manifest_read(struct manifest **m, const char *path, char **err);
int manifest_write(const struct manifest *m, char **err); /* atomic */
void manifest_free(struct manifest *m);

/* By full name, or a last part that is unique. NULL: none, or several
 * (*ambiguous set). */
const struct manifest_module *manifest_find(const struct manifest *m,
					    const char *name, int *ambiguous);

#endif
