/* SPDX-License-Identifier: MIT
 *
 * What the files process*.c share. Nobody else includes it.
 *
 * One lock, processes.lock, guards everything here but what is marked
 * otherwise. Under it nothing blocks, nothing of the program runs, and nothing
 * is a cancellation point. One lock, because a send, a link and an exit each
 * touch two processes, in any order; its sections are a few dozen instructions
 * long (messages are allocated and filled outside).
 */
#ifndef HW_PROCESS_TABLE_H
#define HW_PROCESS_TABLE_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "codeserver/process-internal.h"
#include "codeserver/server.h"
#include "codeserver/spin.h"

/* --- rings: doubly linked, through a member ------------------------------- */

struct ring {
	struct ring *next, *prev;
};

#define ring_item(r, type, member) \
	((type *)((char *)(r)-offsetof(type, member)))

static inline void ring_init(struct ring *r)
{
	r->next = r->prev = r;
}

static inline bool ring_empty(const struct ring *r)
{
	return r->next == r;
}

static inline void ring_add(struct ring *head, struct ring *r)
{
	r->prev = head->prev;
	r->next = head;
	head->prev->next = r;
	head->prev = r;
}

/* Its item is then in no ring; it may be taken out twice. */
static inline void ring_out(struct ring *r)
{
	r->prev->next = r->next;
	r->next->prev = r->prev;
	ring_init(r);
}

/* --- what there is -------------------------------------------------------- */

/* A message with its place in a queue. */
struct mail {
	struct mail *next;
	struct hw_message m;
};

struct queue {
	struct mail *first, **last;
};

/* A link between two processes: one half hangs on each. NOTICE is the HW_EXIT
 * that the other one may get; it is made with the link, so that the news of a
 * death never fails for want of memory. */
struct half {
	struct ring in; /* owner->links */
	struct process *owner;
	struct half *other;
	struct link *link;
};

struct link {
	struct half half[2];
	struct mail *notice;
};

struct monitor {
	struct ring mine;  /* watcher->monitors */
	struct ring there; /* watched->watchers */
	struct process *watcher;
	hw_ref ref;
	struct mail *notice; /* the HW_DOWN to come */
};

/* Where a process that is to end stands. Only its own thread goes past
 * DYING. */
enum process_life {
	PROCESS_ALIVE,
	PROCESS_DYING,     /* to be ended as soon as it can be */
	PROCESS_UNWINDING, /* its frames are being left */
	PROCESS_GONE
};

#define PROCESS_NAME_MAX 64

struct process {
	/* Constant from the start. */
	hw_pid pid;
	void (*fn)(void *arg);
	void *arg;
	void (*left)(void *arg); /* or NULL */
	const char *initial;
	size_t mailbox_max;
	bool system;        /* it takes system messages */
	uintptr_t stateful; /* the function whose module's state it keeps, or 0
			     */
	hw_pid parent;     /* the process it was linked to at its spawn, or 0 */
	hw_pid stands_for; /* what it links is linked to that one; 0: itself */

	/* Under the lock. */
	pid_t tid; /* 0: its thread has not begun */
	pthread_t thread;
	struct process *next_pid, *next_tid, *next_name; /* hash chains */
	struct ring age;
	char name[PROCESS_NAME_MAX];
	struct queue arrived; /* messages that it has not looked at yet */
	struct ring links, monitors, watchers;
	struct ring calls; /* to it, that wait for an answer */
	bool trap_exit;
	char reason[HW_REASON_MAX]; /* once it is dying */
	bool exits_itself;          /* by hw_exit_self */
	struct ring dying;          /* in the ender's list */
	uint64_t ask_at, ask_wait;  /* ns: when to ask again, how much later */
	uint64_t asked_at;
	bool cancelled; /* pthread_cancel was tried */
	int barrier;    /* its return barrier; -1: none */

	/* Its own thread's. */
	void (*next_fn)(void *arg); /* goes on there when fn has returned */
	void *next_arg;
	struct queue inbox;   /* messages it has looked at */
	uintptr_t planted;    /* where its return barrier stands; 0: nowhere */
	uintptr_t stack_high; /* no frame of the program's is above */
	size_t stack_size;
	struct spin spin; /* before it sleeps */

	struct server_job ended; /* once it is in no table any more */

	/* Atomic. */
	int life;      /* enum process_life; to DYING under the lock */
	int waiting;   /* in hw_receive: the futex wakes it */
	uint32_t wake; /* the futex */
	int sleeps;    /* nobody has woken it since it went to sleep */
	size_t messages, bytes;
	int suspended;      /* by hotwatch/sys.h */
	int asked;          /* a signal is on its way to it */
	uintptr_t sleep_sp; /* where it sleeps in the futex; 0: it does not */
	uintptr_t sleep_pc,
	    sleep_not_bp; /* NOT: it is no pointer to a search */
};

#define PROCESS_BUCKETS 4096
#define PROCESS_WAKES 16

struct processes {
	pthread_mutex_t lock;
	hw_pid last_pid;
	size_t n;
	struct ring age; /* the oldest first */
	struct process *by_pid[PROCESS_BUCKETS], *by_tid[PROCESS_BUCKETS],
	    *by_name[PROCESS_BUCKETS];
	/* Futexes to wake after the lock: who wakes would wait for it. */
	uint32_t *wakes[PROCESS_WAKES];
	unsigned nwakes;
};
extern struct processes processes;

/* The process of this thread, or NULL. Read by a signal handler. */
extern __thread struct process *process_self
    __attribute__((tls_model("initial-exec")));

void processes_lock(void);
void processes_unlock(void);
/* Under the lock: wakes one that sleeps at WORD once it is given back. */
void processes_wake(uint32_t *word);

/* Under the lock. NULL: gone. */
struct process *process_find(hw_pid pid);
struct process *process_find_tid(pid_t tid);
/* Under the lock: who the calling process links for. NULL: that is gone. */
struct process *process_linking(void);
/* Whether there ever was one. */
bool process_was(hw_pid pid);
/* It is in no table and no ring. */
void process_free(struct process *p);

static inline int process_life(const struct process *p)
{
	return __atomic_load_n(&p->life, __ATOMIC_ACQUIRE);
}

/* Runs fn: the outermost frame that counts. */
void process_root(struct process *p) __attribute__((noinline));

/*
 * A spawn as the library makes them. NAMED: the function that it is known by
 * (NULL: FN); whose module's state it keeps, but if LIBRARY. FIRST lies in its
 * mailbox from the start; consumed. CALL is tied to it from the start: if it
 * ends without an answer, that is told. LEFT gets ARG when all its frames are
 * gone, also if it was ended before the first, and before anybody hears of it.
 * What it then links, or spawns with `link`, is linked to the process
 * STANDS_FOR (0: to itself).
 */
struct call;
struct spawning {
	void (*fn)(void *arg);
	void *arg;
	const struct hw_spawn_options *options;
	void (*named)(void);
	bool library;
	struct mail *first;
	struct call *call;
	void (*left)(void *arg);
	hw_pid stands_for;
};
int process_spawn(struct spawning *s, hw_pid *pid);

/* --- mailbox.c ------------------------------------------------------------ */

/* A message with a copy of DATA; NULL: it is to be filled. */
struct mail *mail_make(const void *data, size_t size);
/* What the calling process says, of KIND. 0, or an error and NULL. */
int mail_of(const void *data, size_t size, enum hw_message_kind kind,
	    hw_ref ref, struct mail **mail);
void mail_free(struct mail *mail);
void queue_init(struct queue *q);
void queue_free(struct queue *q);
/* Under the lock; wakes it. */
void mailbox_put(struct process *p, struct mail *mail);
/* Own process, under the lock: takes out the HW_DOWN of REF, if it came. */
struct mail *mailbox_take_down(struct process *p, hw_ref ref);
/* Under the lock: as hw_send; the bound of the mailbox holds. MAIL is consumed.
 */
int mailbox_post(struct process *p, struct mail *mail);
int mailbox_send(hw_pid pid, struct mail *mail);
/* Under the lock. */
void process_wake(struct process *p);

/* --- process-sleep.c ------------------------------------------------------ */

/* Own process: sleeps unless it was woken since P->wake was SEEN. False: END
 * (ns; 0: there is none) has come. */
bool process_sleep(struct process *p, uint32_t seen, uint64_t end);
uint64_t wait_end(int timeout_ms); /* in ns; 0: there is none */

/* --- process-call.c ------------------------------------------------------- */

/*
 * One question that waits for its answer. It lies with the one who asks (on
 * the stack of a thread that waits), and hangs on the process that is asked
 * until it is settled: by an answer, by that process's end, or because nobody
 * waits any more. All of it changes under the lock, and is not touched by
 * others once it is settled.
 */
struct call {
	struct ring there; /* callee->calls */
	struct call *next; /* of the same bucket of refs */
	bool tied;
	hw_ref ref;
	struct process *caller; /* NULL: a foreign thread waits, or nobody */
	/* Instead of waking a thread, under the lock. The call is its. */
	void (*done)(struct call *c);
	uint32_t settled;    /* atomic: a futex of foreign threads */
	struct spin *spin;   /* that one's, or NULL */
	struct mail *answer; /* NULL: it ended first, of REASON */
	char reason[HW_REASON_MAX];
};

void call_init(struct call *c);
/* Under the lock. */
void call_tie(struct call *c, struct process *to);
void calls_fire(struct process *p);
void calls_forked(struct process *kept);
/* Sends MAIL, which is consumed, and ties C. 0 or an error (and C is free). */
int call_send(struct call *c, hw_pid to, struct mail *mail);
/* 0: C->answer (the caller frees it); -ECONNRESET: it ended, of C->reason;
 * -ETIMEDOUT. A process that is to end ends here. */
int call_wait(struct call *c, int timeout_ms);
/* All three: C->answer, or an error, noted. MAIL is consumed; NULL: there was
 * no memory for it. */
int call_ask(struct call *c, hw_pid to, struct mail *mail, int timeout_ms);
/* Nobody waits any more. False: it was settled before. */
bool call_leave(struct call *c);
/* To whoever waits for REF; else it is dropped. Consumed. */
void call_answer(hw_ref ref, struct mail *answer);
/* Notes why the last call of this thread failed; returns ERROR. */
int call_failed(int error, const char *reason);

/* --- process-links.c ------------------------------------------------------ */

/* Under the lock: tells all that P ended. */
void links_fire(struct process *p);
/* Under the lock: forgets all links and monitors of P, telling nobody. */
void links_forget(struct process *p);
/* Under the lock; the memory comes from the caller. */
struct link *link_make(void);
void link_tie(struct link *l, struct process *a, struct process *b);
void link_free(struct link *l);
struct monitor *monitor_make(void);
void monitor_tie(struct monitor *m, struct process *watcher,
		 struct process *watched);
void monitor_free(struct monitor *m);
/* Under the lock: an exit signal from FROM reaches P. NOTICE (not NULL) is
 * consumed. KILL: untrappable. */
void exit_deliver(struct process *p, hw_pid from, const char *reason,
		  struct mail *notice, bool kill);
void reason_copy(char to[HW_REASON_MAX], const char *reason);

/* --- process-names.c ------------------------------------------------------ */

/* Under the lock. 0 or an error. */
int name_set(struct process *p, const char *name);
void name_drop(struct process *p);
bool name_good(const char *name);

/* --- process-kill.c ------------------------------------------------------- */

/* Before the first spawn; 0 or an error. */
int kill_prepare(void);
/* Under the lock: P is to end, of REASON. */
void process_condemn(struct process *p, const char *reason);
/* Under the lock: no more of P. */
void kill_forget(struct process *p);
/* Under the lock, in a forked child: KEPT (may be NULL) is the only one. */
void kill_forked(struct process *kept);
uint64_t kill_now(void); /* CLOCK_MONOTONIC, ns */

/* --- process-stop.c: compiled without sanitizers -------------------------- */

/* Finds what the handler needs, and a signal: its number, or an error. */
int stop_prepare(void);
/* Whether pthread_cancel may be used. */
bool stop_may_cancel(void);
/* Ends the calling process here: it is dying, and this is a good place. */
void stop_here(struct process *p) __attribute__((noreturn));
/* Ends the calling process P if that was asked for; but not from a cleanup. */
static inline void process_end_if_dying(struct process *p)
{
	if (process_life(p) == PROCESS_DYING)
		stop_here(p);
}

/* Under the lock: gives P a barrier to be planted (-1: none is free), and
 * takes it back. */
int barrier_take(struct process *p);
void barrier_give(int index);

/* --- sys-obey.c ----------------------------------------------------------- */

/* Whether a function is one of the library's loops: below a frame of the
 * program's it holds nothing. They lie in the section hw_loop. */
bool sys_loop_has(uintptr_t start);

/* --- process-methods.c ---------------------------------------------------- */

/* P has ended, and nobody has it any more: it is told, and freed. */
void process_ended(struct process *p);

#endif
