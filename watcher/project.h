/* SPDX-License-Identifier: MIT
 *
 * Which project a command is about, and the watcher that serves it.
 */
#ifndef WATCHER_PROJECT_H
#define WATCHER_PROJECT_H

#include "watcher/client.h"

/*
 * The root of the project as seen from the folder DIR (NULL: the current
 * one), or, if TARGET is not NULL, of the processes that it names. malloc'd.
 * NULL and *err: there is none, or there are several.
 */
char *project_root(const char *dir, const char *target, char **err);

/* A watcher answers what it knows at once; after this it is stopped. What
 * has to be built may take longer: client_limit. */
#define PROJECT_LIMIT_MS 3000

/* Connects to the watcher of the project at ROOT, calls being limited to
 * PROJECT_LIMIT_MS. -1 and *err: none runs. */
int project_connect(const char *root, struct client **c,
		    client_notified *notified, void *arg, char **err);

#endif
