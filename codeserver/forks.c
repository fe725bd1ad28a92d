/* SPDX-License-Identifier: MIT
 *
 * See forks.h. A daemon forks just when it has started, which is when a watcher
 * finds it and loads what was edited since it was built: the child, all that is
 * left of it, could then never be reloaded. So a fork waits until the load is
 * through, which takes milliseconds.
 *
 * That is the one place where a thread of the program waits for the code
 * server, and it waits FORK_WAIT_MS at most: the load may be waiting for a lock
 * that the forking thread has (it forks in a constructor, and so in dlopen).
 * Then the child knows that it is unsure. The code server's thread waits for a
 * fork without a limit, which no fork needs.
 *
 * The lock is recursive, because handlers of the same fork may take it more
 * than once, and the parts of a load as well. A thread that did not get it must
 * not give it back: `mine` counts. In the child the lock's owner is a thread
 * that is not there, so it is made anew.
 */
#include "codeserver/forks.h"

#include <pthread.h>
#include <time.h>

#define FORK_WAIT_MS 100

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static int holds; /* the lock's */
static __thread int mine;
static void (*in_child)(bool unsure);

void forks_hold(void)
{
	pthread_mutex_lock(&lock);
	__atomic_store_n(&holds, holds + 1, __ATOMIC_RELAXED);
}

void forks_let(void)
{
	__atomic_store_n(&holds, holds - 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&lock);
}

void forks_prepare(void)
{
	struct timespec until;

	if (!in_child)
		return; /* a program without modules */
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += FORK_WAIT_MS * 1000000l;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (pthread_mutex_clocklock(&lock, CLOCK_MONOTONIC, &until) == 0)
		mine++;
}

void forks_parent(void)
{
	if (!mine)
		return;
	mine--;
	pthread_mutex_unlock(&lock);
}

/* Of a thread that calls fork in the middle of its own load there is none. */
static void child(void)
{
	static const pthread_mutex_t unlocked =
	    PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	bool unsure = __atomic_load_n(&holds, __ATOMIC_RELAXED) > 0;

	lock = unlocked;
	holds = mine = 0;
	in_child(unsure);
}

void forks_start(void (*call)(bool unsure))
{
	in_child = call;
	pthread_atfork(forks_prepare, forks_parent, child);
}
