/* SPDX-License-Identifier: MIT
 *
 * Ending a process from the inside: the signal handler that its own thread
 * runs when it was asked to end, and what decides whether this is the place.
 *
 * The rule. A frame is the program's if its code is hot-built (in a program
 * that is not: if it is the executable's); all others are foreign, and so are
 * the frames of an allocator, whoever built it. Walking from the interrupted
 * instruction outwards to process_root:
 *
 *   1. Only the program's frames: it computes, and is ended here.
 *   2. Foreign frames innermost, of a blocking call of the C library that the
 *      kernel has just interrupted (or of a library that made such a call),
 *      then only the program's: it blocks at a cancellation point, and is ended
 *      here, as pthread_cancel would.
 *   3. Else there is an outermost foreign frame, perhaps with a lock of malloc,
 *      of a stream, of the dynamic linker: it is ended when that frame returns.
 *      Its return address is replaced by one of ours (a return barrier), which
 *      ends the process as if the call had never come back.
 *
 * In each case the frames that will be unwound must say what their cleanups
 * are. A compiler notes that for calls that may unwind, and for nothing else.
 * So a frame of a function that has any such notes (an LSDA) must stand at one
 * of them; if it does not, the barrier goes further out, where it does. A
 * function without notes has no cleanups, or such that no call that may unwind
 * lies in their scope: those are not served (docs/architecture.md,
 * "Processes"). pthread_cleanup_push is served always: it registers.
 *
 * The frames are then unwound by pthread_exit, from the handler in cases 1 and
 * 2. The signal's mask is undone before.
 *
 * All of this runs at any instruction of the program: no lock, no malloc, no
 * call that could be bound lazily. The unwinder is libgcc's, whose search for a
 * function's tables (_dl_find_object, glibc 2.35) is made for this; libunwind's
 * takes the dynamic linker's lock, and would wait for itself in a process that
 * is in dlopen. Compiled without sanitizers, which is also why the handler is
 * set by a system call: they would call it later, with another's context.
 *
 * Rejected: pthread_cancel for all. It ends a thread wherever the C library
 * waits, also under a lock that is not given back (a name look-up, a
 * constructor in dlopen), and it cannot end one that computes or allocates.
 * Rejected: asking again until the thread happens to be in its own code; one
 * that loads libraries in a loop is there one time in 10 000.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include "codeserver/guest.h"
#include "codeserver/process-stop.h"
#include "codeserver/process-table.h"
#include "codeserver/signals.h"

/* --- what is resolved once ------------------------------------------------ */

typedef _Unwind_Reason_Code backtrace_fn(_Unwind_Trace_Fn, void *);
typedef int find_object_fn(void *, struct dl_find_object *);

static struct {
	backtrace_fn *backtrace;
	uintptr_t (*ip)(struct _Unwind_Context *, int *);
	uintptr_t (*cfa)(struct _Unwind_Context *);
	uintptr_t (*lsda)(struct _Unwind_Context *);
	uintptr_t (*start)(struct _Unwind_Context *);
	find_object_fn *find_object;
	void (*no_return)(void); /* AddressSanitizer's, or NULL */
	struct link_map *libc, *linker, *own, *program;
	bool plain; /* the executable's code is the program's */
	bool tsan;  /* ThreadSanitizer is there */
	int signal;
	/* How the C library's cancellation points are told. */
	pid_t probe;         /* the thread that finds out; 0: none */
	bool cancel_type;    /* by the cancellation type */
	uintptr_t cancel_pc; /* by where they call the kernel; 0: not so */
} got;

enum frame {
	FRAME_PROGRAM,
	FRAME_LIBC,
	FRAME_LINKER,
	FRAME_OWN,
	FRAME_OTHER
};

static struct link_map *map_at(uintptr_t pc)
{
	struct dl_find_object o;

	return got.find_object((void *)pc, &o) == 0 ? o.dlfo_link_map : NULL;
}

static enum frame frame_kind(uintptr_t pc, uintptr_t start)
{
	struct link_map *map;

	if (guard_has(start))
		return FRAME_OTHER;
	if (pc - HW_ARENA_BASE < HW_ARENA_SIZE)
		return FRAME_PROGRAM;
	map = map_at(pc);
	if (map == got.libc)
		return FRAME_LIBC;
	if (map == got.linker)
		return FRAME_LINKER;
	if (map == got.own)
		return FRAME_OWN;
	if (map && map == got.program && got.plain)
		return FRAME_PROGRAM;
	return FRAME_OTHER;
}

#define FRAMES_MAX 100000

/* --- one walk ------------------------------------------------------------- */

struct walk {
	uintptr_t pc;    /* where the signal came */
	bool begun;      /* past the handler's own frames */
	bool reached;    /* process_root */
	bool program;    /* a frame of the program's has been seen */
	bool clean;      /* nothing so far forbids to unwind from pc */
	bool blocked;    /* innermost is a call that blocks in the kernel */
	bool libc;       /* all frames so far are the C library's */
	uintptr_t call;  /* start of the outermost of those */
	unsigned frames; /* how many: tables may be wrong */
	uintptr_t place; /* the innermost return address that may be replaced:
			  * all further out can be unwound; 0: none */
};

static bool cancel_asynchronous(void)
{
	int was;

	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &was);
	pthread_setcanceltype(was, NULL);
	return was == PTHREAD_CANCEL_ASYNCHRONOUS;
}

/*
 * Whether the C library waits where it lets itself be cancelled, and not for a
 * lock of its own. Up to glibc 2.40 it turns asynchronous cancellation on
 * around those system calls alone; later ones make all of them at one place.
 * Which it is was found out (stop_probe).
 */
static bool cancellation_point(uintptr_t pc)
{
	if (got.cancel_type)
		return cancel_asynchronous();
	/* before it, if it is made again */
	return got.cancel_pc &&
	       (pc == got.cancel_pc || pc + 2 == got.cancel_pc);
}

/*
 * Whether the instruction at PC is a system call that waits to be made again
 * (SA_RESTART), or behind one that was broken off. One that was completed has
 * given the program something (a descriptor, bytes) and must return.
 */
static bool syscall_interrupted(const ucontext_t *uc)
{
	const unsigned char *pc =
	    (const unsigned char *)uc->uc_mcontext.gregs[REG_RIP];

	if (pc[0] == 0x0f && pc[1] == 0x05)
		return true;
	return pc[-2] == 0x0f && pc[-1] == 0x05 &&
	       uc->uc_mcontext.gregs[REG_RAX] == -EINTR;
}

/*
 * What the call that returns to RET went to, through a PLT entry or not: the
 * function itself may have left its frame to another (sem_wait does). 0: not
 * known.
 */
static uintptr_t call_target(uintptr_t ret)
{
	const unsigned char *p = (const unsigned char *)ret;
	int32_t far;

	memcpy(&far, p - 4, sizeof(far));
	if (p[-6] == 0xff && p[-5] == 0x15) /* call *far(%rip) */
		return *(const uintptr_t *)(p + far);
	if (p[-5] != 0xe8)
		return 0;
	p += far;
	if (!memcmp(p, "\xf3\x0f\x1e\xfa", 4)) /* endbr64 */
		p += 4;
	if (p[0] != 0xff || p[1] != 0x25) /* jmp *far(%rip) */
		return (uintptr_t)p;
	memcpy(&far, p + 2, sizeof(far));
	return *(const uintptr_t *)(p + 6 + far);
}

/* The C library was called at RET, and that is not the C library: may it be
 * left where it waits? */
static void walk_called(struct walk *w, uintptr_t ret)
{
	if (!w->libc)
		return;
	w->libc = false;
	w->blocked = w->blocked && (stop_call_known(w->call) ||
				    stop_call_known(call_target(ret)));
}

static void walk_foreign(struct walk *w, enum frame kind, uintptr_t start,
			 uintptr_t pc)
{
	w->place = 0;
	if (w->program) {
		w->clean = false; /* called back from foreign code */
		return;
	}
	if (kind == FRAME_LIBC && w->libc)
		w->call = start;
	else
		walk_called(w, pc + 1);
	if (kind == FRAME_LINKER || kind == FRAME_OWN || guard_has(start) ||
	    (kind == FRAME_OTHER && got.tsan) ||
	    (kind == FRAME_LIBC && !w->libc))
		w->blocked = false;
}

static void walk_program(struct walk *w, struct _Unwind_Context *c,
			 uintptr_t pc)
{
	bool can = lsda_covers(got.lsda(c), got.start(c), pc);

	if (!w->program && pc != w->pc) {
		walk_called(w, pc + 1);
		w->clean = w->clean && w->blocked;
	}
	w->program = true;
	w->clean = w->clean && can;
	if (!can)
		w->place = 0;
	else if (!w->place && w->pc != pc)
		w->place = got.cfa(c) - sizeof(uintptr_t);
}

static _Unwind_Reason_Code walk_frame(struct _Unwind_Context *c, void *arg)
{
	struct walk *w = arg;
	int exact = 0;
	uintptr_t pc = got.ip(c, &exact), start = got.start(c);
	enum frame kind;

	if (!w->begun && !(exact && pc == w->pc))
		return _URC_NO_REASON;
	w->begun = true;
	if (++w->frames == FRAMES_MAX)
		return _URC_NORMAL_STOP;
	if (start == (uintptr_t)process_root) {
		w->reached = true;
		return _URC_NORMAL_STOP;
	}
	if (!exact)
		pc--; /* of the call, not behind it */
	kind = frame_kind(pc, start);
	/* They hold nothing while they ask the program. */
	if (w->program &&
	    (start == (uintptr_t)hw_receive_match || sys_loop_has(start)))
		kind = FRAME_PROGRAM;
	if (kind == FRAME_PROGRAM)
		walk_program(w, c, pc);
	else
		walk_foreign(w, kind, start, pc);
	return _URC_NO_REASON;
}

/* Whether the program lets its thread be cancelled. */
bool may_end(void)
{
	int was;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &was);
	pthread_setcancelstate(was, NULL);
	return was == PTHREAD_CANCEL_ENABLE;
}

/* --- the end -------------------------------------------------------------- */

void stop_here(struct process *p)
{
	if (p) { /* in this order: no handler plants another then */
		__atomic_store_n(&p->life, PROCESS_UNWINDING, __ATOMIC_SEQ_CST);
		barrier_remove(p, (uintptr_t)__builtin_frame_address(0));
	}
	if (got.no_return)
		got.no_return();
	pthread_exit(NULL);
}

/*
 * Whether PC is ThreadSanitizer's own code (of a hot program nothing else is in
 * the executable). It may stand there with a lock of its books, which it takes
 * again for the pthread_once that libgcc's unwinder begins with: so the process
 * is asked again later, when it is out of there.
 */
static bool in_sanitizer(uintptr_t pc)
{
	return got.tsan && map_at(pc) == got.program;
}

static void stop_try(struct process *p, const ucontext_t *uc)
{
	const greg_t *reg = uc->uc_mcontext.gregs;
	struct walk w = {.pc = (uintptr_t)reg[REG_RIP],
			 .clean = true,
			 .libc = true,
			 .blocked = false};

	if (in_sanitizer(w.pc))
		return;
	barrier_remove(p, (uintptr_t)reg[REG_RSP]);
	if (!may_end())
		return;
	w.blocked = map_at(w.pc) == got.libc && syscall_interrupted(uc) &&
		    cancellation_point(w.pc);
	got.backtrace(walk_frame, &w);
	if (!w.reached)
		return;
	if (w.clean && w.program) {
		pthread_sigmask(SIG_SETMASK, &uc->uc_sigmask, NULL);
		stop_here(p);
	}
	if (w.place)
		barrier_plant(p, w.place);
}

/* The signal has broken off a call that is a cancellation point. */
static void probe_note(const ucontext_t *uc)
{
	uintptr_t pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];

	got.cancel_type = cancel_asynchronous();
	if (!got.cancel_type && map_at(pc) == got.libc &&
	    syscall_interrupted(uc))
		got.cancel_pc = pc;
}

static void stop_handler(int sig, siginfo_t *info, void *context)
{
	struct process *p = process_self;
	int e = errno;

	(void)sig;
	(void)info;
	if (p) {
		__atomic_store_n(&p->asked, 0, __ATOMIC_RELEASE);
		if (process_life(p) == PROCESS_DYING)
			stop_try(p, context);
	} else if (got.probe == (pid_t)syscall(SYS_gettid)) {
		probe_note(context);
	}
	errno = e;
}

/* --- before the first ----------------------------------------------------- */

int process_signal(void)
{
	return got.signal;
}

static _Unwind_Reason_Code walk_none(struct _Unwind_Context *c, void *arg)
{
	(void)c;
	(void)arg;
	return _URC_NORMAL_STOP;
}

/* libgcc is there wherever pthread_exit works; its first use of anything is
 * now, not in the handler. */
static int unwinder_find(void)
{
	void *gcc = dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_NODELETE);

	if (!gcc)
		return -ENOSYS;
	got.backtrace = (backtrace_fn *)dlsym(gcc, "_Unwind_Backtrace");
	*(void **)&got.ip = dlsym(gcc, "_Unwind_GetIPInfo");
	*(void **)&got.cfa = dlsym(gcc, "_Unwind_GetCFA");
	*(void **)&got.lsda = dlsym(gcc, "_Unwind_GetLanguageSpecificData");
	*(void **)&got.start = dlsym(gcc, "_Unwind_GetRegionStart");
	got.find_object =
	    (find_object_fn *)dlsym(RTLD_DEFAULT, "_dl_find_object");
	if (!got.backtrace || !got.ip || !got.cfa || !got.lsda || !got.start ||
	    !got.find_object)
		return -ENOSYS;
	got.backtrace(walk_none, NULL);
	return 0;
}

/*
 * A thread breaks itself off in a call, with a signal that the call unblocks,
 * and ends: which is also the C library's own search for the unwinder.
 */
static void *stop_probe(void *arg)
{
	pid_t self = (pid_t)syscall(SYS_gettid);
	sigset_t all, none;

	(void)arg;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	none = all;
	sigdelset(&none, got.signal);
	got.probe = self;
	syscall(SYS_tgkill, getpid(), self, got.signal);
	ppoll(NULL, 0, NULL, &none);
	got.probe = 0;
	pthread_exit(NULL);
}

/* ThreadSanitizer believes a thread that was unwound out of one of its
 * interceptors to be in it for ever, and no more in what it locks. One that is
 * cancelled ends the program under AddressSanitizer, which looks for a frame of
 * its own where libc has begun to unwind. */
bool stop_may_cancel(void)
{
	return !got.tsan && !got.no_return;
}

const char *stop_limit(void)
{
	return !got.signal || got.cancel_type || got.cancel_pc
		   ? NULL
		   : "this C library does not tell where its calls may be "
		     "left, "
		     "so a process that blocks in one ends when it returns";
}

int stop_prepare(void)
{
	bool tsan = dlsym(RTLD_DEFAULT, "__tsan_init") != NULL;
	/* Its interceptors are let to return: the call must not be made again.
	 */
	struct kernel_action action =
	    kernel_action(stop_handler, tsan ? 0 : SA_RESTART, 0);
	void *program = dlopen(NULL, RTLD_NOW);
	pthread_t first;
	int e = unwinder_find();

	if (e || !program)
		return e ? e : -ENOSYS;
	got.program = program;
	got.libc =
	    map_at((uintptr_t)dlsym(RTLD_DEFAULT, "gnu_get_libc_version"));
	/* AddressSanitizer's in the executable is not meant. */
	got.linker = map_at((uintptr_t)dlsym(RTLD_NEXT, "__tls_get_addr"));
	got.own = map_at((uintptr_t)stop_handler);
	*(void **)&got.no_return =
	    dlsym(RTLD_DEFAULT, "__asan_handle_no_return");
	/* A sanitizer's own code, with its locks, would be in it too. */
	got.tsan = tsan;
	got.plain = !hw_guest.program && !got.no_return && !tsan;
	stop_calls_find();
	got.signal = signal_take(&action);
	if (got.signal < 0)
		return got.signal;
	e = pthread_create(&first, NULL, stop_probe, NULL);
	if (e)
		return -e;
	pthread_join(first, NULL);
	return 0;
}
