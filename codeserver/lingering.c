/* SPDX-License-Identifier: MIT
 *
 * A moment after a load (not at once: a burst of loads has its way first) what
 * nothing holds is purged; while something stays it is looked at again, at
 * least LOOK_MS apart, so that a version is gone 100 ms after its last holder.
 * A look costs microseconds while it is held by what held it before
 * (holders.h), but may cost more: the code server takes a twentieth of one
 * processor for it at most, and looks less often where a look is that dear.
 *
 * Constants that are pointed to seldom become free, and to see that takes a
 * search of all memory: that is tried at growing intervals.
 */
#include "codeserver/lingering.h"

#include <time.h>

#include "codeserver/methods.h"
#include "codeserver/purge.h"
#include "codeserver/server.h"

#define FIRST_MS 20
#define LOOK_MS 50
#define LOOK_MAX_MS 2000
#define FENCED_MIN_MS 100
#define FENCED_MAX_MS 30000
#define SHARE 20

static struct {
	struct server_timer timer;
	unsigned given_up;    /* looks in a row that made way for a request */
	unsigned fenced_wait; /* until constants are looked at again */
	uint64_t fenced_at;
} lingering;

static unsigned look_cost(uint64_t since_us, uint64_t now_us)
{
	uint64_t ms = (now_us - since_us) * SHARE / 1000;

	return ms < LOOK_MS       ? LOOK_MS
	       : ms > LOOK_MAX_MS ? LOOK_MAX_MS
				  : (unsigned)ms;
}

static uint64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* A request interrupts a look, but not for ever. */
static bool look(bool fenced)
{
	bool patient = lingering.given_up++ < 3;
	struct fates fates = {0};

	purge_all(fenced, &fates, patient ? server_busy : NULL, NULL);
	if (!patient || !server_busy(NULL))
		lingering.given_up = 0;
	fates_tell(&fates, NULL);
	fates_free(&fates);
	return lingering.given_up == 0;
}

static void linger_step(struct server_timer *timer)
{
	uint64_t began = cpu_us();
	bool fenced = server_now() >= lingering.fenced_at;
	bool whole = look(fenced);
	unsigned wait;

	if (fenced && whole) {
		lingering.fenced_at = server_now() + lingering.fenced_wait;
		if (lingering.fenced_wait < FENCED_MAX_MS)
			lingering.fenced_wait *= 2;
	}
	wait = look_cost(began, cpu_us());
	if (purge_wanted(false))
		server_later(timer, wait);
	else if (purge_wanted(true))
		server_later(timer, lingering.fenced_wait);
}

void lingering_loaded(void)
{
	struct server_timer *t = &lingering.timer;

	if (!purge_wanted(true))
		return;
	t->run = linger_step;
	lingering.fenced_wait = FENCED_MIN_MS;
	lingering.fenced_at = server_now();
	if (!t->at || t->at > server_now() + FIRST_MS)
		server_later(t, FIRST_MS);
}

void lingering_forked(void)
{
	lingering.timer.at = 0;
}
