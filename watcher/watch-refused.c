/* SPDX-License-Identifier: MIT
 *
 * What the kernel refused: too many watches, folders that may not be read.
 *
 * A tree that is watched in part must not look healthy, so each refusal is
 * told, with the sysctl to raise if it is a limit, and tried again: after a
 * second, then less and less often. Someone may raise the limit or mend the
 * permissions, and nobody should have to start the watcher again for that.
 * What changed meanwhile is unknown, so it ends in a rescan.
 */
#include "watcher/watch-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#define RETRY_FIRST (1000 * MS)
#define RETRY_MOST (30000 * MS)

unsigned long inotify_limit(const char *name)
{
	char *path = xasprintf("/proc/sys/fs/inotify/%s", name);
	char *data = NULL;
	unsigned long n = 0;

	if (file_read(path, &data, NULL, NULL) == 0)
		n = strtoul(data, NULL, 10);
	free(data);
	free(path);
	return n;
}

int inotify_start(struct watch *w, char **err)
{
	w->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->inotify_fd >= 0)
		return 0;
	if (errno == EMFILE)
		return fail(err,
			    "cannot watch files: too many programs of yours do "
			    "(the limit is %lu); raise it: sudo sysctl "
			    "fs.inotify.max_user_instances=1024",
			    inotify_limit("max_user_instances"));
	return fail(err, "cannot watch files: inotify: %s", strerror(errno));
}

void node_note_failure(struct watch *w, struct node *n, int error)
{
	tree_set_failed(&w->tree, n, true);
	if (w->failed_path)
		return;
	w->failed_path = xstrdup(tree_path(n, &w->path2));
	w->failed_error = error;
}

static char *refusal(int error)
{
	unsigned long n = inotify_limit("max_user_watches");

	if (error != ENOSPC)
		return xstrdup(strerror(error));
	return xasprintf("the limit of inotify watches is reached (%lu, for "
			 "all your programs together); raise it: sudo sysctl "
			 "fs.inotify.max_user_watches=%lu",
			 n, n * 2 > 524288 ? n * 2 : 524288);
}

/* Says what is not watched, once for each new count, and plans to try again. */
void failed_tell(struct watch *w, uint64_t now)
{
	size_t n = w->tree.failed;

	if (w->failed_path && n > w->failed_told) {
		char *why = refusal(w->failed_error);

		watch_note(w, true,
			   "%s%s not watched, changes there are not seen: %s",
			   w->failed_path,
			   n > 1 ? " and other folders are" : " is", why);
		free(why);
	}
	if (n == 0 && w->failed_told > 0)
		watch_note(w, false, "all folders are watched again");
	w->failed_told = n;
	free(w->failed_path);
	w->failed_path = NULL;
	if (n == 0) {
		w->retry_at = w->retry_wait = 0;
	} else if (!w->retry_at) {
		uint64_t wait = w->retry_wait ? w->retry_wait * 2 : RETRY_FIRST;

		w->retry_wait = wait < RETRY_MOST ? wait : RETRY_MOST;
		w->retry_at = now + w->retry_wait;
	}
}

static struct node *failed_next(struct watch *w)
{
	for (struct node *top = w->tree.tops; top; top = top->next)
		for (struct node *n = top; n; n = tree_walk(top, n))
			if (n->failed && !n->seen)
				return n;
	return NULL;
}

static void seen_clear(struct watch *w)
{
	for (struct node *top = w->tree.tops; top; top = top->next)
		for (struct node *n = top; n; n = tree_walk(top, n))
			n->seen = false;
}

/* Someone may have raised the limit or mended permissions. Each is tried
 * once, and all stop at the first that is refused for want of watches. */
void failed_retry(struct watch *w, uint64_t now)
{
	size_t before = w->tree.failed;
	struct node *n;

	if (!w->retry_at || now < w->retry_at)
		return;
	w->retry_at = 0;
	seen_clear(w);
	while (!(w->failed_path && w->failed_error == ENOSPC) &&
	       (n = failed_next(w))) {
		n->seen = true;
		crawl(w, n, CRAWL_REPORT | CRAWL_ALL);
	}
	if (w->tree.failed < before)
		watch_lost_events(w);
	w->check_anchors = w->check_git = true;
}
