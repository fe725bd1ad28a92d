/* SPDX-License-Identifier: MIT
 *
 * Mailboxes: two queues each. Senders put a message at the end of `arrived`,
 * under the lock, and wake the owner, once, when they have given it back. The
 * owner moves all of that to the end of `inbox`, which is its own, and looks
 * for its message there without any lock: so MATCH, which is the program's
 * code, may take its time, and a process that is ended in it leaves all in
 * order.
 *
 * The bound counts both queues, headers and all, for messages of hw_send. What
 * tells of an exit does not count and was allocated when the link or monitor
 * was made: it always arrives.
 *
 * A process that waits is ended by itself: whoever condemns it wakes the futex,
 * and it looks at its own state first whenever it wakes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/process-table.h"

#define PUBLIC __attribute__((visibility("default")))

/* --- messages and queues -------------------------------------------------- */

struct mail *mail_make(const void *data, size_t size)
{
	struct mail *mail;

	if (size > SIZE_MAX - sizeof(*mail))
		return NULL;
	mail = malloc(sizeof(*mail) + size);
	if (!mail)
		return NULL;
	memset(mail, 0, sizeof(*mail));
	mail->m.size = size;
	if (data)
		memcpy(mail->m.data, data, size);
	return mail;
}

void mail_free(struct mail *mail)
{
	free(mail);
}

PUBLIC void hw_message_free(struct hw_message *m)
{
	if (m)
		free((char *)m - offsetof(struct mail, m));
}

void queue_init(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

void queue_free(struct queue *q)
{
	struct mail *next;

	for (struct mail *m = q->first; m; m = next) {
		next = m->next;
		mail_free(m);
	}
	queue_init(q);
}

static void queue_add(struct queue *q, struct mail *mail)
{
	mail->next = NULL;
	__atomic_store_n(q->last, mail, __ATOMIC_RELEASE);
	q->last = &mail->next;
}

static struct mail *queue_take(struct queue *q, struct mail **at)
{
	struct mail *mail = *at;

	*at = mail->next;
	if (!mail->next)
		q->last = at;
	return mail;
}

static size_t mail_bytes(const struct mail *mail)
{
	return sizeof(*mail) + mail->m.size;
}

/* --- putting in ----------------------------------------------------------- */

void process_wake(struct process *p)
{
	spin_from_here(&p->spin);
	__atomic_add_fetch(&p->wake, 1, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&p->sleeps, 0, __ATOMIC_SEQ_CST))
		processes_wake(&p->wake);
}

void mailbox_put(struct process *p, struct mail *mail)
{
	__atomic_add_fetch(&p->messages, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&p->bytes, mail_bytes(mail), __ATOMIC_RELAXED);
	queue_add(&p->arrived, mail);
	process_wake(p);
}

int mailbox_post(struct process *p, struct mail *mail)
{
	if (__atomic_load_n(&p->bytes, __ATOMIC_RELAXED) + mail_bytes(mail) >
	    p->mailbox_max) {
		mail_free(mail);
		return -EAGAIN;
	}
	mailbox_put(p, mail);
	return 0;
}

int mailbox_send(hw_pid pid, struct mail *mail)
{
	struct process *p;
	int r = 0;

	processes_lock();
	p = process_find(pid);
	if (p) {
		r = mailbox_post(p, mail);
	} else {
		r = process_was(pid) ? 0 : -ESRCH;
		mail_free(mail);
	}
	processes_unlock();
	return r;
}

int mail_of(const void *data, size_t size, enum hw_message_kind kind,
	    hw_ref ref, struct mail **mail)
{
	*mail = NULL;
	if (!data && size)
		return -EINVAL;
	*mail = mail_make(data, size);
	if (!*mail)
		return -ENOMEM;
	(*mail)->m.kind = kind;
	(*mail)->m.from = hw_self();
	(*mail)->m.ref = ref;
	return 0;
}

PUBLIC int hw_send_ref(hw_pid pid, hw_ref ref, const void *data, size_t size)
{
	struct mail *mail;
	int r = mail_of(data, size, HW_MESSAGE, ref, &mail);

	return r ? r : mailbox_send(pid, mail);
}

PUBLIC int hw_send(hw_pid pid, const void *data, size_t size)
{
	return hw_send_ref(pid, 0, data, size);
}

PUBLIC hw_ref hw_make_ref(void)
{
	static hw_ref last;

	return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

/* --- taking out ----------------------------------------------------------- */

/* What has come goes behind what was looked at. What comes after the look
 * without the lock has not been seen, and has changed the futex. */
static void mailbox_look(struct process *p)
{
	if (!__atomic_load_n(&p->arrived.first, __ATOMIC_ACQUIRE))
		return;
	processes_lock();
	*p->inbox.last = p->arrived.first;
	p->inbox.last = p->arrived.last;
	queue_init(&p->arrived);
	processes_unlock();
}

static void mailbox_less(struct process *p, const struct mail *mail)
{
	__atomic_sub_fetch(&p->messages, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&p->bytes, mail_bytes(mail), __ATOMIC_RELAXED);
}

static struct mail *mailbox_take(struct process *p, struct mail **at)
{
	struct mail *mail = queue_take(&p->inbox, at);

	mailbox_less(p, mail);
	return mail;
}

static struct mail *queue_take_down(struct queue *q, hw_ref ref)
{
	for (struct mail **at = &q->first; *at; at = &(*at)->next)
		if ((*at)->m.kind == HW_DOWN && (*at)->m.ref == ref)
			return queue_take(q, at);
	return NULL;
}

struct mail *mailbox_take_down(struct process *p, hw_ref ref)
{
	struct mail *mail = queue_take_down(&p->inbox, ref);

	if (!mail)
		mail = queue_take_down(&p->arrived, ref);
	if (mail)
		mailbox_less(p, mail);
	return mail;
}

/* Known by its address to process-stop.c: a process may be ended in MATCH. */
PUBLIC struct hw_message *
hw_receive_match(bool (*match)(const struct hw_message *m, void *arg),
		 void *arg, int timeout_ms)
{
	struct process *p = process_self;
	uint64_t end = wait_end(timeout_ms);
	bool more = true;
	struct mail **at;

	if (!p) {
		errno = EPERM;
		return NULL;
	}
	for (at = &p->inbox.first;;) {
		uint32_t seen = __atomic_load_n(&p->wake, __ATOMIC_SEQ_CST);

		process_end_if_dying(p); /* without a look under the lock */
		/* In this order: an exit signal that was sent before a
		 * message is obeyed before the message is seen. */
		mailbox_look(p);
		process_end_if_dying(p);
		for (; *at; at = &(*at)->next)
			if (!match || match(&(*at)->m, arg))
				return &mailbox_take(p, at)->m;
		if (!more || timeout_ms == 0)
			break;
		more = process_sleep(p, seen, end);
	}
	errno = ETIMEDOUT;
	return NULL;
}

PUBLIC struct hw_message *hw_receive(int timeout_ms)
{
	return hw_receive_match(NULL, NULL, timeout_ms);
}
