/* SPDX-License-Identifier: MIT
 *
 * Links, monitors and exit signals, with Erlang's outcomes:
 *
 *	signal		to one that traps	to one that does not
 *	"kill"		ends it, "killed"	ends it, "killed"
 *	"normal"	HW_EXIT			nothing; to itself: ends it
 *	another		HW_EXIT			ends it, of that reason
 *	a linked one's	HW_EXIT			the same, and "kill" is a
 *	end					reason like any other
 *
 * All under one lock, so a link is there on both sides or on none. What an end
 * tells was allocated with the link or monitor: nobody misses the news because
 * memory is short.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/process-table.h"

#define PUBLIC __attribute__((visibility("default")))

void reason_copy(char to[HW_REASON_MAX], const char *reason)
{
	strncpy(to, reason ? reason : "normal", HW_REASON_MAX - 1);
	to[HW_REASON_MAX - 1] = '\0';
}

void exit_deliver(struct process *p, hw_pid from, const char *reason,
		  struct mail *notice, bool kill)
{
	if (!kill && p->trap_exit) {
		notice->m.kind = HW_EXIT;
		notice->m.from = from;
		reason_copy(notice->m.reason, reason);
		mailbox_put(p, notice);
		return;
	}
	mail_free(notice);
	if (kill || from == p->pid || strcmp(reason, "normal") != 0)
		process_condemn(p, reason);
}

/* --- links ---------------------------------------------------------------- */

struct link *link_make(void)
{
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->notice = mail_make(NULL, 0);
	if (l->notice)
		return l;
	free(l);
	return NULL;
}

void link_free(struct link *l)
{
	if (l)
		mail_free(l->notice);
	free(l);
}

static void half_tie(struct link *l, int i, struct process *p)
{
	l->half[i].owner = p;
	l->half[i].other = &l->half[!i];
	l->half[i].link = l;
	ring_add(&p->links, &l->half[i].in);
}

void link_tie(struct link *l, struct process *a, struct process *b)
{
	half_tie(l, 0, a);
	half_tie(l, 1, b);
}

static void link_cut(struct link *l)
{
	ring_out(&l->half[0].in);
	ring_out(&l->half[1].in);
}

static struct link *link_find(struct process *p, hw_pid to)
{
	for (struct ring *r = p->links.next; r != &p->links; r = r->next) {
		struct half *h = ring_item(r, struct half, in);

		if (h->other->owner->pid == to)
			return h->link;
	}
	return NULL;
}

/* Under the lock. L is consumed. */
static int link_to(struct process *me, hw_pid pid, struct link *l)
{
	struct process *p = process_find(pid);

	if (p && p != me && !link_find(me, pid)) {
		link_tie(l, me, p);
		return 0;
	}
	if (!p && !process_was(pid)) {
		link_free(l);
		return -ESRCH;
	}
	if (!p) {
		exit_deliver(me, pid, "noproc", l->notice, false);
		l->notice = NULL;
	}
	link_free(l);
	return 0;
}

PUBLIC int hw_link(hw_pid pid)
{
	struct process *me = process_self, *of;
	struct link *l;
	int r;

	if (!me)
		return -EPERM;
	l = link_make();
	if (!l)
		return -ENOMEM;
	processes_lock();
	of = process_linking();
	r = of ? link_to(of, pid, l) : -ESRCH;
	processes_unlock();
	if (!of)
		link_free(l);
	process_end_if_dying(me);
	return r;
}

PUBLIC int hw_unlink(hw_pid pid)
{
	struct process *of;
	struct link *l;

	if (!process_self)
		return -EPERM;
	processes_lock();
	of = process_linking();
	l = of ? link_find(of, pid) : NULL;
	if (l)
		link_cut(l);
	processes_unlock();
	link_free(l);
	return 0;
}

PUBLIC bool hw_trap_exit(bool on)
{
	struct process *me = process_self;
	bool was;

	if (!me)
		return false;
	processes_lock();
	was = me->trap_exit;
	me->trap_exit = on;
	processes_unlock();
	return was;
}

/* --- monitors ------------------------------------------------------------- */

struct monitor *monitor_make(void)
{
	struct monitor *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->notice = mail_make(NULL, 0);
	if (!m->notice) {
		free(m);
		return NULL;
	}
	m->ref = hw_make_ref();
	m->notice->m.kind = HW_DOWN;
	m->notice->m.ref = m->ref;
	return m;
}

void monitor_free(struct monitor *m)
{
	if (m)
		mail_free(m->notice);
	free(m);
}

void monitor_tie(struct monitor *m, struct process *watcher,
		 struct process *watched)
{
	m->watcher = watcher;
	ring_add(&watcher->monitors, &m->mine);
	ring_add(&watched->watchers, &m->there);
}

static void monitor_cut(struct monitor *m)
{
	ring_out(&m->mine);
	ring_out(&m->there);
}

/* M is in no ring any more; consumed. */
static void monitor_fire(struct monitor *m, struct process *watcher, hw_pid who,
			 const char *reason)
{
	m->notice->m.from = who;
	reason_copy(m->notice->m.reason, reason);
	mailbox_put(watcher, m->notice);
	free(m);
}

PUBLIC hw_ref hw_monitor(hw_pid pid)
{
	struct process *me = process_self, *p;
	struct monitor *m = me ? monitor_make() : NULL;
	hw_ref ref;

	if (!m) {
		errno = me ? ENOMEM : EPERM;
		return 0;
	}
	ref = m->ref;
	processes_lock();
	p = process_find(pid);
	if (p)
		monitor_tie(m, me, p);
	else
		monitor_fire(m, me, pid, "noproc");
	processes_unlock();
	return ref;
}

static struct monitor *monitor_find(struct process *me, hw_ref ref)
{
	for (struct ring *r = me->monitors.next; r != &me->monitors;
	     r = r->next) {
		struct monitor *m = ring_item(r, struct monitor, mine);

		if (m->ref == ref)
			return m;
	}
	return NULL;
}

PUBLIC int hw_demonitor(hw_ref ref)
{
	struct process *me = process_self;
	struct mail *came = NULL;
	struct monitor *m;

	if (!me)
		return -EPERM;
	processes_lock();
	m = monitor_find(me, ref);
	if (m)
		monitor_cut(m);
	else
		came = mailbox_take_down(me, ref);
	processes_unlock();
	monitor_free(m);
	mail_free(came);
	return 0;
}

/* --- the end of one ------------------------------------------------------- */

void links_fire(struct process *p)
{
	while (!ring_empty(&p->links)) {
		struct half *h = ring_item(p->links.next, struct half, in);
		struct process *other = h->other->owner;
		struct link *l = h->link;

		link_cut(l);
		exit_deliver(other, p->pid, p->reason, l->notice, false);
		free(l);
	}
	while (!ring_empty(&p->watchers)) {
		struct monitor *m =
		    ring_item(p->watchers.next, struct monitor, there);

		monitor_cut(m);
		monitor_fire(m, m->watcher, p->pid, p->reason);
	}
	links_forget(p);
}

static void monitors_forget(struct ring *head, size_t member)
{
	while (!ring_empty(head)) {
		struct monitor *m =
		    (struct monitor *)((char *)head->next - member);

		monitor_cut(m);
		monitor_free(m);
	}
}

void links_forget(struct process *p)
{
	while (!ring_empty(&p->links)) {
		struct link *l =
		    ring_item(p->links.next, struct half, in)->link;

		link_cut(l);
		link_free(l);
	}
	monitors_forget(&p->monitors, offsetof(struct monitor, mine));
	monitors_forget(&p->watchers, offsetof(struct monitor, there));
}

/* --- hw_exit -------------------------------------------------------------- */

PUBLIC int hw_exit(hw_pid pid, const char *reason)
{
	bool kill = reason && strcmp(reason, "kill") == 0;
	char copy[HW_REASON_MAX];
	struct process *p;
	struct mail *notice;
	bool was;

	if (!reason || !*reason)
		return -EINVAL;
	notice = mail_make(NULL, 0);
	if (!notice)
		return -ENOMEM;
	reason_copy(copy, kill ? "killed" : reason);
	processes_lock();
	p = process_find(pid);
	was = process_was(pid);
	if (p)
		exit_deliver(p, hw_self(), copy, notice, kill);
	else
		mail_free(notice);
	processes_unlock();
	/* A signal to oneself has arrived when this returns. */
	if (p && p == process_self)
		process_end_if_dying(p);
	return was ? 0 : -ESRCH;
}

PUBLIC void hw_exit_self(const char *reason)
{
	struct process *p = process_self;

	if (p) {
		processes_lock();
		p->exits_itself = process_life(p) == PROCESS_ALIVE;
		process_condemn(p, reason);
		processes_unlock();
	}
	stop_here(p);
}
