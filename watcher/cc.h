/* SPDX-License-Identifier: MIT
 *
 * What the parts of hotwatch cc share: the tools it drives, the job at hand,
 * and how children are run. A command runs to its end and exits, so what lives
 * as long as the command is not freed.
 *
 * A function that returns a status gives what hotwatch cc has to exit with,
 * the child's messages having reached the user; CC_ERROR means that a message
 * of our own is in *err.
 */
#ifndef WATCHER_CC_H
#define WATCHER_CC_H

#include <stdbool.h>
#include <stddef.h>

#include "watcher/cc-args.h"
#include "watcher/util.h"

struct manifest_module;

#define CC_ERROR (-1)

struct cc_tools {
	char *clang;      /* absolute path, as found in PATH */
	char *lld;        /* of the same version, absolute path */
	char *linker;     /* what links modules: tools.h */
	char *include;    /* the folder of hotwatch/hot.h */
	char *codeserver; /* path of libcodeserver.so; NULL until the link */
};

/* One command: everything that steps of it may need to know. */
struct cc {
	struct cc_tools tools;
	char **words;        /* the user's, as given */
	char **expanded;     /* with the response files' words */
	struct cc_args args; /* points into expanded */
	char *dir;           /* the working directory, as clang names it */
	struct text output;  /* what the linker was asked to print */
	struct strv notices; /* what the user should know; a line each */
};

/* --- cc-tools.c --- */

/* 0, or CC_ERROR: no clang, or too old a one. */
int cc_tools_find(struct cc_tools *t, char **err);
/* The linker and the code server: for links only. */
int cc_tools_link(struct cc_tools *t, char **err);

/* --- cc-spawn.c --- */

/* Where a child's output goes, and where it works; NULL: as we do. */
struct cc_pipes {
	const char *out, *err; /* files, made or truncated */
	const char *dir;
};

/* Becomes ARGV[0], a path. Returns only if that fails: CC_ERROR. */
int cc_exec(char *const *argv, char **err);
/* Runs it and waits. The exit status (128 + N for signal N), or CC_ERROR. Any
 * thread may call it. */
int cc_run(char *const *argv, const struct cc_pipes *to, char **err);

/* Calls DO_ONE(i, arg) for all i < n, on as many threads as there are cores;
 * the first negative result ends it and is returned. */
int cc_parallel(size_t n, int (*do_one)(size_t i, void *arg), void *arg);

/* --- cc-compile.c --- */

/* All of a -c command. Does not return if clang can do the rest alone. */
int cc_compile(struct cc *c, char **err);

/*
 * Compiles source input I of a link command to OBJECT, so that clang reports
 * what it would have. The status, or CC_ERROR.
 */
int cc_compile_source(struct cc *c, size_t i, const char *object, char **err);

/* --- cc-record.c --- */

/* The record (see docs/architecture.md): a JSON text, malloc'd. ARGV is the
 * effective command; the paths are made absolute. */
char *cc_record_make(const struct cc *c, char *const *argv, const char *source,
		     const char *output, const char *depfile);
/* The other way: fills dir, source, object (where it was written first),
 * depfile, command and env. False: it is not one of ours. */
bool cc_record_read(const char *record, struct manifest_module *m);

/* --- cc-link.c --- */

/* Links a program and its modules. The status, or CC_ERROR. */
int cc_link(struct cc *c, char **err);

#endif
