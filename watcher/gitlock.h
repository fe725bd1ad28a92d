/* SPDX-License-Identifier: MIT
 *
 * Is git at work in a tree? Looks at files only; keeps nothing; any thread.
 */
#ifndef WATCHER_GITLOCK_H
#define WATCHER_GITLOCK_H

#include <stdbool.h>

/*
 * The git folder of the work tree TOP: TOP/.git, or where the file TOP/.git
 * of a submodule or a linked work tree points. NULL: TOP has none.
 */
char *gitlock_dir(const char *top);

/* The folder that all work trees of DIR's repository share (info/exclude). */
char *gitlock_common(const char *dir);

/* The nearest folder at or above PATH that has a .git, or NULL. */
char *gitlock_top(const char *path);

/* What says that git is at work: "index.lock", "rebase-merge"; or NULL. */
const char *gitlock_held(const char *dir);

/* Whether a file of this NAME in a git folder is one of those. */
bool gitlock_name(const char *name);

#endif
