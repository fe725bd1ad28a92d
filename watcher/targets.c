/* SPDX-License-Identifier: MIT
 *
 * See targets.h.
 *
 * A socket file outlives a process that was killed. One that refuses is
 * removed if no process has its pid; if one has, it may just not listen yet,
 * or the pid was used again: it is tried a few times, at growing distances,
 * and then left alone until the file is made anew. Trust in the name ends
 * there: who answers says itself who it is.
 */
#include "watcher/targets.h"

#include "watcher/strmap.h"
#include "watcher/util.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define TRIES 6
#define FIRST_RETRY_MS 8 /* doubled each time: half a second in all */

enum state {
	STATE_GONE,
	STATE_OPEN,
	STATE_RETRY,
	STATE_LEFT
};

struct candidate {
	char *path;
	int pid;
	enum state state;
	int tries;
	uint64_t due; /* uv_now of the next try */
};

struct targets {
	uv_poll_t poll;
	uv_timer_t timer;
	int fd, handles;
	char *dir;
	struct strmap candidates; /* path -> struct candidate */
	const struct targets_callbacks *callbacks;
	void *arg;
};

static int pid_of(const char *name)
{
	char *end;
	long pid = strtol(name, &end, 10);

	return pid > 0 && pid <= 0x7fffffff && !strcmp(end, ".sock") ? (int)pid
								     : 0;
}

static void candidate_try(struct targets *t, struct candidate *c)
{
	c->state = STATE_OPEN;
	c->tries++;
	t->callbacks->found(c->path, c->pid, t->arg);
}

/* FRESH: the file was made just now, whatever was known of its name. */
static void candidate_see(struct targets *t, const char *name, bool fresh)
{
	int pid = pid_of(name);
	struct candidate *c;
	char *path;

	if (!pid)
		return;
	path = path_join(t->dir, name);
	c = strmap_get(&t->candidates, path);
	if (!c) {
		c = xcalloc(1, sizeof(*c));
		c->path = xstrdup(path);
		c->pid = pid;
		strmap_put(&t->candidates, path, c);
	}
	if (c->state == STATE_GONE || (fresh && c->state != STATE_OPEN)) {
		c->tries = 0;
		candidate_try(t, c);
	}
	free(path);
}

void targets_scan(struct targets *t)
{
	DIR *d = opendir(t->dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		candidate_see(t, e->d_name, false);
	if (d)
		closedir(d);
}

/* --- trying again -------------------------------------------------------- */

static void timer_set(struct targets *t);

static void retry_due(uv_timer_t *timer)
{
	struct targets *t = timer->data;
	bool gone = false;
	void *v;

	for (size_t i = 0; strmap_next(&t->candidates, &i, &v);) {
		struct candidate *c = v;

		if (c->state != STATE_RETRY || c->due > uv_now(timer->loop))
			continue;
		if (file_exists(c->path)) {
			candidate_try(t, c);
		} else {
			c->state = STATE_GONE;
			gone = true;
		}
	}
	timer_set(t);
	if (gone) /* last: who hears of it may look for more */
		t->callbacks->gone(t->arg);
}

static void timer_set(struct targets *t)
{
	uint64_t now = uv_now(t->timer.loop), due = UINT64_MAX;
	void *v;

	for (size_t i = 0; strmap_next(&t->candidates, &i, &v);) {
		struct candidate *c = v;

		if (c->state == STATE_RETRY && c->due < due)
			due = c->due;
	}
	if (due != UINT64_MAX)
		uv_timer_start(&t->timer, retry_due, due > now ? due - now : 0,
			       0);
}

static bool process_exists(int pid)
{
	return kill(pid, 0) == 0 || errno != ESRCH;
}

void targets_result(struct targets *t, const char *path,
		    enum targets_outcome outcome)
{
	struct candidate *c = strmap_get(&t->candidates, path);

	if (!c)
		return;
	if (outcome == TARGETS_LOST)
		c->tries = 0;
	if (outcome == TARGETS_FOREIGN || c->tries >= TRIES) {
		c->state = STATE_LEFT;
		return;
	}
	if (outcome == TARGETS_REFUSED && !process_exists(c->pid)) {
		unlink(c->path);
		c->state = STATE_GONE;
		return;
	}
	c->state = file_exists(c->path) ? STATE_RETRY : STATE_GONE;
	uv_update_time(t->timer.loop);
	c->due = uv_now(t->timer.loop) + (FIRST_RETRY_MS << c->tries);
	timer_set(t);
}

size_t targets_pending(const struct targets *t)
{
	size_t n = 0;
	void *v;

	for (size_t i = 0; strmap_next(&t->candidates, &i, &v);)
		n += ((struct candidate *)v)->state == STATE_RETRY;
	return n;
}

/* --- inotify ------------------------------------------------------------- */

static void event_take(struct targets *t, const struct inotify_event *e)
{
	struct candidate *c;
	bool waited = false;
	char *path;

	if (e->mask & IN_Q_OVERFLOW) {
		targets_scan(t);
	} else if (e->mask & (IN_CREATE | IN_MOVED_TO)) {
		candidate_see(t, e->name, true);
	} else if (e->len) {
		path = path_join(t->dir, e->name);
		c = strmap_get(&t->candidates, path);
		if (c && c->state != STATE_OPEN && !file_exists(path)) {
			waited = c->state == STATE_RETRY;
			c->state = STATE_GONE;
		}
		free(path);
		if (waited)
			t->callbacks->gone(t->arg);
	}
}

static void readable(uv_poll_t *poll, int status, int events)
{
	struct targets *t = poll->data;
	char buf[8192] __attribute__((aligned(8)));
	ssize_t n;

	(void)events;
	if (status < 0)
		return;
	while ((n = read(t->fd, buf, sizeof(buf))) > 0) {
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *e = (const void *)p;

			event_take(t, e);
			p += sizeof(*e) + e->len;
		}
	}
}

static void first_look(uv_timer_t *timer)
{
	targets_scan(timer->data);
	timer_set(timer->data);
}

static int watch_folder(struct targets *t, char **err)
{
	if (make_dirs(t->dir, 0700, err) < 0)
		return -1;
	t->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (t->fd < 0)
		return fail(err,
			    "inotify: %s; raise "
			    "/proc/sys/fs/inotify/max_user_instances",
			    strerror(errno));
	if (inotify_add_watch(t->fd, t->dir,
			      IN_CREATE | IN_MOVED_TO | IN_DELETE |
				  IN_ONLYDIR) < 0)
		return fail(err, "%s: cannot watch: %s", t->dir,
			    strerror(errno));
	return 0;
}

static void targets_free(struct targets *t)
{
	void *v;

	for (size_t i = 0; strmap_next(&t->candidates, &i, &v);) {
		free(((struct candidate *)v)->path);
		free(v);
	}
	strmap_free(&t->candidates);
	if (t->fd >= 0)
		close(t->fd);
	free(t->dir);
	free(t);
}

int targets_open(struct targets **out, uv_loop_t *loop, const char *runtime,
		 const struct targets_callbacks *callbacks, void *arg,
		 char **err)
{
	struct targets *t = xcalloc(1, sizeof(*t));

	t->callbacks = callbacks;
	t->arg = arg;
	t->fd = -1;
	t->dir = path_join(runtime, "targets");
	if (watch_folder(t, err) < 0) {
		targets_free(t);
		return -1;
	}
	uv_timer_init(loop, &t->timer);
	uv_poll_init(loop, &t->poll, t->fd);
	t->handles = 2;
	t->timer.data = t->poll.data = t;
	uv_poll_start(&t->poll, UV_READABLE, readable);
	uv_timer_start(&t->timer, first_look, 0, 0);
	*out = t;
	return 0;
}

static void handle_closed(uv_handle_t *h)
{
	struct targets *t = h->data;

	if (--t->handles == 0)
		targets_free(t);
}

void targets_close(struct targets *t)
{
	uv_close((uv_handle_t *)&t->poll, handle_closed);
	uv_close((uv_handle_t *)&t->timer, handle_closed);
}
