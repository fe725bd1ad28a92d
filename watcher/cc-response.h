/* SPDX-License-Identifier: MIT
 *
 * Response files: @FILE in a command line stands for the words in FILE. Read
 * as clang reads them, written for what would be too long for the kernel.
 */
#ifndef WATCHER_CC_RESPONSE_H
#define WATCHER_CC_RESPONSE_H

struct strv;

/*
 * Adds WORDS to OUT, @FILE replaced by the words in FILE: GNU quoting, nested
 * files; one that cannot be read stays as it is, for clang to complain of.
 */
void response_expand(struct strv *out, char *const *words);

/*
 * If ARGV is too long to be executed, writes all but its first word to the
 * file PATH and leaves {argv[0], "@PATH"}. 1 if it did (remove PATH after
 * use), 0 if there was no need, -1 and *err.
 */
int response_shorten(struct strv *argv, const char *path, char **err);

#endif
