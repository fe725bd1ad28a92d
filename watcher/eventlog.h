/* SPDX-License-Identifier: MIT
 *
 * Events: what happened, told to whoever watches, and the last of them kept.
 *
 * An event is built on the heap by the engine, given a number and a time by
 * eventlog_add, and belongs to the log from then on. The log keeps the newest
 * EVENTLOG_SIZE. Loop thread only.
 */
#ifndef WATCHER_EVENTLOG_H
#define WATCHER_EVENTLOG_H

#include "watcher/diagnostics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENTLOG_SIZE 512

struct cJSON;

enum event_kind {
	EVENT_LIVE,      /* published in one target at least */
	EVENT_ERROR,     /* did not compile */
	EVENT_REFUSED,   /* compiled, and no target took it */
	EVENT_UNCHANGED, /* compiled to what runs already */
	EVENT_BUILDING,  /* under way; told, not kept: its seq is 0 */
	EVENT_ATTACHED,  /* "target-attached" */
	EVENT_LOST,      /* "target-lost" */
	EVENT_OVERFLOW,  /* the kernel lost events; all was compared anew */
	EVENT_HELD,      /* an old version is still run or pointed to */
	EVENT_PURGED,    /* one is gone */
	EVENT_EXITED,    /* processes ended, and not as they were meant to */
	EVENT_NOTICE
};

struct event_version {
	char *module;
	int version;
};

/* What one target said. */
struct event_target {
	int pid;
	bool ok;
	struct event_version *versions; /* published in it */
	size_t nversions;
	char *reason;  /* one word, NULL if ok */
	char *message; /* for a person, may be NULL */
	/* What it is about, either may be NULL: a module, and the id of a
	 * function or variable in it. */
	char *module, *symbol;
	struct cJSON *state; /* state-notes.h; NULL: nothing to say */
};

enum event_phase {
	PHASE_WAIT,    /* from the first event of the save to the build */
	PHASE_COMPILE, /* the compiler, wall time of the set */
	PHASE_LINK,    /* hash, rewrite, link, seal */
	PHASE_LOAD,    /* from the request to the last target's answer */
	PHASE_TOTAL,   /* from the first event to published */
	PHASES
};

struct event {
	uint64_t seq;
	int64_t time; /* Unix ms */
	enum event_kind kind;
	char **modules;    /* NULL-terminated, or NULL */
	int version;       /* of the first module in the first target, or -1 */
	double ms[PHASES]; /* negative: did not happen */
	struct event_target *targets;
	size_t ntargets;
	struct diagnostics diagnostics;
	char *message; /* one line; an error's is clang's whole output */
	char *hint;    /* EVENT_HELD: how the loop in it moves on */
	bool was_held; /* EVENT_PURGED: EVENT_HELD told of it */
	struct cJSON *details; /* an array: of EVENT_HELD the holders, of
				* EVENT_PURGED the fates, of EVENT_EXITED the
				* processes */
	unsigned done, total;  /* of EVENT_BUILDING: modules compiled, of how
				* many */
};

struct event *event_new(enum event_kind kind);
struct event_target *event_add_target(struct event *e, int pid);
void event_target_version(struct event_target *t, const char *module,
			  int version);
void event_free(struct event *e);
struct cJSON *event_json(const struct event *e); /* docs/architecture.md */
const char *event_kind_name(enum event_kind kind);
/* Milliseconds between two uv_hrtimes; 0 if they are not in order. */
double event_ms_between(uint64_t from, uint64_t to);
bool event_ok(const struct event *e); /* nothing failed or was refused */

struct eventlog;
struct eventlog *eventlog_new(void);
void eventlog_free(struct eventlog *l);
/* Stamps and keeps E (EVENT_BUILDING: stamps the time only; still owned by
 * the caller). */
void eventlog_add(struct eventlog *l, struct event *e);
/* A JSON array of the kept events with a seq above AFTER, oldest first. */
struct cJSON *eventlog_json(const struct eventlog *l, uint64_t after);

#endif
