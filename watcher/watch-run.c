/* SPDX-License-Identifier: MIT
 *
 * What is done whenever something woke us; the one place that calls back.
 *
 * Whatever it was (the kernel's events, the timer, a finished poll), it ends in
 * watch_run: read all events, mend what they put out of line, tell what is
 * ripe, set the timer for the next moment that matters. Events are read even
 * when the timer woke us, so nothing is told as quiet while its next event lies
 * in the queue, and no batch leaves just after git took its lock.
 *
 * The table of folders keeps no files: after lost events we cannot know
 * which changed, and say so (RESCAN). A snapshot of all files was rejected:
 * it takes 30 MB and a second for a tree of 100 000, and listeners compare
 * content anyway.
 */
#include "watcher/watch-internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>

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

void watch_mend(struct watch *w, uint64_t now)
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

void watch_timer_set(struct watch *w)
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
	watch_mend(w, uv_hrtime());
	notices_tell(w);
	if (!w->closed)
		changes_tell(w);
	if (!w->closed)
		sync_finish(w);
	if (!w->closed)
		watch_timer_set(w);
}
