/* SPDX-License-Identifier: MIT
 *
 * Spinning where it pays.
 *
 * Two threads that call each other take 2 µs a call if the kernel has put them
 * on one core, but 70 on two: a core that goes idle in between takes 35 µs to
 * come back on a virtual machine. If each looks at its word for a moment before
 * it sleeps, two cores take 1.5 µs. So Erlang's schedulers do (+sbwt) and
 * glibc's adaptive mutexes.
 *
 * On one core it is only in the way, so whoever was woken last from its own
 * core sleeps at once. On two, a short watch (SHORT, 2 µs) catches a partner
 * who is awake. One who is asleep, and sleeps again before we have woken up,
 * is only caught by a watch that is longer than a wake: a LONG one (60 µs) is
 * made once in LONG_MIN waits, half as often with each that was in vain. A
 * server that waits for a rare request so loses 2 µs a request.
 *
 * Tried and rejected: glibc's running mean of the spins needed. On one core it
 * converges to its minimum, and one that is cheap is too short for another
 * core's answer.
 */
#include "codeserver/spin.h"

#include <sched.h>

enum {
	SHORT = 50, /* pauses, some 40 ns each */
	LONG = 1500,
	LONG_MIN = 16,
	LONG_MAX = 1024
};

void spin_from_here(struct spin *s)
{
	__atomic_store_n(&s->from, sched_getcpu() + 1, __ATOMIC_RELAXED);
}

static bool changes(const uint32_t *word, uint32_t seen, int spins)
{
	for (int i = 0; i < spins; i++) {
		if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != seen)
			return true;
		__builtin_ia32_pause();
	}
	return false;
}

static bool watches_long(struct spin *s, const uint32_t *word, uint32_t seen)
{
	bool changed = changes(word, seen, LONG);

	s->waits = 0;
	s->between = changed ? LONG_MIN : s->between * 2;
	if (s->between < LONG_MIN)
		s->between = LONG_MIN;
	if (s->between > LONG_MAX)
		s->between = LONG_MAX;
	return changed;
}

bool spin_while(struct spin *s, const uint32_t *word, uint32_t seen)
{
	int from = __atomic_load_n(&s->from, __ATOMIC_RELAXED);

	if (!from || from == sched_getcpu() + 1)
		return false;
	if (s->waits++ >= s->between)
		return watches_long(s, word, seen);
	return changes(word, seen, SHORT);
}
