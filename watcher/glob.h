/* SPDX-License-Identifier: MIT
 *
 * Shell patterns as .gitignore has them. Pure; any thread.
 */
#ifndef WATCHER_GLOB_H
#define WATCHER_GLOB_H

#include <stdbool.h>

/*
 * Whether all of TEXT (a name, or a path without a leading slash) fits
 * PATTERN. "*", "?" and "[...]" never match a slash; "**" between slashes, or
 * at either end, matches any number of folders. A backslash quotes.
 */
bool glob_match(const char *pattern, const char *text);

#endif
