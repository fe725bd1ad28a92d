/* SPDX-License-Identifier: MIT
 *
 * The kernel's events, and what each means for each kind of folder.
 *
 * Asked for is only what may end a change: closed after writing, renamed,
 * removed. IN_CREATE is asked for because of new folders, links and symlinks.
 * IN_MODIFY is not: whoever reads on it sees a truncated file nearly always.
 * OPEN and CLOSE_NOWRITE are not: every build would wake us for each header.
 *
 * libuv's uv_fs_event was rejected: it drops IN_Q_OVERFLOW, never asks for
 * CLOSE_WRITE and reads 4 KB at a time. Of it only uv_poll is used here.
 */
#include "watcher/watch-internal.h"

#include "watcher/gitlock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVE)
#define NAMES (IN_CREATE | IN_DELETE | IN_MOVE)
#define SELF (IN_DELETE_SELF | IN_MOVE_SELF)
#define COMES (IN_CREATE | IN_MOVED_TO)
#define GOES (IN_DELETE | IN_MOVED_FROM)

#define BACKOFF_FIRST (100 * MS)
#define BACKOFF_MOST (5000 * MS)
#define BACKOFF_FORGET (10000 * MS)

/* --- what happened to a file --------------------------------------------- */

static void touch(struct watch *w, const char *path, enum settle_kind kind)
{
	settle_touch(&w->settle, path, kind, w->read_at);
}

/*
 * Made, but by what? A symlink and a link to an existing file are whole now
 * and will have no CLOSE_WRITE; an ordinary file will, unless it was linked
 * from a name that is gone already: settle waits for it, a second at most.
 */
static void file_created(struct watch *w, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return;
	if (S_ISLNK(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink > 1))
		touch(w, path, SETTLE_WRITTEN);
	else if (S_ISREG(st.st_mode))
		touch(w, path, SETTLE_CREATED);
}

static void file_event(struct watch *w, const char *path, uint32_t mask)
{
	if (mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
		touch(w, path, SETTLE_WRITTEN);
	else if (mask & GOES)
		touch(w, path, SETTLE_GONE);
	else if (mask & IN_CREATE)
		file_created(w, path);
}

/* --- one handler a kind of folder ---------------------------------------- */

static void folder_came(struct watch *w, struct node *n, const char *name)
{
	struct node *child = tree_find(&w->tree, n, NODE_TREE, name);

	if (!child)
		child = tree_add(&w->tree, n, NODE_TREE, name);
	crawl(w, child, CRAWL_REPORT);
}

/* Something may be in its place by now: two folders that are exchanged
 * (RENAME_EXCHANGE) each come before they go. */
static void folder_went(struct watch *w, struct node *n, const char *name)
{
	struct node *child = tree_find(&w->tree, n, NODE_TREE, name);

	touch(w, w->path.s, SETTLE_GONE);
	if (child)
		node_kill(w, child);
	folder_came(w, n, name);
}

static void on_tree(struct watch *w, struct node *n, const char *name,
		    uint32_t mask)
{
	bool dir = mask & IN_ISDIR;
	const char *path;

	if (!strcmp(name, ".git"))
		git_update(w, tree_path(n, &w->path));
	path = tree_path_in(n, name, &w->path);
	if (!n->ignore || ignore_match(n->ignore, path, dir))
		return;
	if (!dir)
		file_event(w, path, mask);
	else if (mask & COMES)
		folder_came(w, n, name);
	else if (mask & GOES)
		folder_went(w, n, name);
}

/* Asked for by itself: what .gitignore says of its files does not matter. */
static void on_extra(struct watch *w, struct node *n, const char *name,
		     uint32_t mask)
{
	if (!(mask & IN_ISDIR) && !ignore_name(name, false))
		file_event(w, tree_path_in(n, name, &w->path), mask);
}

static void on_rung(struct watch *w, struct node *n, const char *name,
		    uint32_t mask)
{
	if (mask & SELF || anchor_concerned(w, tree_path_in(n, name, &w->path)))
		w->check_anchors = true;
}

static void on_git(struct watch *w, struct node *n, const char *name,
		   uint32_t mask)
{
	(void)n, (void)mask;
	if (gitlock_name(name))
		w->check_git = w->git_event = true;
}

static void on_cookie(struct watch *w, struct node *n, const char *name,
		      uint32_t mask)
{
	(void)n, (void)mask;
	sync_seen(w, name);
}

static const struct {
	uint32_t mask;
	void (*event)(struct watch *w, struct node *n, const char *name,
		      uint32_t mask);
} kinds[NODE_KINDS] = {
    [NODE_TREE] = {FILES, on_tree},         [NODE_EXTRA] = {FILES, on_extra},
    [NODE_RUNG] = {NAMES | SELF, on_rung},  [NODE_GIT] = {NAMES, on_git},
    [NODE_COOKIE] = {IN_CREATE, on_cookie},
};

/* --- watches ------------------------------------------------------------- */

static void unwatch(int wd, void *arg)
{
	struct watch *w = arg;

	inotify_rm_watch(w->inotify_fd, wd);
}

void node_kill(struct watch *w, struct node *n)
{
	tree_kill(&w->tree, n, unwatch, w);
}

/*
 * IN_MASK_ADD because nodes of other kinds may share the inode. A symlink is
 * followed only where the user named it: above the root, and the root itself.
 */
enum armed node_arm(struct watch *w, struct node *n)
{
	uint32_t mask = kinds[n->kind].mask | IN_MASK_ADD | IN_ONLYDIR |
			IN_EXCL_UNLINK | (n->parent ? IN_DONT_FOLLOW : 0);
	const char *path = tree_path(n, &w->path2);
	int wd = inotify_add_watch(w->inotify_fd, path, mask), error = errno;
	int had = n->wd, freed = tree_set_wd(&w->tree, n, wd < 0 ? -1 : wd);

	if (freed >= 0)
		unwatch(freed, w);
	tree_set_failed(&w->tree, n, false);
	if (wd >= 0)
		return wd == had ? ARMED_BEFORE : ARMED_ANEW;
	if (error == ENOENT || error == ENOTDIR || error == ELOOP)
		return ARM_GONE;
	if (n->kind != NODE_RUNG || error == ENOSPC)
		node_note_failure(w, n, error);
	return ARM_FAILED;
}

/* --- reading ------------------------------------------------------------- */

static void overflowed(struct watch *w)
{
	uint64_t now = uv_hrtime();

	watch_note(w, false,
		   "too many changes at once: some were lost, so the tree is "
		   "looked through again (fs.inotify.max_queued_events is %lu)",
		   inotify_limit("max_queued_events"));
	if (now - w->overflow_last > BACKOFF_FORGET)
		w->backoff = 0;
	w->overflow_last = now;
	if (w->rescan_at)
		return;
	w->rescan_at = now + w->backoff;
	w->backoff = w->backoff ? w->backoff * 2 : BACKOFF_FIRST;
	if (w->backoff > BACKOFF_MOST)
		w->backoff = BACKOFF_MOST;
}

/* The kernel dropped N's watch: its inode is gone, or was unmounted. */
static void node_ignored(struct watch *w, struct node *n)
{
	tree_set_wd(&w->tree, n, -1);
	if (n->kind == NODE_TREE && n->parent)
		strv_add(&w->stale, tree_path(n, &w->path));
	w->check_anchors = w->check_git = true;
}

static void event_handle(struct watch *w, const struct inotify_event *e)
{
	struct node *nodes[16], *n = NULL;
	size_t count = 0;

	if (e->mask & IN_Q_OVERFLOW) {
		overflowed(w);
		return;
	}
	while (count < ARRAY_SIZE(nodes) &&
	       (n = tree_by_wd(&w->tree, e->wd, n)))
		nodes[count++] = n;
	for (size_t i = 0; i < count; i++) {
		n = nodes[i];
		if (n->dead)
			continue;
		if (e->mask & IN_IGNORED)
			node_ignored(w, n);
		else if (e->mask & kinds[n->kind].mask)
			kinds[n->kind].event(w, n, e->len ? e->name : "",
					     e->mask);
	}
}

/* Not for ever: in a storm the loop must get its turn. */
void inotify_drain(struct watch *w)
{
	_Alignas(struct inotify_event) char buf[64 << 10];
	ssize_t len;

	for (int i = 0; i < 64; i++) {
		len = read(w->inotify_fd, buf, sizeof(buf));
		if (len <= 0)
			return;
		w->read_at = uv_hrtime(); /* of all that came together */
		for (char *p = buf; p < buf + len;) {
			const struct inotify_event *e = (void *)p;

			event_handle(w, e);
			p += sizeof(*e) + e->len;
		}
		tree_bury(&w->tree);
	}
}
