/* SPDX-License-Identifier: MIT
 *
 * What the files of the watch share. Nobody else includes this.
 *
 *   watch.c          opening and closing
 *   watch-run.c      what is due, and telling it
 *   watch-inotify.c  the kernel's events, and what each means
 *   watch-refused.c  limits and permissions
 *   watch-crawl.c    going through folders: adding watches, making up events
 *   watch-anchor.c   the root and single folders, while they exist or not
 *   watch-git.c      which git folders there are, and which are busy
 *   watch-sync.c     cookies
 *   watch-poll.c     file systems that cannot notify
 *   watch-tree.c, watch-rules.c, settle.c, gitlock.c, ignore.c, glob.c,
 *   pollpass.c       no loop in them
 *
 * Everything runs in the loop's thread, but for pollpass_run. Callbacks of the
 * user are called from watch_run alone (and from watch_close, for syncs), so
 * nothing else has to expect that the watch is closed under its feet.
 */
#ifndef WATCHER_WATCH_INTERNAL_H
#define WATCHER_WATCH_INTERNAL_H

#include "watcher/pollpass.h"
#include "watcher/settle.h"
#include "watcher/util.h"
#include "watcher/watch-tree.h"
#include "watcher/watch.h"

#define MS 1000000ull /* ns */

struct sync;
struct poller;

/* A folder wanted by its path, there or not. */
struct anchor {
	struct anchor *next;
	char *path;
	enum node_kind kind; /* NODE_TREE: the root; or NODE_EXTRA */
	bool polled;
};

struct gitlock {
	struct gitlock *next;
	char *top, *dir;
	const char *held; /* what says so, or NULL */
};

struct watch {
	uv_loop_t *loop;
	char *root;
	struct watch_callbacks on;
	void *arg;
	bool poll; /* asked for */
	bool closed;

	int inotify_fd, timer_fd;
	uint64_t read_at; /* when events were read last */
	uv_poll_t events, timer;
	unsigned handles;   /* that keep this memory */
	uint64_t timer_set; /* what timer_fd was set to */

	struct tree tree;
	struct settle settle;
	struct anchor *anchors; /* the root is the last */
	struct strv patterns;   /* the user's */
	struct ignore *ignore;  /* the same, read */
	struct strv polled_mounts;
	struct poller *poller;

	struct gitlock *gitlocks;
	bool git_busy, git_told;
	bool git_event; /* a lock came or went since the last look */
	uint64_t git_since, git_look_at; /* while busy */
	uint64_t release_at;             /* all that was held goes then */

	bool check_anchors, check_git; /* before anything is told */
	struct strv stale;             /* folders to go through again */

	bool rescan;            /* to be told */
	uint64_t rescan_first;  /* when it was known */
	uint64_t rescan_at;     /* after an overflow; 0: none */
	uint64_t overflow_last; /* when */
	uint64_t backoff;

	char *failed_path; /* the first that failed in this pass */
	int failed_error;
	size_t failed_told; /* how many were, when last told */
	uint64_t retry_at, retry_wait;

	struct strv notices; /* "!text": fatal; " text": not */
	struct sync *syncs;
	char *cookie_dir;
	unsigned cookies;        /* made so far */
	struct text path, path2; /* scratch, each for one function at a time */
};

/* --- watch.c */
void watch_release(struct watch *w); /* a handle is gone; the last frees */

/* --- watch-run.c */
void watch_run(struct watch *w);
void watch_mend(struct watch *w, uint64_t now);
void watch_timer_set(struct watch *w);
void watch_note(struct watch *w, bool fatal, const char *fmt, ...) PRINTF(3, 4);
void watch_lost_events(struct watch *w); /* tell rescan */

/* --- watch-inotify.c */
enum armed {
	ARMED_ANEW,
	ARMED_BEFORE,
	ARM_GONE,
	ARM_FAILED
};
void inotify_drain(struct watch *w);
enum armed node_arm(struct watch *w, struct node *n);
void node_kill(struct watch *w, struct node *n);

/* --- watch-refused.c */
unsigned long inotify_limit(const char *name); /* 0: not known */
int inotify_start(struct watch *w, char **err);
void node_note_failure(struct watch *w, struct node *n, int error);
void failed_retry(struct watch *w, uint64_t now);
void failed_tell(struct watch *w, uint64_t now);

/* --- watch-crawl.c */
enum {
	CRAWL_REPORT = 1, /* files in folders that were not watched before */
	CRAWL_ALL = 2,    /* also through what is watched already */
};
/* Arms N and all below it. False: N was not there, and has been killed. */
bool crawl(struct watch *w, struct node *n, unsigned flags);

/* --- watch-anchor.c */
struct anchor *anchor_add(struct watch *w, enum node_kind kind,
			  const char *path);
bool anchor_concerned(struct watch *w, const char *path);
void anchors_check(struct watch *w);
void anchors_free(struct watch *w);
struct node *watch_root(const struct watch *w); /* NULL while missing */

/* --- watch-git.c */
void git_update(struct watch *w, const char *top); /* its .git came or went */
void git_refresh(struct watch *w, uint64_t now);
void git_free(struct watch *w);

/* --- watch-sync.c */
void sync_seen(struct watch *w, const char *cookie);
void sync_seen_all(struct watch *w); /* all events so far were made up for */
/* Paths held by now must be told before what has been seen is answered;
 * AGAIN: also where that was said before (there are new paths). */
void sync_wait_for_held(struct watch *w, bool again);
void sync_finish(struct watch *w);
void sync_free(struct watch *w);

/* --- watch-poll.c */
void poll_find_mounts(struct watch *w);
void poll_add(struct watch *w, const char *path, bool deep);
void poll_now(struct watch *w); /* for a sync */
bool poll_asked(const struct watch *w);
uint64_t poll_due(const struct watch *w);
void poll_start(struct watch *w, uint64_t now); /* if it is time */
void poll_free(struct watch *w);

#endif
