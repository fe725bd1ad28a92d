/* SPDX-License-Identifier: MIT
 *
 * Compiling and linking one module: jobs, at most so many at a time.
 *
 * The loop's thread starts and ends a job; clang and lld run as processes;
 * what is done with an object (hash, rewrite, seal) runs in libuv's pool, so
 * the loop stays free. A job's struct belongs to the caller, who must keep it
 * until done was called.
 */
#ifndef WATCHER_BUILD_H
#define WATCHER_BUILD_H

#include "watcher/util.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct build;
struct object;
struct proc;

/* Private to build.c. */
struct build_job {
	struct build *build;
	struct build_job *next;
	void (*start)(struct build_job *job);
	struct proc *proc;
	uv_work_t work;
	bool cancelled;
};

struct build *build_new(uv_loop_t *loop, unsigned jobs);
/* Kills what runs. Every job not done is done soon, as cancelled. */
void build_cancel(struct build *b);
void build_free(struct build *b); /* no job may be left */
size_t build_jobs(const struct build *b);

struct compile {
	struct build_job job;
	/* Set by the caller; argv and env complete, OBJECT and DEPFILE being
	 * the files that argv names. */
	char **argv, **env;
	const char *dir;
	char *object, *depfile;
	void (*done)(struct compile *c, void *arg);
	void *arg;
	uint64_t stamp; /* the caller's: depgraph_stamp of what it reads */
	/* Set when done: */
	bool ok, cancelled;
	char *output;            /* what the compiler said, "" if nothing */
	char hash[33];           /* content hash, if ok */
	struct strv deps;        /* as far as known; maybe empty if not ok */
	struct object *opened;   /* the object, open, if ok; the caller's */
	uint64_t started, ended; /* uv_hrtime, of the process */
	int64_t started_wall;    /* CLOCK_REALTIME_COARSE, ns */
};

void compile_start(struct build *b, struct compile *c);
void compile_free(struct compile *c); /* its strings, not C itself */

struct link {
	struct build_job job;
	/* Set by the caller. OBJECT (with MEMBER, if of an archive) is opened
	 * if OPENED is NULL, and its content must have HASH. */
	struct object *opened; /* closed by the job */
	char *object, *member; /* freed by link_free */
	const char *hash, *module, *source;
	const char *linker, *codeserver, *folder, *stem;
	char *const *libs;
	char *rewritten, *out; /* temporary files, removed by the job */
	/* Asked for a base with room for SIZE bytes; 0: none is free. */
	uint64_t (*place)(struct link *l, uint64_t size, void *arg);
	void (*done)(struct link *l, void *arg);
	void *arg;
	/* Set when done: */
	bool ok, cancelled, stale; /* stale: the object is not of HASH */
	char *file, *err;
	uint64_t base, size;
	uint64_t reserved; /* from base on, while it is under way */

	/* Private. */
	uint64_t estimate;
};

void link_start(struct build *b, struct link *l);
void link_free(struct link *l);

#endif
