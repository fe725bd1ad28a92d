/* SPDX-License-Identifier: MIT
 *
 * Which files' diagnostics are to be made, and their sending. Whoever makes
 * them (lsp-problems.c) goes through all there is to say, twice in one call of
 * lsp_publish, and asks of each item whether it is wanted.
 */
#ifndef WATCHER_LSP_PUBLISH_H
#define WATCHER_LSP_PUBLISH_H

#include "watcher/lsp-internal.h"

/* One making of diagnostics. */
struct making {
	struct lsp *s;
	bool counting;      /* the first time through */
	unsigned mentioned; /* files, in it */
	struct strmap read; /* path -> struct lsp_file, malloc'd */
};

/* Calls EACH twice, and sends what has changed: as much of it as is one
 * portion, and that of files that are open first. False: there is more. */
bool lsp_publish(struct lsp *s, void (*each)(struct making *m));

/* Whether a diagnostic at PATH is to be made now. STAMP tells what it comes of:
 * as long as a file's diagnostics come of the same, they are the same. */
bool making_wants(struct making *m, const char *path, uint64_t stamp);

/* False: the same was there already, of another module that includes it. */
bool making_is_new(struct making *m, const char *path, unsigned line,
		   unsigned column, const char *message);

void making_add(struct making *m, const char *path, cJSON *diagnostic);

const struct lsp_file *making_file(struct making *m, const char *path);

#endif
