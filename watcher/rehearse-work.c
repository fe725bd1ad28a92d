/* SPDX-License-Identifier: MIT
 *
 * The user's command, and how it says when.
 *
 * It connects to a socket ($HOTWATCH_REHEARSAL) by `hotwatch rehearse-step`,
 * and waits for the answer; so it knows what is done before and after a load,
 * and no clock has a part in it. A mark in its output was rejected: the command
 * would not know when the load is done, and its output is its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "watcher/cc.h"
#include "watcher/rehearse.h"

static int listen_at(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(at.sun_path)) {
		errno = fd < 0 ? errno : ENAMETOOLONG;
		return -1;
	}
	strcpy(at.sun_path, path);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    listen(fd, 8) == 0)
		return fd;
	close(fd);
	return -1;
}

static void sigchld_block(bool block)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

int work_open(struct work *w, const char *scratch, char **err)
{
	*w = (struct work){.listener = -1, .asker = -1};
	w->socket = path_join(scratch, "step");
	w->listener = listen_at(w->socket);
	if (w->listener < 0)
		return fail(err, "%s: %s", w->socket, strerror(errno));
	setenv("HOTWATCH_REHEARSAL", w->socket, 1);
	sigchld_block(true); /* ends of children are read, not waited for */
	return 0;
}

void work_close(struct work *w)
{
	work_stop(w);
	work_answer(w, "over");
	if (w->listener >= 0)
		close(w->listener);
	free(w->socket);
}

/* What it prints goes where we complain: our output is the findings. */
static void become(const char *command)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

int work_start(struct work *w, const char *command, char **err)
{
	w->pid = fork();
	if (w->pid == 0)
		become(command);
	if (w->pid > 0) {
		setpgid(w->pid, w->pid);
		return 0;
	}
	w->pid = 0;
	return fail(err, "fork: %s", strerror(errno));
}

void work_stop(struct work *w)
{
	if (!w->pid)
		return;
	kill(-w->pid, SIGKILL);
	while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
		;
	w->pid = 0;
}

void work_answer(struct work *w, const char *line)
{
	if (w->asker < 0)
		return;
	if (send(w->asker, line, strlen(line), MSG_NOSIGNAL) < 0)
		errno = 0; /* it waits no more */
	close(w->asker);
	w->asker = -1;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* The command has ended: *STATUS as a shell says it. */
static bool ended(struct work *w, int *status)
{
	int s;

	if (!w->pid || waitpid(w->pid, &s, WNOHANG) != w->pid)
		return false;
	kill(-w->pid, SIGKILL); /* what it left behind */
	w->pid = 0;
	*status = WIFEXITED(s) ? WEXITSTATUS(s) : 128 + WTERMSIG(s);
	return true;
}

static int sigchld_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void drain(int fd)
{
	struct signalfd_siginfo s;

	while (read(fd, &s, sizeof(s)) == sizeof(s))
		;
}

/* Until something may have happened: false: the time is over. */
static bool sleep_until(struct work *w, int signals, int64_t end)
{
	struct pollfd p[] = {{.fd = signals, .events = POLLIN},
			     {.fd = w->asker < 0 ? w->listener : -1,
			      .events = POLLIN}};
	int64_t left = end < 0 ? -1 : end - now_ms();
	int r;

	if (end >= 0 && left <= 0)
		return false;
	r = poll(p, 2, (int)left);
	drain(signals);
	if (r > 0 && p[1].revents)
		w->asker = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);
	return true;
}

enum work_event work_wait(struct work *w, struct guard *g, int limit_ms,
			  int *status)
{
	int64_t end = limit_ms < 0 ? -1 : now_ms() + limit_ms;
	enum work_event event = WORK_TIME;
	int signals = sigchld_fd();

	do {
		if (guard_ended(g))
			event = WORK_PROGRAM;
		else if (w->asker >= 0)
			event = WORK_ASKS;
		else if (ended(w, status))
			event = WORK_ENDED;
		else
			continue;
		break;
	} while (sleep_until(w, signals, end));
	close(signals);
	return event;
}

char *work_output(const char *command, const char *scratch, int *status)
{
	char *file = path_join(scratch, "output"), *text = NULL, *err = NULL;
	char *const argv[] = {"/bin/sh", "-c", (char *)command, NULL};
	struct cc_pipes to = {.out = file};

	sigchld_block(false); /* a shell that inherits that waits for ever */
	*status = cc_run(argv, &to, &err);
	sigchld_block(true);
	if (file_read(file, &text, NULL, NULL) < 0)
		text = NULL;
	unlink(file);
	free(file);
	free(err);
	return text ? text : xstrdup("");
}
