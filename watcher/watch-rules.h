/* SPDX-License-Identifier: MIT
 *
 * Which rules hold where in a tree with git repositories in it, or above it.
 * Reads files, keeps nothing; a chain belongs to one thread (ignore.h).
 */
#ifndef WATCHER_WATCH_RULES_H
#define WATCHER_WATCH_RULES_H

#include "watcher/ignore.h"

/*
 * What holds at ROOT before its own .gitignore. If ROOT lies in a git work
 * tree that does not ignore it, those are the rules from its top down, and
 * *TOP is that top (malloc'd), else NULL.
 */
struct ignore *rules_root(struct ignore *user, const char *root, char **top);

/* What holds in DIR, given what holds ABOVE; GIT: DIR has a .git, RULES: it
 * has a .gitignore. A new reference. */
struct ignore *rules_folder(struct ignore *above, const char *dir, bool git,
			    bool rules);

#endif
