/* SPDX-License-Identifier: MIT
 *
 * Watching a tree: the public calls, and the one place that calls back.
 *
 * Whatever wakes us (the kernel's events, the timer, a finished poll) ends in
 * watch_run: read all events, mend what they put out of line, tell what is
 * ripe, set the timer for the next moment that matters. Events are read there
 * even when the timer woke us, so nothing is told as quiet while its next event
 * lies in the queue, and no batch leaves just after git took its lock.
 *
 * The timer is a timerfd, not uv_timer: libuv counts in whole milliseconds from
 * when its loop woke, so a quiet time of 2 ms takes 1 to 3. Here it is 2.1.
 *
 * The table of folders keeps no files: after lost events we cannot know
 * which changed, and say so (RESCAN). A snapshot of all files was rejected:
 * it takes 30 MB and a second for a tree of 100 000, and listeners compare
 * content anyway.
 */
#include "watcher/watch-internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define SETTLE_MS 2
#define SETTLE_MAX_MS 50

/* --- notices ------------------------------------------------------------- */

/* One line, whatever bytes a path has. */
static void make_printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

void watch_note(struct watch *w, bool fatal, const char *fmt, ...)
{
	char *text, *line;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = xstrdup(fmt);
	va_end(ap);
	make_printable(text);
	line = xasprintf("%c%s", fatal ? '!' : ' ', text);
	free(text);
	if (strv_has(&w->notices, line))
		free(line);
	else
		strv_add_own(&w->notices, line);
}

static void notices_tell(struct watch *w)
{
	struct strv lines = w->notices;

	w->notices = (struct strv){0};
	for (size_t i = 0; i < lines.n && !w->closed; i++)
		if (w->on.notice)
			w->on.notice(lines.v[i] + 1, lines.v[i][0] == '!',
				     w->arg);
	strv_free(&lines);
}

/* --- what is due --------------------------------------------------------- */

void watch_lost_events(struct watch *w)
{
	if (!w->rescan)
		w->rescan_first = uv_hrtime();
	w->rescan = true;
}

/* After an overflow: what is watched is brought in line with the disk. */
static void rescan(struct watch *w, uint64_t now)
{
	struct node *root;

	if (!w->rescan_at || now < w->rescan_at)
		return;
	w->rescan_at = 0;
	root = watch_root(w);
	if (root)
		crawl(w, root, CRAWL_ALL);
	w->check_anchors = w->check_git = true;
	watch_lost_events(w);
	sync_seen_all(w);
}

/* Folders of which the kernel or the user's rules say something new. */
static void stale_update(struct watch *w)
{
	struct strv stale = w->stale;

	w->stale = (struct strv){0};
	for (size_t i = 0; i < stale.n; i++) {
		struct node *root = watch_root(w), *n;

		n = root ? tree_at(&w->tree, root, stale.v[i]) : NULL;
		if (n)
			crawl(w, n, CRAWL_ALL | CRAWL_REPORT);
	}
	strv_free(&stale);
}

static void mend(struct watch *w, uint64_t now)
{
	failed_retry(w, now);
	rescan(w, now);
	stale_update(w);
	if (w->check_anchors) {
		w->check_anchors = false;
		anchors_check(w);
	}
	if (w->check_git || w->poller || (w->git_busy && now >= w->git_look_at))
		git_refresh(w, now);
	failed_tell(w, now);
	poll_start(w, now);
	sync_wait_for_held(w, false);
	tree_bury(&w->tree);
}

/* --- telling changes ----------------------------------------------------- */

/* New rules take effect before their file is told, and then all may differ:
 * files that were ignored till now have never been told. */
static bool rules_changed(struct watch *w, const struct settle_batch *b)
{
	bool changed = false;

	for (size_t i = 0; i < b->n; i++) {
		if (strcmp(path_base(b->paths[i]), ".gitignore") != 0)
			continue;
		strv_add_own(&w->stale, path_dir(b->paths[i]));
		changed = true;
	}
	stale_update(w);
	sync_wait_for_held(w, changed);
	return changed;
}

static void batch_tell(struct watch *w, struct settle_batch *b)
{
	bool all = rules_changed(w, b) || b->flooded;

	if (w->rescan) {
		all = true;
		if (w->rescan_first < b->first)
			b->first = w->rescan_first;
	}
	w->rescan = false;
	w->on.changed((const char *const *)b->paths, b->n, all, b->first,
		      w->arg);
}

static void changes_tell(struct watch *w)
{
	uint64_t now = uv_hrtime();
	struct settle_batch b;
	bool any;

	if (w->git_busy || (w->release_at && now < w->release_at))
		return;
	any = settle_take(&w->settle, now, w->release_at != 0, &b);
	w->release_at = 0;
	if (any || w->rescan)
		batch_tell(w, &b);
	freev(b.paths);
}

/* --- the timer ----------------------------------------------------------- */

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t next_due(const struct watch *w)
{
	uint64_t t = poll_due(w);

	if (w->notices.n > 0 || w->stale.n > 0)
		return 0;
	if (w->rescan_at)
		t = sooner(t, w->rescan_at);
	if (w->retry_at)
		t = sooner(t, w->retry_at);
	if (w->git_busy)
		return sooner(t, w->git_look_at);
	if (w->release_at)
		return sooner(t, w->release_at);
	if (w->rescan)
		return 0;
	return sooner(t, settle_due(&w->settle));
}

static void timer_set(struct watch *w)
{
	uint64_t due = next_due(w);
	struct itimerspec at = {0};

	if (due == w->timer_set)
		return;
	w->timer_set = due;
	if (due != SETTLE_NEVER) {
		due = due ? due : 1; /* 0 would stop the timer */
		at.it_value.tv_sec = due / (1000 * MS);
		at.it_value.tv_nsec = due % (1000 * MS);
	}
	timerfd_settime(w->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* --- running ------------------------------------------------------------- */

void watch_run(struct watch *w)
{
	if (w->closed)
		return;
	inotify_drain(w);
	mend(w, uv_hrtime());
	notices_tell(w);
	if (!w->closed)
		changes_tell(w);
	if (!w->closed)
		sync_finish(w);
	if (!w->closed)
		timer_set(w);
}

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
	mend(w, uv_hrtime());
	timer_set(w);
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
	timer_set(w);
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
