/* SPDX-License-Identifier: MIT
 *
 * The table of processes; how one begins and how it is over.
 *
 * A process is in the table from before its thread exists until all its frames
 * are gone, whichever way they went: fn returned, or they were unwound (see
 * process-stop.c). The last thing it does is to take itself out of the table
 * and to tell its links and monitors, all under one lock: so whoever hears of
 * its end, asks for it by name or sends to it, finds it gone. Its struct goes
 * to the code server's thread then, as the note of its end, and is freed there:
 * others use it under the lock only. A thread that ends allocates and frees
 * nothing, which would be the first time for many, and an arena made for it.
 *
 * A pid is a number that is counted up, never a pointer or an index: it is
 * never used twice. The end is caught by a registered cleanup handler, not by a
 * frame's: it is served from wherever the thread is ended, even by the
 * program's own pthread_exit through code without unwind tables.
 *
 * After a fork there is one thread. If it was a process it still is, with its
 * pid, mailbox and name; all others are dropped without a word: they did not
 * end, they run in the parent.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "codeserver/forks.h"
#include "codeserver/guest.h"
#include "codeserver/process-table.h"

#define MAILBOX_MAX (64ul << 20)
#define STACK_LEAST (64ul << 10) /* room for an unwind */
#define PUBLIC __attribute__((visibility("default")))

struct processes processes = {.lock = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP};
__thread struct process *process_self
    __attribute__((tls_model("initial-exec")));

void processes_lock(void)
{
	pthread_mutex_lock(&processes.lock);
}

/* A word may be gone by the time that it is woken: then it is nobody's, or it
 * wakes somebody for nothing, which a futex's users bear. */
static void wake_word(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void processes_wake(uint32_t *word)
{
	if (processes.nwakes < PROCESS_WAKES)
		processes.wakes[processes.nwakes++] = word;
	else
		wake_word(word);
}

void processes_unlock(void)
{
	unsigned n = processes.nwakes;
	uint32_t *wakes[PROCESS_WAKES];

	memcpy(wakes, processes.wakes, n * sizeof(wakes[0]));
	processes.nwakes = 0;
	pthread_mutex_unlock(&processes.lock);
	for (unsigned i = 0; i < n; i++)
		wake_word(wakes[i]);
}

/* --- the table ------------------------------------------------------------ */

struct process *process_find(hw_pid pid)
{
	struct process *p = processes.by_pid[pid % PROCESS_BUCKETS];

	while (p && p->pid != pid)
		p = p->next_pid;
	return p;
}

struct process *process_find_tid(pid_t tid)
{
	struct process *p = processes.by_tid[tid % PROCESS_BUCKETS];

	while (p && p->tid != tid)
		p = p->next_tid;
	return p;
}

struct process *process_linking(void)
{
	hw_pid pid = process_self->stands_for;

	return pid ? process_find(pid) : process_self;
}

bool process_was(hw_pid pid)
{
	return pid > 0 && pid <= processes.last_pid;
}

static void table_add(struct process *p)
{
	struct process **head;

	p->pid = ++processes.last_pid;
	head = &processes.by_pid[p->pid % PROCESS_BUCKETS];
	p->next_pid = *head;
	*head = p;
	ring_add(&processes.age, &p->age);
	__atomic_add_fetch(&processes.n, 1, __ATOMIC_RELAXED);
}

static void table_tid_add(struct process *p, pid_t tid)
{
	struct process **head = &processes.by_tid[tid % PROCESS_BUCKETS];

	p->tid = tid;
	p->next_tid = *head;
	*head = p;
}

static void table_tid_remove(struct process *p)
{
	struct process **at = &processes.by_tid[p->tid % PROCESS_BUCKETS];

	for (; p->tid && *at; at = &(*at)->next_tid) {
		if (*at != p)
			continue;
		*at = p->next_tid;
		return;
	}
}

static void table_remove(struct process *p)
{
	struct process **at = &processes.by_pid[p->pid % PROCESS_BUCKETS];

	while (*at != p)
		at = &(*at)->next_pid;
	*at = p->next_pid;
	table_tid_remove(p);
	name_drop(p);
	ring_out(&p->age);
	__atomic_sub_fetch(&processes.n, 1, __ATOMIC_RELAXED);
}

void process_free(struct process *p)
{
	queue_free(&p->arrived);
	queue_free(&p->inbox);
	free(p);
}

/* --- its end, from outside --------------------------------------------------
 */

static uint32_t ends, end_waiters;

/* Not under the lock: whoever waits looks at the table again. */
static void end_tell(void)
{
	__atomic_add_fetch(&ends, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&end_waiters, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &ends, FUTEX_WAKE_PRIVATE, INT_MAX, NULL,
			NULL, 0);
}

static int foreign_wait(hw_pid pid, int timeout_ms)
{
	uint64_t end = kill_now() + (uint64_t)timeout_ms * 1000000;
	struct timespec t = {(time_t)(end / 1000000000),
			     (long)(end % 1000000000)};
	int r = -ETIMEDOUT;

	__atomic_add_fetch(&end_waiters, 1, __ATOMIC_SEQ_CST);
	do {
		uint32_t seen = __atomic_load_n(&ends, __ATOMIC_SEQ_CST);

		if (!process_exists(pid)) {
			r = 0;
			break;
		}
		syscall(SYS_futex, &ends, FUTEX_WAIT_BITSET_PRIVATE, seen,
			timeout_ms < 0 ? NULL : &t, NULL,
			FUTEX_BITSET_MATCH_ANY);
	} while (timeout_ms < 0 || kill_now() < end);
	__atomic_sub_fetch(&end_waiters, 1, __ATOMIC_SEQ_CST);
	return r == 0 || !process_exists(pid) ? 0 : r;
}

static bool is_down(const struct hw_message *m, void *ref)
{
	return m->kind == HW_DOWN && m->ref == *(hw_ref *)ref;
}

/* A process waits in its mailbox, where it can be ended. */
PUBLIC int hw_wait(hw_pid pid, int timeout_ms)
{
	struct hw_message *m;
	hw_ref ref;

	if (!process_self)
		return foreign_wait(pid, timeout_ms);
	ref = hw_monitor(pid);
	if (!ref)
		return -ENOMEM;
	m = hw_receive_match(is_down, &ref, timeout_ms);
	hw_demonitor(ref);
	hw_message_free(m);
	return m ? 0 : -ETIMEDOUT;
}

/* --- its thread ----------------------------------------------------------- */

/* All frames are gone. */
static void process_finish(void *arg)
{
	struct process *p = arg;
	char name[PROCESS_NAME_MAX];

	__atomic_store_n(&p->waiting, 0, __ATOMIC_RELAXED);
	if (p->left)
		p->left(p->arg);
	processes_lock();
	if (process_life(p) == PROCESS_ALIVE)
		reason_copy(p->reason, "normal");
	__atomic_store_n(&p->life, PROCESS_GONE, __ATOMIC_RELEASE);
	kill_forget(p);
	memcpy(name, p->name, sizeof(name));
	table_remove(p);
	memcpy(p->name, name, sizeof(name)); /* for those who are told */
	links_fire(p);
	calls_fire(p);
	processes_unlock();
	process_self = NULL;
	end_tell();
	process_ended(p);
}

/* Known by its address to process-stop.c: no frame further out is unwound. */
void process_root(struct process *p)
{
	void (*fn)(void *arg);

	p->fn(p->arg);
	while ((fn = p->next_fn)) {
		p->next_fn = NULL;
		fn(p->next_arg);
	}
	/* An end that was asked for meanwhile is its end; and the calls above
	 * are no tail calls. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void *process_main(void *arg)
{
	struct process *p = arg;
	sigset_t ours;

	process_self = p;
	p->stack_high = (uintptr_t)__builtin_frame_address(0);
	prctl(PR_SET_NAME, p->name[0] ? p->name : "hw-process");
	sigemptyset(&ours);
	sigaddset(&ours, process_signal());
	pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
	pthread_cleanup_push(process_finish, p);
	processes_lock();
	p->thread = pthread_self();
	table_tid_add(p, (pid_t)syscall(SYS_gettid));
	processes_unlock();
	if (process_life(p) == PROCESS_ALIVE)
		process_root(p);
	pthread_cleanup_pop(1);
	return NULL;
}

static int thread_start(struct process *p, size_t stack_size)
{
	pthread_attr_t attr;
	pthread_t thread;
	int e = pthread_attr_init(&attr);

	if (e)
		return -e;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (stack_size && stack_size < STACK_LEAST)
		stack_size = STACK_LEAST;
	if (stack_size)
		e = pthread_attr_setstacksize(&attr, stack_size);
	pthread_attr_getstacksize(&attr, &p->stack_size);
	if (!e)
		e = pthread_create(&thread, &attr, process_main, p);
	pthread_attr_destroy(&attr);
	return -e;
}

/* --- forks ---------------------------------------------------------------- */

static void forked_drop(struct process *p)
{
	links_forget(p);
	kill_forget(p);
	table_remove(p);
	process_free(p);
}

/* A load needs the processes' lock to end. */
static void fork_prepare(void)
{
	forks_prepare();
	processes_lock();
}

static void fork_parent(void)
{
	processes_unlock();
	forks_parent();
}

static void fork_child(void)
{
	struct process *me = process_self;
	struct ring *r = processes.age.next, *next;

	for (; r != &processes.age; r = next) {
		struct process *p = ring_item(r, struct process, age);

		next = r->next;
		if (p != me)
			forked_drop(p);
	}
	if (me) {
		table_tid_remove(me);
		table_tid_add(me, (pid_t)syscall(SYS_gettid));
	}
	kill_forked(me);
	calls_forked(me);
	processes_unlock();
}

/* --- beginning ------------------------------------------------------------ */

static int prepared; /* 0, or an error */

static void prepare(void)
{
	ring_init(&processes.age);
	prepared = kill_prepare();
	if (!prepared)
		prepared =
		    -pthread_atfork(fork_prepare, fork_parent, fork_child);
}

/*
 * The name of the function at ADDR, for people. A hot function's address is its
 * stub's; what the program said of its functions at its start never changes, so
 * any thread may read it. NULL: not known.
 */
static const char *initial_name(uintptr_t addr)
{
	const struct hw_program *hot = hw_guest.program;
	uintptr_t n = hot ? (addr - (uintptr_t)hot->stubs) / 16 : 0;
	Dl_info info;

	for (uint32_t i = 0; hot && n < hot->nfuncs && i < hot->nmodules; i++) {
		const struct hw_program_module *m = &hot->modules[i];

		if (n - m->first < m->nfuncs)
			return desc_str(m->desc,
					desc_funcs(m->desc)[n - m->first].name);
	}
	return !hot && dladdr((void *)addr, &info) ? info.dli_sname : NULL;
}

static hw_pid parent(void)
{
	const struct process *me = process_self;

	return me && me->stands_for ? me->stands_for : hw_self();
}

static struct process *process_make(const struct spawning *s)
{
	const struct hw_spawn_options *o = s->options;
	uintptr_t named = s->named ? (uintptr_t)s->named : (uintptr_t)s->fn;
	struct process *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->fn = s->fn;
	p->arg = s->arg;
	p->left = s->left;
	p->initial = initial_name(named);
	p->stateful = o->system && !s->library ? named : 0;
	p->parent = o->link ? parent() : 0;
	p->stands_for = s->stands_for;
	p->system = o->system;
	p->mailbox_max = o->mailbox_max ? o->mailbox_max : MAILBOX_MAX;
	p->trap_exit = o->trap_exit;
	p->barrier = -1;
	queue_init(&p->arrived);
	queue_init(&p->inbox);
	ring_init(&p->links);
	ring_init(&p->monitors);
	ring_init(&p->watchers);
	ring_init(&p->calls);
	ring_init(&p->dying);
	return p;
}

/* What ties it to its maker, allocated before the lock is taken. */
struct ties {
	struct link *link;
	struct monitor *monitor;
};

static int ties_make(struct ties *t, const struct hw_spawn_options *o)
{
	*t = (struct ties){NULL, NULL};
	if ((o->link || o->monitor) && !process_self)
		return -EPERM;
	if (o->link && !(t->link = link_make()))
		return -ENOMEM;
	if (o->monitor && !(t->monitor = monitor_make())) {
		link_free(t->link);
		return -ENOMEM;
	}
	return 0;
}

static void ties_free(struct ties *t)
{
	link_free(t->link);
	monitor_free(t->monitor);
}

/* Enters P with its name and ties, before it runs. */
static int process_enter(struct process *p, struct ties *t,
			 const struct spawning *s)
{
	const struct hw_spawn_options *o = s->options;
	struct process *to = NULL;
	int e;

	processes_lock();
	if (t->link)
		to = process_linking();
	e = t->link && !to ? -ESRCH : o->name ? name_set(p, o->name) : 0;
	if (e)
		goto out;
	table_add(p);
	if (t->link)
		link_tie(t->link, to, p);
	if (t->monitor) {
		monitor_tie(t->monitor, process_self, p);
		*o->monitor = t->monitor->ref;
	}
	if (s->call)
		call_tie(s->call, p);
	if (s->first)
		mailbox_put(p, s->first);
out:
	processes_unlock();
	return e;
}

/* It has no thread: nobody is told, it never was. */
static void process_undo(struct process *p, struct call *call)
{
	if (call)
		call_leave(call);
	processes_lock();
	links_forget(p);
	kill_forget(p);
	table_remove(p);
	processes_unlock();
	process_free(p);
}

/* S->first is P's once it has entered. */
static int process_begin(struct process *p, struct spawning *s, hw_pid *pid)
{
	struct ties ties;
	int e = ties_make(&ties, s->options);

	if (!e)
		e = process_enter(p, &ties, s);
	else
		ties = (struct ties){NULL, NULL};
	if (e) {
		ties_free(&ties);
		free(p);
		return e;
	}
	s->first = NULL;
	*pid = p->pid; /* it may be gone when pthread_create returns */
	e = thread_start(p, s->options->stack_size);
	if (e)
		process_undo(p, s->call);
	return e;
}

int process_spawn(struct spawning *s, hw_pid *pid)
{
	static const struct hw_spawn_options none;
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct process *p;
	int e;

	if (!s->options)
		s->options = &none;
	pthread_once(&once, prepare);
	e = prepared;
	if (!e &&
	    (!s->fn || (s->options->name && !name_good(s->options->name))))
		e = -EINVAL;
	if (!e) {
		p = process_make(s);
		e = p ? process_begin(p, s, pid) : -ENOMEM;
	}
	mail_free(s->first);
	return e;
}

PUBLIC hw_pid hw_spawn_opt(void (*fn)(void *arg), void *arg,
			   const struct hw_spawn_options *options)
{
	struct spawning s = {.fn = fn, .arg = arg, .options = options};
	hw_pid pid = 0;
	int e = process_spawn(&s, &pid);

	if (!e)
		return pid;
	errno = -e;
	return 0;
}

PUBLIC hw_pid hw_spawn(void (*fn)(void *arg), void *arg)
{
	return hw_spawn_opt(fn, arg, NULL);
}
