/* SPDX-License-Identifier: MIT
 *
 * Watching a tree: which files may have changed, told soon and never missed.
 *
 * Runs on the caller's uv_loop, in its thread. inotify underneath, with its
 * descriptor under uv_poll; on file systems that cannot notify (NFS, 9p,
 * FUSE) it polls, and says so through the notice callback.
 *
 * Callbacks may call anything here, watch_close included; none is called from
 * within a call but watch_close (which ends pending syncs). What it cannot
 * see: writing through a mapping (mmap), and a symlink's target outside the
 * tree; watch_add_dir the target's folder for that.
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
	 * have been quiet for the settle time; each once. A folder's path
	 * says that it was removed or renamed: all below it may have changed.
	 * (What is in a folder that was made or renamed to is told file by
	 * file.) A removal is told after settle_max, for most are half of a
	 * replacement. FIRST is when the kernel's first event of the batch was
	 * read (uv_hrtime). Not called while a git operation is under way in
	 * the tree; what changed meanwhile comes as one batch when it ends.
	 * RESCAN: anything may have changed, in the paths or not (events were
	 * lost, there were too many, the root was made again, .gitignore
	 * changed); N may be 0 then.
	 */
	void (*changed)(const char *const *paths, size_t n, bool rescan,
			uint64_t first, void *arg);
	/* Something the user should know: text of one line. FATAL: part or
	 * all of the tree is not watched (limits, permissions, the root is
	 * gone); what failed is tried again, and another notice says when it
	 * worked. */
	void (*notice)(const char *text, bool fatal, void *arg);
};

struct watch_options {
	unsigned settle_ms;        /* quiet time of a path; 0: the default, 2 */
	unsigned settle_max_ms;    /* at most this long; 0: the default, 50 */
	const char *const *ignore; /* more patterns, as in .gitignore; these
				    * win over the files'; NULL: none */
	bool poll;                 /* poll, whatever the file system says */
};

/*
 * Watches ROOT (absolute) and all below it, but what is ignored (.git,
 * .gitignore's patterns, NAME.hot folders, .hotwatch folders, editors'
 * temporary names). *w is ready on return: everything that happens from now
 * on is seen. 0 or -1 and *err (malloc'd). OPTIONS may be NULL.
 */
int watch_open(struct watch **w, uv_loop_t *loop, const char *root,
	       const struct watch_options *options,
	       const struct watch_callbacks *callbacks, void *arg, char **err);

/*
 * Also one folder, not what is below it: headers outside the root, a
 * PROGRAM.hot folder, the folder of a generated header that .gitignore names.
 * Its files are told whatever .gitignore says, but for editors' temporary
 * names. It need not exist: it is awaited, and so it is when it is removed.
 * The same folder may be added twice, and may lie in the tree.
 */
int watch_add_dir(struct watch *w, const char *dir, char **err);

/*
 * Calls DONE(0) after every change made before this call has been delivered
 * through changed: a cookie file is made and the kernel's event for it is
 * waited for, then settle times and git operations are waited out. DONE gets
 * UV_ECANCELED from watch_close. A negative uv error if it cannot be asked.
 */
int watch_sync(struct watch *w, void (*done)(int status, void *arg), void *arg);

bool watch_git_busy(const struct watch *w); /* builds should wait */
size_t watch_dirs(const struct watch *w);   /* folders watched */

/* Ends it; no callback comes after. Its memory goes when the loop has run
 * once more. NULL is allowed. */
void watch_close(struct watch *w);

#endif
