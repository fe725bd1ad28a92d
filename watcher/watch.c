/* SPDX-License-Identifier: MIT
 *
 * Watching a tree: opening and closing it, and what wakes it.
 *
 * The timer is a timerfd, not uv_timer: libuv counts in whole milliseconds from
 * when its loop woke, so a quiet time of 2 ms takes 1 to 3. Here it is 2.1.
 *
 * Closing may happen in a callback, that is, deep inside watch_run. So it only
 * marks and lets go; the memory stays until libuv has closed the handles.
 */
#include "watcher/watch-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define SETTLE_MS 2
#define SETTLE_MAX_MS 50

/* --- what wakes it ------------------------------------------------------- */

static void on_events(uv_poll_t *p, int status, int events)
{
	(void)status, (void)events;
	watch_run(p->data);
}

static void on_timer(uv_poll_t *p, int status, int events)
{
	struct watch *w = p->data;
	uint64_t times;

	(void)status, (void)events;
	if (read(w->timer_fd, &times, sizeof(times)) > 0)
		w->timer_set = SETTLE_NEVER;
	watch_run(w);
}

/* --- opening and closing ------------------------------------------------- */

static void watch_free(struct watch *w)
{
	poll_free(w);
	settle_free(&w->settle);
	tree_free(&w->tree);
	anchors_free(w);
	ignore_unref(w->ignore);
	strv_free(&w->patterns);
	strv_free(&w->polled_mounts);
	strv_free(&w->stale);
	strv_free(&w->notices);
	text_free(&w->path);
	text_free(&w->path2);
	free(w->failed_path);
	free(w->root);
	free(w);
}

void watch_release(struct watch *w)
{
	if (--w->handles == 0)
		watch_free(w);
}

static void on_closed(uv_handle_t *h)
{
	watch_release(h->data);
}

static int handle_start(struct watch *w, uv_poll_t *p, int fd, uv_poll_cb cb)
{
	int r = uv_poll_init(w->loop, p, fd);

	if (r < 0)
		return r;
	p->data = w;
	w->handles++;
	return uv_poll_start(p, UV_READABLE, cb);
}

static int handles_start(struct watch *w, char **err)
{
	int r;

	w->timer_fd =
	    timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (w->timer_fd < 0)
		return fail(err, "cannot watch files: timerfd: %s",
			    strerror(errno));
	r = handle_start(w, &w->timer, w->timer_fd, on_timer);
	if (r == 0)
		r = handle_start(w, &w->events, w->inotify_fd, on_events);
	if (r < 0)
		return fail(err, "cannot watch files: %s", uv_strerror(r));
	return 0;
}

static int root_start(struct watch *w, char **err)
{
	struct stat st;
	struct node *n;

	if (stat(w->root, &st) < 0)
		return fail(err, "%s: %s", w->root, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return fail(err, "%s: not a folder", w->root);
	poll_find_mounts(w);
	anchor_add(w, NODE_TREE, w->root);
	if (w->poller)
		return 0;
	n = watch_root(w);
	if (!n)
		return fail(err, "%s: went away", w->root);
	if (n->wd >= 0)
		return 0;
	failed_tell(w, 0);
	return fail(err, "%s",
		    w->notices.n > 0 ? w->notices.v[0] + 1 : w->root);
}

static struct watch *watch_new(uv_loop_t *loop, const char *root,
			       const struct watch_options *o)
{
	static const struct watch_options none;
	struct watch *w = xcalloc(1, sizeof(*w));

	o = o ? o : &none;
	w->loop = loop;
	w->root = path_clean(root);
	w->poll = o->poll;
	w->inotify_fd = w->timer_fd = -1;
	w->timer_set = SETTLE_NEVER;
	w->handles = 1; /* the caller's */
	strv_addv(&w->patterns, o->ignore);
	w->ignore = ignore_new(w->root, (const char *const *)w->patterns.v);
	settle_init(&w->settle, (o->settle_ms ? o->settle_ms : SETTLE_MS) * MS,
		    (o->settle_max_ms ? o->settle_max_ms : SETTLE_MAX_MS) * MS);
	return w;
}

int watch_open(struct watch **out, uv_loop_t *loop, const char *root,
	       const struct watch_options *options,
	       const struct watch_callbacks *callbacks, void *arg, char **err)
{
	struct watch *w;

	*out = NULL;
	if (root[0] != '/')
		return fail(err, "%s: not an absolute path", root);
	w = watch_new(loop, root, options);
	w->on = *callbacks;
	w->arg = arg;
	if (inotify_start(w, err) < 0 || handles_start(w, err) < 0 ||
	    root_start(w, err) < 0) {
		watch_close(w);
		return -1;
	}
	watch_mend(w, uv_hrtime());
	watch_timer_set(w);
	*out = w;
	return 0;
}

int watch_add_dir(struct watch *w, const char *dir, char **err)
{
	char *path;

	if (dir[0] != '/')
		return fail(err, "%s: not an absolute path", dir);
	path = path_clean(dir);
	anchor_add(w, NODE_EXTRA, path);
	free(path);
	failed_tell(w, uv_hrtime());
	watch_timer_set(w);
	return 0;
}

size_t watch_dirs(const struct watch *w)
{
	return w->tree.watched;
}

void watch_close(struct watch *w)
{
	if (!w || w->closed)
		return;
	w->closed = true;
	sync_free(w);
	git_free(w);
	if (w->timer.data)
		uv_close((uv_handle_t *)&w->timer, on_closed);
	if (w->events.data)
		uv_close((uv_handle_t *)&w->events, on_closed);
	if (w->inotify_fd >= 0)
		close(w->inotify_fd);
	if (w->timer_fd >= 0)
		close(w->timer_fd);
	watch_release(w);
}
