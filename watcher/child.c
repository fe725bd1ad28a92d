/* SPDX-License-Identifier: MIT
 *
 * See child.h. The child stays in our process group, so the terminal treats
 * both as one job, and what it sends on a key reaches the child by itself:
 *
 *   from the terminal (the kernel)  nothing to do, but not to die of it
 *   from a process (kill, timeout)  sent to us alone as far as we can tell:
 *                                   forwarded, unless the child itself sent it
 *   SIGTSTP (control-Z)             we stop when the child has stopped, so
 *                                   that it may mend the screen before, and
 *                                   wake it when we are woken
 *
 * A group of its own with tcsetpgrp was rejected: a program that asks who is
 * in the foreground, or is not started by a shell at all, sees a difference.
 *
 * The signals are blocked and read from a signalfd, which tells who sent
 * them; SIGCHLD is left to libuv, which waits for compilers by it.
 */
#include "watcher/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watcher/util.h"

/* SIGCONT and SIGWINCH need no help: their default harms nobody. */
static const int forwarded[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
				SIGUSR1, SIGUSR2, SIGTSTP};

/* How we were started, and the child is to be: one a process. */
static sigset_t mask_before;
static bool sigpipe_before; /* it was not ignored */

static void forwarded_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(set, forwarded[i]);
}

void child_prepare(void)
{
	sigset_t set;

	forwarded_set(&set);
	sigprocmask(SIG_BLOCK, &set, &mask_before);
	/* a reader of our stderr that went must not end the program */
	sigpipe_before = signal(SIGPIPE, SIG_IGN) != SIG_IGN;
}

int child_told_to_end(void)
{
	static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	sigset_t pending;

	sigpending(&pending);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (sigismember(&pending, ends[i]))
			return ends[i];
	return 0;
}

/* The child has stopped because of the terminal: so does this job. */
static void stop_with_child(struct child *c, int signal)
{
	if (signal != SIGTSTP && signal != SIGTTIN && signal != SIGTTOU)
		return; /* a debugger or a person stopped the child alone */
	raise(SIGSTOP);
	kill(c->pid, SIGCONT); /* woken, maybe alone */
}

static void on_chld(uv_signal_t *handle, int signum)
{
	struct child *c = handle->data;
	int status;

	(void)signum;
	while (!c->ended &&
	       waitpid(c->pid, &status, WNOHANG | WUNTRACED) == c->pid) {
		if (WIFSTOPPED(status)) {
			stop_with_child(c, WSTOPSIG(status));
			continue;
		}
		c->ended = true;
		c->status = WIFEXITED(status) ? WEXITSTATUS(status)
					      : 128 + WTERMSIG(status);
		c->done(c, c->arg);
	}
}

static void forward(struct child *c, const struct signalfd_siginfo *s)
{
	bool from_process = s->ssi_code <= 0;

	if (!c->ended && from_process && (pid_t)s->ssi_pid != c->pid)
		kill(c->pid, (int)s->ssi_signo);
}

static void on_signals(uv_poll_t *poll, int status, int events)
{
	struct child *c = poll->data;
	struct signalfd_siginfo s;

	(void)status;
	(void)events;
	while (read(c->signals, &s, sizeof(s)) == sizeof(s))
		forward(c, &s);
}

/* In the child: the mask and the handling that we were started with. */
static void become(const char *path, char *const *argv, int report)
{
	int e;

	if (sigpipe_before)
		signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
	execv(path, argv);
	e = errno;
	if (write(report, &e, sizeof(e)) < 0)
		e = 0; /* the parent is gone: nobody to tell */
	_exit(127);
}

/*
 * 0 or an error number. Not by posix_spawn: glibc's leaves signals 32 and 33
 * ignored in the new program, and ours is to find nothing changed.
 */
static int spawn(struct child *c, const char *path, char *const *argv)
{
	int ends[2], e = 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	c->pid = fork();
	if (c->pid == 0)
		become(path, argv, ends[1]);
	if (c->pid < 0)
		e = errno;
	close(ends[1]);
	/* ends when execv has closed the other end, or with its error */
	while (c->pid > 0 && read(ends[0], &e, sizeof(e)) < 0 && errno == EINTR)
		;
	close(ends[0]);
	if (c->pid > 0 && e)
		waitpid(c->pid, NULL, 0);
	return e;
}

int child_start(struct child *c, uv_loop_t *loop, const char *path,
		char *const *argv, char **err)
{
	sigset_t set;
	int r;

	forwarded_set(&set);
	c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (c->signals < 0)
		return fail(err, "signalfd: %s", strerror(errno));
	/* before the start: the end of a short life must not be missed */
	uv_signal_init(loop, &c->chld);
	c->chld.data = c;
	uv_signal_start(&c->chld, on_chld, SIGCHLD);
	uv_poll_init(loop, &c->poll, c->signals);
	c->poll.data = c;
	uv_poll_start(&c->poll, UV_READABLE, on_signals);
	r = spawn(c, path, argv);
	if (r == 0)
		return 0;
	child_close(c);
	return fail(err, "%s: %s", path, strerror(r));
}

void child_close(struct child *c)
{
	uv_close((uv_handle_t *)&c->chld, NULL);
	uv_poll_stop(&c->poll);
	uv_close((uv_handle_t *)&c->poll, NULL);
	close(c->signals);
	c->signals = -1;
}
