/* SPDX-License-Identifier: MIT
 *
 * "Tell me when you have seen all that happened so far."
 *
 * A file is made, and when the kernel reports it, everything before it has
 * been reported, since one inotify descriptor is one queue in order. The file
 * lies in a folder of ours outside the tree, watched through that same
 * descriptor: the user's tree stays clean and may be read-only.
 *
 * Seen is not told yet: the paths that were held then must leave, and a
 * rescan that was due be done.
 */
#include "watcher/watch-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sync {
	struct sync *next;
	char *cookie;    /* path; NULL: seen */
	bool marked;     /* SERIAL is known */
	uint64_t serial; /* of the last path that was held then */
	void (*done)(int status, void *arg);
	void *arg;
};

static void cookie_remove(struct sync *s)
{
	if (s->cookie)
		unlink(s->cookie);
	free(s->cookie);
	s->cookie = NULL;
}

void sync_seen(struct watch *w, const char *cookie)
{
	for (struct sync *s = w->syncs; s; s = s->next)
		if (s->cookie && !strcmp(path_base(s->cookie), cookie))
			cookie_remove(s);
}

void sync_seen_all(struct watch *w)
{
	for (struct sync *s = w->syncs; s; s = s->next)
		cookie_remove(s);
}

void sync_wait_for_held(struct watch *w, bool again)
{
	for (struct sync *s = w->syncs; s; s = s->next) {
		if (s->cookie || (s->marked && !again))
			continue;
		s->serial = w->settle.serial;
		s->marked = true;
	}
}

/* --- the folder of cookies ----------------------------------------------- */

static void cookie_dir_drop(struct watch *w)
{
	struct node *n;

	if (!w->cookie_dir)
		return;
	n = tree_find(&w->tree, NULL, NODE_COOKIE, w->cookie_dir);
	if (n)
		node_kill(w, n);
	rmdir(w->cookie_dir);
	free(w->cookie_dir);
	w->cookie_dir = NULL;
}

static int cookie_dir_make(struct watch *w)
{
	struct node *n;
	char *dir;

	cookie_dir_drop(w);
	if (runtime_dir(&dir, NULL) < 0)
		return UV_EACCES;
	w->cookie_dir = xasprintf("%s/sync-%d-XXXXXX", dir, (int)getpid());
	free(dir);
	if (!mkdtemp(w->cookie_dir)) {
		free(w->cookie_dir);
		w->cookie_dir = NULL;
		return UV_EACCES;
	}
	n = tree_add(&w->tree, NULL, NODE_COOKIE, w->cookie_dir);
	if (node_arm(w, n) == ARMED_ANEW)
		return 0;
	cookie_dir_drop(w);
	return UV_ENOSPC;
}

/* Someone may have cleaned up /tmp: then the folder is made again. */
static int cookie_make(struct watch *w, char **cookie)
{
	int r = w->cookie_dir ? 0 : cookie_dir_make(w);

	for (int try = 0; r == 0; try++) {
		char *path = xasprintf("%s/%u", w->cookie_dir, w->cookies++);
		int fd = open(path, O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		if (fd >= 0) {
			close(fd);
			*cookie = path;
			return 0;
		}
		free(path);
		r = errno == ENOENT && try == 0 ? cookie_dir_make(w)
						: uv_translate_sys_error(errno);
	}
	return r;
}

/* --- waiting ------------------------------------------------------------- */

int watch_sync(struct watch *w, void (*done)(int status, void *arg), void *arg)
{
	struct sync *s, **end = &w->syncs;
	char *cookie;
	int r;

	if (w->closed)
		return UV_ECANCELED;
	r = cookie_make(w, &cookie);
	if (r < 0)
		return r;
	s = xcalloc(1, sizeof(*s));
	s->cookie = cookie;
	s->done = done;
	s->arg = arg;
	while (*end)
		end = &(*end)->next;
	*end = s;
	poll_now(w);
	return 0;
}

static bool sync_done(const struct watch *w, const struct sync *s)
{
	return s->marked && !poll_asked(w) && !w->git_busy && !w->release_at &&
	       !w->rescan_at && !w->rescan &&
	       !settle_holds(&w->settle, s->serial);
}

void sync_finish(struct watch *w)
{
	struct sync **p = &w->syncs, *s;

	while (!w->closed && (s = *p)) {
		if (!sync_done(w, s)) {
			p = &s->next;
			continue;
		}
		*p = s->next;
		s->done(0, s->arg);
		free(s);
		p = &w->syncs;
	}
}

void sync_free(struct watch *w)
{
	struct sync *s;

	while ((s = w->syncs)) {
		w->syncs = s->next;
		cookie_remove(s);
		s->done(UV_ECANCELED, s->arg);
		free(s);
	}
	cookie_dir_drop(w);
}
