/* SPDX-License-Identifier: MIT
 *
 * A new thread shares the descriptors of the one that makes it. Those of the
 * code server are its own (server.c), so a process that it made itself for an
 * on_load or a code_change would write its log to /dev/null, and a file or a
 * connection that it opens would be nobody's, as would be those of a server
 * that it starts. There is no way to go back to a table that was left; so one
 * thread stays behind, sleeps, and makes threads when it is asked to.
 *
 * Rejected: starting it when it is needed (nobody but a thread of the program's
 * could, and none is ours to use).
 */
#include "codeserver/helper.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>

#define STACK_SIZE (256ul << 10)

static struct {
	bool there;
	sem_t asked, done;
	void (*run)(void *arg);
	void *arg;
} helper;

static void *helper_main(void *unused)
{
	prctl(PR_SET_NAME, "hw-helper");
	for (;;) {
		while (sem_wait(&helper.asked) < 0)
			;
		helper.run(helper.arg);
		sem_post(&helper.done);
	}
	return unused;
}

/* In a forked child what the parent's waited for means nothing. */
void helper_start(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	helper.there = false;
	if (sem_init(&helper.asked, 0, 0) < 0 ||
	    sem_init(&helper.done, 0, 0) < 0 || pthread_attr_init(&attr) != 0)
		return;
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	helper.there = !pthread_create(&thread, &attr, helper_main, NULL);
	pthread_attr_destroy(&attr);
}

/* Where there is none (no thread was to be had) our own must do. */
void helper_run(void (*run)(void *arg), void *arg)
{
	if (!helper.there) {
		run(arg);
		return;
	}
	helper.run = run;
	helper.arg = arg;
	sem_post(&helper.asked);
	while (sem_wait(&helper.done) < 0)
		;
}
