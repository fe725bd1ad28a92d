/* SPDX-License-Identifier: MIT
 *
 * Which paths nobody wants to hear of: .gitignore's rules, and a few of ours.
 *
 * A struct ignore is what holds in one folder: that folder's rules, linked to
 * those of the folders above. They are counted references, immutable once
 * made, so one folder's rules are shared by all folders below that have none
 * of their own. The counts are plain integers: one chain belongs to one thread.
 *
 * As in git, a path is only asked about if its folder is not ignored itself.
 */
#ifndef WATCHER_IGNORE_H
#define WATCHER_IGNORE_H

#include <stdbool.h>

struct ignore;

/* The user's own patterns, relative to ROOT; they win over every file's. NULL
 * patterns: none. */
struct ignore *ignore_new(const char *root, const char *const *patterns);

/* What holds at the top of a git work tree whose common folder is COMMON: the
 * user's patterns (found through ANY) and COMMON/info/exclude, nothing of the
 * folders above, for a repository inside another is a world of its own. */
struct ignore *ignore_repository(struct ignore *any, const char *top,
				 const char *common);

/* What holds in DIR, given what holds ABOVE: with the rules of DIR/.gitignore,
 * if there is one (a symlink is not read, as in git). A new reference. */
struct ignore *ignore_enter(struct ignore *above, const char *dir);

/* PATH is absolute, in the folder whose rules I are. */
bool ignore_match(const struct ignore *i, const char *path, bool dir);

/* The built-in names alone, which no pattern can bring back: .git, *.hot and
 * .hotwatch folders, what editors and hotwatch itself write for a moment. */
bool ignore_name(const char *name, bool dir);

struct ignore *ignore_ref(struct ignore *i);
void ignore_unref(struct ignore *i); /* NULL is allowed */

#endif
