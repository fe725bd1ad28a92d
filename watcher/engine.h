/* SPDX-License-Identifier: MIT
 *
 * The engine: brings every target of one project to what is on disk.
 *
 * It watches the project's tree, keeps what each module should be (the
 * content hash of compiling what is on disk) beside what each target has, and
 * as long as the two differ it compiles, links and loads. That difference is
 * the only state: a failed build, a missed event, a target that starts later
 * or a watcher that is started again all end in the same place.
 *
 * All calls and callbacks are in the thread of the loop. In-process use and
 * the watcher's socket (daemon.c) give the same JSON.
 */
#ifndef WATCHER_ENGINE_H
#define WATCHER_ENGINE_H

#include "watcher/eventlog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct cJSON;
struct engine;

struct engine_options {
	/* All may be zero. */
	const char *codeserver; /* libcodeserver.so; NULL: path_codeserver() */
	const char *runtime;    /* runtime folder; NULL: runtime_dir() */
	unsigned jobs;          /* processes at a time; 0: the cores */
	unsigned settle_ms;     /* as in watch.h */
	unsigned answer_ms;     /* that a target has to answer; 0: 10 s */
	bool serve; /* open the project's socket for other clients (daemon.c);
		     * without it several engines of a project may exist,
		     * which is for tests only */
	bool programs; /* look for NAME.hot folders below the root at once, not
			* only when asked for */
};

struct engine_callbacks {
	/*
	 * Something happened. E is valid during the call. EVENT_BUILDING comes
	 * at a build's start and, in a set of several modules, after each
	 * (done, total): it is the progress.
	 */
	void (*event)(const struct event *e, void *arg);
};

enum {
	ENGINE_ERROR = -1,
	ENGINE_BUSY = -2, /* another watcher has the project: be its client */
};

/*
 * Opens the engine on the project at ROOT (see engine_root). On return the
 * tree is watched and targets that run are being connected to: engine_sync
 * tells when that is done. 0, or ENGINE_* and *err (malloc'd).
 * A settings file with an error is such an error. SIGPIPE is ignored from here
 * on, if nobody handles it: a child of one's own wants it reset.
 */
int engine_open(struct engine **e, uv_loop_t *loop, const char *root,
		const struct engine_options *options,
		const struct engine_callbacks *callbacks, void *arg,
		char **err);

/*
 * Ends it: children are killed, connections closed, waiting calls answered
 * with ENGINE_ERROR, and DONE (may be NULL) is called when the last handle has
 * closed and the memory is free. Run the loop until then.
 */
void engine_close(struct engine *e, void (*done)(void *arg), void *arg);

/*
 * Calls DONE when every change made on disk before this call (sources,
 * manifests, targets' sockets) was seen, built, and loaded or refused.
 * STATUS: 0, or ENGINE_ERROR if the engine is closed before.
 */
void engine_sync(struct engine *e, void (*done)(int status, void *arg),
		 void *arg);

enum {
	/* Compile and load what seems unchanged, too, and ask targets again
	 * that refused. */
	ENGINE_FORCE = 1,
	/* End processes that hold a version that has to go; else what the
	 * setting on_held says. */
	ENGINE_KILL = 2
};

/*
 * Builds and loads MODULES (names as manifest_find takes them, or a source's
 * path) now, as one atomic set; FLAGS as above; EXTRA (NULL: nothing) is given
 * to a HOT_CODE_CHANGE of the set. DONE gets the event that tells the outcome
 * (valid during the call), or NULL and an error: REASON is one word
 * ("unknown_module", "no_target", "closed"), MESSAGE for a person.
 */
typedef void engine_load_cb(const struct event *e, const char *reason,
			    const char *message, void *arg);
void engine_load(struct engine *e, const char *const *modules, unsigned flags,
		 const char *extra, engine_load_cb *done, void *arg);

/*
 * watch/holders, ps, softPurge, purge, delete and rollback: asks the targets
 * that PARAMS names ({module?, target?, ...}). DONE gets the result, valid
 * during the call, or NULL, one word and a sentence.
 */
typedef void engine_order_cb(const struct cJSON *result, const char *reason,
			     const char *message, void *arg);
void engine_order(struct engine *e, const char *method,
		  const struct cJSON *params, engine_order_cb *done, void *arg);

/*
 * The results of watch/status, watch/modules, watch/which, watch/log of
 * docs/architecture.md; the caller frees. KNOWN: what was said up to this stamp
 * is left out; 0: nothing is. TARGET: a pid or a program's name, or NULL for
 * all. which gives NULL and *reason, *err for a name that is not or is twice
 * known.
 */
struct cJSON *engine_hello(struct engine *e);
struct cJSON *engine_status(struct engine *e, uint64_t known);
struct cJSON *engine_modules(struct engine *e, const char *target);
struct cJSON *engine_which(struct engine *e, const char *module,
			   const char **reason, char **err);
struct cJSON *engine_log(struct engine *e, uint64_t after);

const char *engine_project(const struct engine *e); /* its root */

/* The socket of the project at ROOT, in the folder RUNTIME (malloc'd). */
char *engine_socket(const char *runtime, const char *root);

/*
 * The project's root as seen from DIR: the root that the manifest of PROGRAM
 * says if PROGRAM is not NULL and has one; else the nearest folder above DIR
 * that has a hotwatch.json, else a .git, else DIR itself. malloc'd.
 */
char *engine_root(const char *dir, const char *program);

#endif
