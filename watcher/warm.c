/* SPDX-License-Identifier: MIT
 *
 * See warm.h.
 *
 * lld needs 14 ms to link a small module, and 10 of them to load and set up
 * LLVM. So it is started beside the compiler, with its object named /dev/stdin:
 * it sets itself up while the module compiles and then waits for the pipe. When
 * the object comes, 3 ms are left.
 *
 * The arguments (the base above all) must be known at the start; a link that
 * turns out to need another base is done in the ordinary way. To send the
 * arguments late, as a response file, does not work: lld reads that twice.
 */
#include "watcher/warm.h"

#include "watcher/object.h"
#include "watcher/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct warm {
	struct proc *proc; /* NULL: it has ended */
	int fd;            /* into its stdin, or -1 */
	bool dropped;
	struct proc_result result; /* once it has ended */
	char *output;
	uv_timer_t late; /* tells of an end that came before warm_wait */
	proc_done *done;
	void *arg;
};

static void close_pipe(struct warm *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static void timer_closed(uv_handle_t *h)
{
	struct warm *w = h->data;

	free(w->output);
	free(w);
}

static void finish(struct warm *w)
{
	close_pipe(w);
	if (w->done)
		w->done(&w->result, w->arg);
	uv_close((uv_handle_t *)&w->late, timer_closed);
}

static void ended(const struct proc_result *r, void *arg)
{
	struct warm *w = arg;

	w->proc = NULL;
	w->result = *r;
	w->output = xstrdup(r->output);
	w->result.output = w->output;
	if (w->done || w->dropped)
		finish(w);
}

struct warm *warm_start(uv_loop_t *loop, struct modlink *m)
{
	struct warm *w;
	char **argv;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	w = xcalloc(1, sizeof(*w));
	w->fd = ends[1];
	uv_timer_init(loop, &w->late);
	w->late.data = w;
	m->object = "/dev/stdin";
	argv = modlink_argv(m);
	w->proc = proc_run(loop, argv, environ, "/", ends[0], ended, w);
	argv_free(argv);
	close(ends[0]);
	return w;
}

static int write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

int warm_feed(struct warm *w, const char *path)
{
	char *data = NULL;
	size_t len = 0;
	int r;

	if (w->fd < 0 || file_read(path, &data, &len, NULL) < 0)
		return -1;
	r = write_all(w->fd, data, len);
	free(data);
	close_pipe(w);
	return r;
}

static void tell_late(uv_timer_t *timer)
{
	finish(timer->data);
}

void warm_wait(struct warm *w, proc_done *done, void *arg)
{
	w->done = done;
	w->arg = arg;
	if (!w->proc)
		uv_timer_start(&w->late, tell_late, 0, 0);
}

struct proc *warm_proc(struct warm *w)
{
	return w->proc;
}

void warm_drop(struct warm *w)
{
	if (!w)
		return;
	w->dropped = true;
	close_pipe(w);
	if (w->proc)
		proc_kill(w->proc);
	else
		finish(w);
}
