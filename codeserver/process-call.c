/* SPDX-License-Identifier: MIT
 *
 * Calls: a question to a process, and the wait for its answer or its end.
 *
 * One call is what Erlang makes of a monitor, a message and an alias, in two
 * sections of the lock: sending ties it to the process that is asked, the
 * answer unties it. It lies with the one who asks, so it allocates nothing, and
 * any thread can make one, not only processes: what a foreign thread has no
 * mailbox for comes into the call itself. An answer to a call that nobody waits
 * for (timed out, its caller ended) finds no such ref and is dropped; it never
 * turns up in a mailbox, as it did in Erlang before it had aliases.
 *
 * A process that waits here waits as in hw_receive: it can be ended, and takes
 * its call out as it is unwound. A foreign thread waits at no cancellation
 * point. The code server's thread must not wait: its calls have DONE instead.
 */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "codeserver/process-table.h"

#define PUBLIC __attribute__((visibility("default")))
#define BUCKETS 1024

static struct call *by_ref[BUCKETS];

static __thread char failed[HW_REASON_MAX]
    __attribute__((tls_model("initial-exec")));

/* Of a thread that is no process. It waits, so it is there when it is woken. */
static __thread struct spin foreign __attribute__((tls_model("initial-exec")));

int call_failed(int error, const char *reason)
{
	reason_copy(failed, reason);
	return error;
}

PUBLIC const char *hw_call_reason(void)
{
	return failed;
}

/* --- under the lock ------------------------------------------------------- */

static struct call **bucket(hw_ref ref)
{
	return &by_ref[ref % BUCKETS];
}

void call_tie(struct call *c, struct process *to)
{
	struct call **head = bucket(c->ref);

	ring_add(&to->calls, &c->there);
	c->next = *head;
	*head = c;
	c->tied = true;
}

static void call_untie(struct call *c)
{
	struct call **at = bucket(c->ref);

	if (!c->tied)
		return;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	ring_out(&c->there);
	c->tied = false;
}

/* C is its owner's again, and may be gone, once it is settled. */
static void call_settle(struct call *c)
{
	struct process *caller = c->caller;

	call_untie(c);
	if (c->done) {
		c->done(c);
		return;
	}
	if (c->spin)
		spin_from_here(c->spin);
	__atomic_store_n(&c->settled, 1, __ATOMIC_SEQ_CST);
	if (caller)
		process_wake(caller);
	else
		processes_wake(&c->settled);
}

void calls_fire(struct process *p)
{
	while (!ring_empty(&p->calls)) {
		struct call *c = ring_item(p->calls.next, struct call, there);

		memcpy(c->reason, p->reason, sizeof(c->reason));
		call_settle(c);
	}
}

/* Those who waited are threads of the parent's. */
void calls_forked(struct process *kept)
{
	memset(by_ref, 0, sizeof(by_ref));
	if (kept)
		ring_init(&kept->calls);
}

/* --- asking --------------------------------------------------------------- */

void call_init(struct call *c)
{
	memset(c, 0, sizeof(*c));
	ring_init(&c->there);
	c->ref = hw_make_ref();
	c->caller = process_self;
	c->spin = c->caller ? NULL : &foreign;
}

static int call_post(struct call *c, hw_pid to, struct mail *mail)
{
	struct process *p = process_find(to);
	int r;

	if (!p || (mail->m.kind == HW_SYSTEM && !p->system)) {
		mail_free(mail);
		return p ? -EOPNOTSUPP : -ESRCH;
	}
	r = mailbox_post(p, mail);
	if (!r)
		call_tie(c, p);
	return r;
}

int call_send(struct call *c, hw_pid to, struct mail *mail)
{
	int r;

	mail->m.from = hw_self();
	mail->m.ref = c->ref;
	if (to && to == hw_self()) {
		mail_free(mail);
		return call_failed(-EDEADLK, "calling_self");
	}
	processes_lock();
	r = call_post(c, to, mail);
	processes_unlock();
	switch (r) {
	case -ESRCH:
		return call_failed(r, "noproc");
	case -EOPNOTSUPP:
		return call_failed(r, "not_special");
	case -EAGAIN:
		return call_failed(r, "system_limit");
	}
	return r;
}

bool call_leave(struct call *c)
{
	bool tied;

	processes_lock();
	tied = c->tied;
	call_untie(c);
	processes_unlock();
	return tied;
}

static void left(void *arg)
{
	struct call *c = arg;

	call_leave(c);
	mail_free(c->answer);
}

static void process_await(struct call *c, uint64_t end)
{
	struct process *p = process_self;
	bool more = true;

	for (;;) {
		uint32_t seen = __atomic_load_n(&p->wake, __ATOMIC_SEQ_CST);

		process_end_if_dying(p);
		if (!more || __atomic_load_n(&c->settled, __ATOMIC_ACQUIRE))
			return;
		more = process_sleep(p, seen, end);
	}
}

static void foreign_await(struct call *c, uint64_t end)
{
	struct timespec t = {(time_t)(end / 1000000000),
			     (long)(end % 1000000000)};

	spin_while(c->spin, &c->settled, 0);
	while (!__atomic_load_n(&c->settled, __ATOMIC_ACQUIRE) &&
	       (!end || kill_now() < end))
		syscall(SYS_futex, &c->settled, FUTEX_WAIT_BITSET_PRIVATE, 0,
			end ? &t : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
}

int call_wait(struct call *c, int timeout_ms)
{
	uint64_t end = wait_end(timeout_ms);

	pthread_cleanup_push(left, c);
	if (c->caller)
		process_await(c, end);
	else
		foreign_await(c, end);
	pthread_cleanup_pop(0);
	if (!__atomic_load_n(&c->settled, __ATOMIC_ACQUIRE) && call_leave(c))
		return call_failed(-ETIMEDOUT, "timeout");
	return c->answer ? 0 : call_failed(-ECONNRESET, c->reason);
}

int call_ask(struct call *c, hw_pid to, struct mail *mail, int timeout_ms)
{
	int r;

	if (!mail)
		return call_failed(-ENOMEM, "system_limit");
	call_init(c);
	r = call_send(c, to, mail);
	return r ? r : call_wait(c, timeout_ms);
}

/* --- answering ------------------------------------------------------------ */

void call_answer(hw_ref ref, struct mail *answer)
{
	struct call *c;

	processes_lock();
	c = *bucket(ref);
	while (c && c->ref != ref)
		c = c->next;
	if (c) {
		c->answer = answer;
		call_settle(c);
	}
	processes_unlock();
	if (!c)
		mail_free(answer);
}
