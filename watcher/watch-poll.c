/* SPDX-License-Identifier: MIT
 *
 * File systems that cannot notify: look at every file, again and again.
 *
 * On NFS, 9p, FUSE and their like, inotify takes a watch and then reports
 * only what this machine itself does: a watch that is never called healthy.
 * So their kind is asked first, and they are polled.
 *
 * A pass runs in libuv's thread pool, because a server that hangs must not
 * hang the watcher. It owns the struct pollpass while it runs; the loop's
 * thread does otherwise. The next begins half a second later, or ten times
 * what the last one took.
 */
#include "watcher/watch-internal.h"

#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>

#define EVERY (500 * MS)

struct poller {
	struct watch *w;
	uv_work_t work;
	bool running, asked;
	uint64_t due, started;
	struct pollpass pass;
	struct strv later, later_flat; /* folders that came while one ran */
	struct strv told;              /* folders that the user knows of */
};

/* Mounts below the root; the crawl leaves them to us. */
void poll_find_mounts(struct watch *w)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;

	while (f && (m = getmntent(f)))
		if (pollpass_mount_needs(m->mnt_type) &&
		    path_under(m->mnt_dir, w->root))
			strv_add(&w->polled_mounts, m->mnt_dir);
	if (f)
		endmntent(f);
}

static void touch_all(struct watch *w, struct strv *paths,
		      enum settle_kind kind)
{
	for (size_t i = 0; i < paths->n; i++)
		settle_touch(&w->settle, paths->v[i], kind, uv_hrtime());
	strv_free(paths);
}

static void later_add(struct poller *p, struct strv *paths, bool deep)
{
	for (size_t i = 0; i < paths->n; i++)
		pollpass_add(&p->pass, paths->v[i], deep);
	strv_free(paths);
}

static void results_take(struct poller *p)
{
	struct watch *w = p->w;
	uint64_t now = uv_hrtime(), wait = (now - p->started) * 10;

	touch_all(w, &p->pass.written, SETTLE_WRITTEN);
	touch_all(w, &p->pass.gone, SETTLE_GONE);
	for (size_t i = 0; i < p->pass.gits.n; i++)
		git_update(w, p->pass.gits.v[i]);
	strv_free(&p->pass.gits);
	later_add(p, &p->later, true);
	later_add(p, &p->later_flat, false);
	p->due = now + (wait > EVERY ? wait : EVERY);
}

static void work_run(uv_work_t *work)
{
	struct poller *p = work->data;

	pollpass_run(&p->pass);
}

static void work_done(uv_work_t *work, int status)
{
	struct poller *p = work->data;
	struct watch *w = p->w;

	(void)status;
	p->running = false;
	if (!w->closed) {
		results_take(p);
		sync_wait_for_held(w, true);
		watch_run(w);
	}
	watch_release(w);
}

void poll_start(struct watch *w, uint64_t now)
{
	struct poller *p = w->poller;

	if (!p || p->running || (now < p->due && !p->asked))
		return;
	p->running = true;
	p->asked = false;
	p->started = now;
	p->work.data = p;
	w->handles++;
	uv_queue_work(w->loop, &p->work, work_run, work_done);
}

/* Once for a folder and all below it. */
static void tell_polled(struct watch *w, const char *path)
{
	struct strv *told = &w->poller->told;
	const char *kind = NULL;

	for (size_t i = 0; i < told->n; i++)
		if (path_under(path, told->v[i]))
			return;
	if (!pollpass_needed(path, &kind))
		return;
	strv_add(told, path);
	watch_note(w, false,
		   "%s is on %s, which cannot tell of changes made "
		   "elsewhere: it is looked through every half second "
		   "or slower",
		   path, kind);
}

static struct poller *poller_new(struct watch *w)
{
	struct poller *p = xcalloc(1, sizeof(*p));

	p->w = w;
	p->pass.base = w->root;
	p->pass.patterns = w->patterns.v;
	return p;
}

/* Ready on return, unless a pass is running: then the next includes it. */
void poll_add(struct watch *w, const char *path, bool deep)
{
	struct poller *p = w->poller;

	if (!p)
		p = w->poller = poller_new(w);
	tell_polled(w, path);
	if (p->running) {
		strv_add(deep ? &p->later : &p->later_flat, path);
		return;
	}
	p->started = uv_hrtime();
	pollpass_add(&p->pass, path, deep);
	pollpass_run(&p->pass);
	results_take(p);
}

void poll_now(struct watch *w)
{
	if (w->poller)
		w->poller->asked = true;
}

bool poll_asked(const struct watch *w)
{
	return w->poller && (w->poller->asked || w->poller->running);
}

uint64_t poll_due(const struct watch *w)
{
	const struct poller *p = w->poller;

	if (!p || p->running)
		return SETTLE_NEVER;
	return p->asked ? 0 : p->due;
}

void poll_free(struct watch *w)
{
	struct poller *p = w->poller;

	if (!p)
		return;
	pollpass_free(&p->pass);
	strv_free(&p->later);
	strv_free(&p->later_flat);
	strv_free(&p->told);
	free(p);
	w->poller = NULL;
}
