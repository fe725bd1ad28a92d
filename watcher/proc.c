/* SPDX-License-Identifier: MIT
 *
 * See proc.h.
 *
 * No shell between us and the compiler: a shell costs 1 ms and quoting. The
 * child leads a session of its own, so that control-C at the terminal, which
 * is meant for the program under watch, does not fail the build, and so that a
 * compiler launcher can be killed with all it started.
 *
 * The output ends when the child has exited, not at the pipe's end of file: a
 * launcher may leave a server behind that holds the pipe (distcc, sccache).
 * What the child wrote before it exited is in the pipe then.
 */
#include "watcher/proc.h"

#include "watcher/util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUTPUT_MAX (4u << 20) /* what a template error of a day may say */

struct proc {
	uv_process_t process;
	uv_poll_t poll;
	uv_timer_t failed; /* reports that it could not be started */
	int fd;            /* our end of the pipe */
	int handles;
	bool started;
	struct text output;
	struct proc_result result;
	proc_done *done;
	void *arg;
};

static void drain(struct proc *p)
{
	char buf[16384];
	ssize_t n;

	while ((n = read(p->fd, buf, sizeof(buf))) > 0)
		if (p->output.len < OUTPUT_MAX)
			text_add(&p->output, buf, n);
	if (n == 0)
		uv_poll_stop(&p->poll);
}

static void readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	drain(poll->data);
}

static void handle_closed(uv_handle_t *h)
{
	struct proc *p = h->data;

	if (--p->handles > 0)
		return;
	if (p->fd >= 0)
		close(p->fd);
	p->result.output = p->output.s ? p->output.s : "";
	p->done(&p->result, p->arg);
	text_free(&p->output);
	free(p);
}

static void finish(struct proc *p)
{
	if (p->fd >= 0) {
		drain(p);
		uv_close((uv_handle_t *)&p->process, handle_closed);
		uv_close((uv_handle_t *)&p->poll, handle_closed);
	}
	uv_close((uv_handle_t *)&p->failed, handle_closed);
}

static void exited(uv_process_t *process, int64_t status, int signal)
{
	struct proc *p = process->data;

	p->result.status = (int)status;
	p->result.signal = signal;
	p->result.ok = status == 0 && signal == 0;
	finish(p);
}

static void start_failed(uv_timer_t *timer)
{
	finish(timer->data);
}

static int spawn(struct proc *p, uv_loop_t *loop, char *const *argv,
		 char *const *env, const char *dir, int in, int out)
{
	uv_stdio_container_t stdio[3] = {
	    {.flags = in < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = in},
	    {.flags = UV_INHERIT_FD, .data.fd = out},
	    {.flags = UV_INHERIT_FD, .data.fd = out},
	};
	uv_process_options_t o = {
	    .file = argv[0],
	    .args = (char **)argv,
	    .env = (char **)env,
	    .cwd = dir,
	    .flags = UV_PROCESS_DETACHED,
	    .stdio = stdio,
	    .stdio_count = 3,
	    .exit_cb = exited,
	};

	return uv_spawn(loop, &p->process, &o);
}

/* Both ends' handles, and the child. 0 or an error of libuv. */
static int begin(struct proc *p, uv_loop_t *loop, char *const *argv,
		 char *const *env, const char *dir, int in)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	p->fd = ends[0];
	p->handles += 2;
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	uv_poll_init(loop, &p->poll, p->fd);
	uv_poll_start(&p->poll, UV_READABLE, readable);
	r = spawn(p, loop, argv, env, dir, in, ends[1]);
	p->poll.data = p->process.data = p;
	close(ends[1]);
	return r;
}

struct proc *proc_run(uv_loop_t *loop, char *const *argv, char *const *env,
		      const char *dir, int in, proc_done *done, void *arg)
{
	struct proc *p = xcalloc(1, sizeof(*p));
	int r;

	p->done = done;
	p->arg = arg;
	p->fd = -1;
	p->handles = 1;
	uv_timer_init(loop, &p->failed);
	p->failed.data = p;
	r = begin(p, loop, argv, env, dir, in);
	p->started = r == 0;
	if (r == 0)
		return p;
	p->result.status = 127;
	text_printf(&p->output, "hotwatch: error: cannot run %s in %s: %s\n",
		    argv[0], dir, uv_strerror(r));
	uv_timer_start(&p->failed, start_failed, 0, 0);
	return p;
}

void proc_kill(struct proc *p)
{
	if (!p->started)
		return;
	kill(-p->process.pid, SIGKILL);
	uv_process_kill(&p->process, SIGKILL);
}
