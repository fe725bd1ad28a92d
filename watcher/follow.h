/* SPDX-License-Identifier: MIT
 *
 * Being, or following, the watcher of a project: if none runs, the engine is
 * opened in this process, for other commands to attach to; if one does, it is
 * attached to, and should it end, the engine is opened here. Either way each
 * event is printed as it comes, once.
 *
 * All calls and callbacks are in the thread of the loop. The struct is the
 * caller's; after follow_close the loop must run dry before it may go.
 */
#ifndef WATCHER_FOLLOW_H
#define WATCHER_FOLLOW_H

#include <stdbool.h>
#include <uv.h>

struct cJSON;
struct client;
struct engine;
struct screen;

struct follow {
	/* Set by the caller; what is not set is zero. */
	uv_loop_t *loop;
	const char *root;
	struct screen *screen; /* open */
	/* Which events are printed; NULL: all. */
	bool (*wanted)(const struct cJSON *event, void *arg);
	/* The watcher ended and the engine cannot be opened here: WHY. */
	void (*lost)(const char *why, void *arg);
	void *arg;

	/* Private. */
	struct engine *engine; /* one of the two is NULL */
	struct client *client;
	uv_poll_t *poll; /* of the client */
	bool catching_up;
	double seen; /* the seq of the last event taken from a client */
};

/* What follow_load and follow_sync give: RESULT as watch/load's and
 * watch/sync's, or NULL, a one-word REASON and a MESSAGE. */
typedef void follow_done(const struct cJSON *result, const char *reason,
			 const char *message, void *arg);

/* Events that another's watcher had before are not printed. 0, or -1, *reason
 * (a constant) and *err; then follow_close is not to be called. */
int follow_open(struct follow *f, const char **reason, char **err);
void follow_close(struct follow *f);

/* As engine_sync and engine_load; DONE may be called from within. */
void follow_sync(struct follow *f, follow_done *done, void *arg);
void follow_load(struct follow *f, const char *const *modules, unsigned flags,
		 const char *extra, follow_done *done, void *arg);
struct cJSON *follow_status(struct follow *f); /* caller's; NULL: it ended */

#endif
