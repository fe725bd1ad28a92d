/* SPDX-License-Identifier: MIT
 *
 * Children and threads of hotwatch cc. posix_spawn (a vfork) keeps the cost
 * of a driver in front of clang at a fraction of a millisecond.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watcher/cc.h"
#include "watcher/util.h"

#define THREADS_MAX 64

int cc_exec(char *const *argv, char **err)
{
	execv(argv[0], argv);
	return fail(err, "%s: %s", argv[0], strerror(errno));
}

static int wait_for(pid_t pid, const char *name, char **err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail(err, "%s: %s", name, strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int cc_run(char *const *argv, const struct cc_pipes *to, char **err)
{
	posix_spawn_file_actions_t actions;
	int flags = O_WRONLY | O_CREAT | O_TRUNC, r;
	pid_t pid;

	r = posix_spawn_file_actions_init(&actions);
	if (r == 0 && to && to->dir)
		r = posix_spawn_file_actions_addchdir_np(&actions, to->dir);
	if (r == 0 && to && to->out)
		r = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO,
						     to->out, flags, 0600);
	if (r == 0 && to && to->err)
		r = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO,
						     to->err, flags, 0600);
	if (r == 0)
		r = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r)
		return fail(err, "%s: %s", argv[0], strerror(r));
	return wait_for(pid, argv[0], err);
}

struct team {
	size_t n;
	atomic_size_t next;
	atomic_int failed; /* the first negative result, or 0 */
	int (*do_one)(size_t i, void *arg);
	void *arg;
};

static void *team_work(void *arg)
{
	struct team *t = arg;
	size_t i;

	while (!t->failed && (i = t->next++) < t->n) {
		int r = t->do_one(i, t->arg), none = 0;

		if (r < 0)
			atomic_compare_exchange_strong(&t->failed, &none, r);
	}
	return NULL;
}

static size_t cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (size_t)CPU_COUNT(&set);
}

int cc_parallel(size_t n, int (*do_one)(size_t i, void *arg), void *arg)
{
	struct team t = {.n = n, .do_one = do_one, .arg = arg};
	size_t want = cores(), made = 0;
	pthread_t threads[THREADS_MAX];

	if (want > n)
		want = n;
	if (want > THREADS_MAX)
		want = THREADS_MAX;
	/* This thread is one of them; with fewer it only takes longer. */
	while (made + 1 < want &&
	       !pthread_create(&threads[made], NULL, team_work, &t))
		made++;
	team_work(&t);
	for (size_t i = 0; i < made; i++)
		pthread_join(threads[i], NULL);
	return t.failed;
}
