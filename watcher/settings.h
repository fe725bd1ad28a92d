/* SPDX-License-Identifier: MIT
 *
 * hotwatch.json at a project's root. None of it is needed.
 */
#ifndef WATCHER_SETTINGS_H
#define WATCHER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

struct cJSON;

enum settings_on_held {
	ON_HELD_LINGER,
	ON_HELD_REFUSE,
	ON_HELD_KILL
};
enum settings_unsafe {
	UNSAFE_REFUSE,
	UNSAFE_WARN
};

/* A finding of `hotwatch check` that somebody has judged. */
struct suppression {
	char *rule, *reason, *expires; /* "2026-01-31" */
	char *module, *symbol;         /* NULL: any */
	unsigned line;                 /* of the whole list, in the file */
};

struct settings {
	enum settings_on_held on_held;
	enum settings_unsafe unsafe;
	bool reload_on_save;
	int purge_deadline_ms;
	int keep_versions; /* loaded files kept of a module, for rollback */
	char *compiler;    /* NULL: the one of the hot build */
	char **compiler_launcher; /* words, NULL-terminated, maybe none */
	char *build;              /* shell command, or NULL */
	char **ignore;            /* patterns, NULL-terminated, maybe none */
	struct suppression *suppress; /* NSUPPRESS of them */
	size_t nsuppress;
};

void settings_init(struct settings *s); /* the defaults */
void settings_free(struct settings *s);

/*
 * Reads PATH over the defaults; a file that is not there is fine. 0, or -1 and
 * *err, which names the line ("hotwatch.json:3: ...").
 */
int settings_read(struct settings *s, const char *path, char **err);

/* ERR of settings_read of PATH for an editor: {file, line, message}. */
struct cJSON *settings_fault(const char *err, const char *path);

#endif
