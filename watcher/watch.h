/* SPDX-License-Identifier: MIT
 *
 * Watching a tree: which files may have changed, told soon and never missed.
 *
 * Runs on the caller's uv_loop, in its thread. inotify underneath, with its
 * descriptor under uv_poll; on file systems that cannot notify (NFS, 9p,
 * FUSE) it polls, and says so through the notice callback.
 */
#ifndef WATCHER_WATCH_H
#define WATCHER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct watch;

struct watch_callbacks {
	/*
	 * Paths (absolute) that were written, made, removed or renamed, and
	 * have been quiet for the settle time; each once. FIRST is when the
	 * kernel's first event of the batch was read (uv_hrtime). Not called
	 * while a git operation is under way in the tree; what changed
	 * meanwhile comes as one batch when it ends. RESCAN: events were lost
	 * (overflow, the root was made again), so anything may have changed.
	 */
	void (*changed)(const char *const *paths, size_t n, bool rescan,
			uint64_t first, void *arg);
	/* Something the user should know: text of one line. FATAL: part or
	 * all of the tree is not watched (limits, permissions). */
	void (*notice)(const char *text, bool fatal, void *arg);
};

struct watch_options {
	unsigned settle_ms;        /* quiet time of a path; 0: the default, 2 */
	unsigned settle_max_ms;    /* at most this long; 0: the default, 50 */
	const char *const *ignore; /* more patterns, as in .gitignore */
	bool poll;                 /* poll, whatever the file system says */
};

/*
 * Watches ROOT and all below it, but what is ignored (.git, .gitignore's
 * patterns, NAME.hot folders, .hotwatch folders, editors' temporary names). *w
 * is ready on return: everything that happens from now on is seen. 0 or -1 and
 * *err (malloc'd).
 */
int watch_open(struct watch **w, uv_loop_t *loop, const char *root,
	       const struct watch_options *options,
	       const struct watch_callbacks *callbacks, void *arg, char **err);

/* Also one folder, not what is below it; for headers outside the root. The
 * same folder may be added twice. */
int watch_add_dir(struct watch *w, const char *dir, char **err);

/*
 * Calls DONE after every change made before this call has been delivered
 * through changed: a cookie file is made and the kernel's event for it is
 * waited for, then settle times and git operations are waited out.
 */
int watch_sync(struct watch *w, void (*done)(int status, void *arg), void *arg);

bool watch_git_busy(const struct watch *w); /* builds should wait */
size_t watch_dirs(const struct watch *w);   /* folders watched */
void watch_close(struct watch *w);          /* frees it; closes its handles */

#endif
