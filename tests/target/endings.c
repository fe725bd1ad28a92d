/* SPDX-License-Identifier: MIT
 *
 * How a process is ended, wherever it is: what runs, what does not, and when it
 * has to wait. Built by `hotwatch cc`; prints TAP.
 */
#include <dlfcn.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "tests/unit/process-fixture.h"

static struct {
	int attribute, pushed; /* how often each kind of cleanup ran */
	int steps;             /* of the victim */
	int asked;             /* the victim was told to end */
	pthread_mutex_t lock;
	pthread_cond_t never;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .never = PTHREAD_COND_INITIALIZER};

static hw_pid tester;

static void note_attribute(int *n)
{
	__atomic_add_fetch(&seen.attribute, *n, __ATOMIC_RELAXED);
}

static void note_pushed(void *n)
{
	__atomic_add_fetch(&seen.pushed, *(int *)n, __ATOMIC_RELAXED);
}

static void step(void)
{
	__atomic_add_fetch(&seen.steps, 1, __ATOMIC_RELAXED);
}

static int steps(void)
{
	return __atomic_load_n(&seen.steps, __ATOMIC_RELAXED);
}

/* Runs WHERE below two frames with cleanups, one of each kind. */
static __attribute__((noinline)) void with_attribute(void (*where)(void))
{
	int one __attribute__((cleanup(note_attribute))) = 1;

	where();
	one = 100; /* not reached */
}

static void victim_main(void *arg)
{
	int one = 1;

	pthread_cleanup_push(note_pushed, &one);
	with_attribute((void (*)(void))arg);
	pthread_cleanup_pop(0);
}

static void spawned_and_at_it(void (*where)(void), hw_ref *ref, hw_pid *pid)
{
	struct hw_spawn_options o = {0};
	int before = steps();

	tester = hw_self();
	seen.attribute = seen.pushed = seen.asked = 0;
	o.monitor = ref;
	*pid = hw_spawn_opt(victim_main, (void *)where, &o);
	while (steps() == before)
		sched_yield();
}

/* WHERE announces itself by step(); then it is killed. */
static void killed_in(void (*where)(void))
{
	hw_ref ref;
	hw_pid pid;

	spawned_and_at_it(where, &ref, &pid);
	hw_exit(pid, "kill");
	__atomic_store_n(&seen.asked, 1, __ATOMIC_RELEASE);
	CHECK_STR_EQ(down_reason(ref), "killed");
	CHECK_INT_EQ(seen.pushed, 1);
	CHECK_INT_EQ(seen.attribute, 1);
}

/* --- where it computes ---------------------------------------------------- */

static volatile unsigned long sink;

static __attribute__((noinline)) void spin(void)
{
	for (;;)
		sink++;
}

static void computing(void)
{
	step();
	spin();
}

static void computing_body(void)
{
	killed_in(computing);
}

static void one_that_computes_is_unwound(void)
{
	in_process(computing_body);
}

/* --- where it blocks ------------------------------------------------------ */

static int pipe_ends[2], pair[2];

static void in_read(void)
{
	char c;

	step();
	while (read(pipe_ends[0], &c, 1) != 0)
		;
}

static void in_poll(void)
{
	struct pollfd p = {pipe_ends[0], POLLIN, 0};

	step();
	while (poll(&p, 1, -1) >= -1)
		;
}

static void in_recv(void)
{
	char c;

	step();
	while (recv(pair[0], &c, 1, 0) != 0)
		;
}

static void in_sleep(void)
{
	step();
	for (;;)
		sleep(1000);
}

static void in_sem_wait(void)
{
	sem_t s;

	sem_init(&s, 0, 0);
	step();
	for (;;)
		sem_wait(&s);
}

static void give_back(void *lock)
{
	pthread_mutex_unlock(lock);
}

static void in_cond_wait(void)
{
	pthread_mutex_lock(&seen.lock);
	pthread_cleanup_push(give_back, &seen.lock);
	step();
	for (;;)
		pthread_cond_wait(&seen.never, &seen.lock);
	pthread_cleanup_pop(1);
}

static void in_receive(void)
{
	step();
	sleeper(NULL);
}

static void in_stream(void)
{
	static FILE *f;

	if (!f)
		f = fdopen(dup(pipe_ends[0]), "r");
	step();
	while (getc(f) != EOF)
		;
}

/*
 * Under ThreadSanitizer a process is not unwound out of an interceptor (the
 * sanitizer would believe it to be in there for ever): it ends when the call
 * was broken off and the interceptor has returned. pthread_cond_wait never is,
 *
 *	___pthread_cond_wait
 *	__tsan::call_pthread_cancel_with_cleanup
 *	__interceptor_pthread_cond_wait
 *	hw_barriers				would end it on return
 *
 * nor may a thread that blocks our signal be cancelled there.
 */
#ifdef __SANITIZE_THREAD__
#define TSAN true
#elif defined(__has_feature)
#define TSAN __has_feature(thread_sanitizer)
#else
#define TSAN false
#endif
#ifdef __has_feature
#define ASAN __has_feature(address_sanitizer)
#else
#define ASAN false
#endif

static void (*const blocked[])(void) = {in_read,   in_poll,     in_recv,
					in_sleep,  in_sem_wait, in_receive,
					in_stream, in_stream,   in_cond_wait};

static void blocking_body(void)
{
	if (!CHECK(pipe(pipe_ends) == 0) ||
	    !CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0))
		return;
	for (size_t i = 0; i < sizeof(blocked) / sizeof(blocked[0]) - TSAN; i++)
		for (int k = 0; k < 20; k++)
			killed_in(blocked[i]);
	CHECK_INT_EQ(pthread_mutex_trylock(&seen.lock), 0);
	pthread_mutex_unlock(&seen.lock);
}

static void one_that_blocks_is_unwound(void)
{
	in_process(blocking_body);
}

/* --- callbacks of the C library ------------------------------------------- */

static int compares;

/* The first comparison lasts until the process was asked to end. Its loop is in
 * no sanitizer's code, where the first question would be put off. */
static __attribute__((disable_sanitizer_instrumentation)) int
compare(const void *a, const void *b)
{
	if (compares++ == 0) {
		step();
		while (!__atomic_load_n(&seen.asked, __ATOMIC_ACQUIRE))
			sink++;
		sched_yield(); /* the signal has come when this returns */
	}
	return *(const int *)a - *(const int *)b;
}

static int sorted;

static void in_qsort(void)
{
	static int numbers[1000];

	for (int i = 0; i < 1000; i++)
		numbers[i] = 1000 - i;
	qsort(numbers, 1000, sizeof(numbers[0]), compare);
	sorted = 1; /* not reached */
	for (;;)
		sink++;
}

static void callback_body(void)
{
	compares = sorted = 0;
	killed_in(in_qsort);
	CHECK(compares > 1000); /* qsort was let to its end */
	CHECK_INT_EQ(sorted, 0);
}

static void a_callback_of_libc_is_not_left_under_it(void)
{
	in_process(callback_body);
}

/* --- a signal handler of the program's ------------------------------------ */

static int in_handler, leave_handler;

static void program_handler(int sig)
{
	(void)sig;
	__atomic_store_n(&in_handler, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&leave_handler, __ATOMIC_ACQUIRE))
		sink++;
}

static void below_a_handler(void)
{
	signal(SIGUSR1, program_handler);
	step();
	raise(SIGUSR1);
	spin();
}

static void handler_body(void)
{
	struct timespec t = {0, 20000000};
	hw_ref ref;
	hw_pid pid;

	spawned_and_at_it(below_a_handler, &ref, &pid);
	while (!__atomic_load_n(&in_handler, __ATOMIC_ACQUIRE))
		sched_yield();
	hw_exit(pid, "kill");
	nanosleep(&t, NULL); /* it must not end in this time: a look, no wait */
	CHECK(hw_is_alive(pid));
	__atomic_store_n(&leave_handler, 1, __ATOMIC_RELEASE);
	CHECK_STR_EQ(down_reason(ref), "killed");
	CHECK_INT_EQ(seen.pushed, 1);
}

static void a_signal_handler_is_let_to_its_end(void)
{
	in_process(handler_body);
}

/* --- forbidden ------------------------------------------------------------ */

static int allow;

static void guarded(void)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	step();
	while (!__atomic_load_n(&allow, __ATOMIC_ACQUIRE))
		sink++;
	step();
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	spin();
}

static void guarded_body(void)
{
	struct timespec t = {0, 20000000};
	int before;
	hw_ref ref;
	hw_pid pid;

	spawned_and_at_it(guarded, &ref, &pid);
	before = steps();
	hw_exit(pid, "kill");
	nanosleep(&t, NULL); /* a look, as above */
	CHECK(hw_is_alive(pid));
	__atomic_store_n(&allow, 1, __ATOMIC_RELEASE);
	CHECK_STR_EQ(down_reason(ref), "killed");
	CHECK_INT_EQ(steps(), before + 1);
	CHECK_INT_EQ(seen.attribute, 1);
}

static void disabled_cancellation_is_honoured(void)
{
	in_process(guarded_body);
}

static void all_blocked(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	step();
	for (;;)
		sleep(1000);
}

static void all_blocked_body(void)
{
	killed_in(all_blocked);
}

static void one_that_blocks_all_signals_ends_where_it_waits(void)
{
	if (TSAN || ASAN)
		CHECK_SKIP("a sanitizer");
	in_process(all_blocked_body);
}

/* --- inside the library --------------------------------------------------- */

static void in_send(void)
{
	static char data[512];

	step();
	for (;;) {
		hw_send(tester + 1000000, data, sizeof(data));
		hw_send(tester, data, sizeof(data));
		hw_whereis("nobody");
	}
}

static bool is_text(const struct hw_message *m, void *arg)
{
	(void)arg;
	return m->kind == HW_MESSAGE;
}

static void send_body(void)
{
	struct hw_message *m;

	for (int i = 0; i < 200; i++) {
		killed_in(in_send);
		while ((m = hw_receive_match(is_text, NULL, 0)) != NULL)
			hw_message_free(m);
	}
}

static void our_own_locks_are_given_back(void)
{
	in_process(send_body);
}

static bool never_ending(const struct hw_message *m, void *arg)
{
	(void)m;
	(void)arg;
	step();
	spin();
	return true;
}

static void in_match(void)
{
	send_text(hw_self(), "x");
	hw_receive_match(never_ending, NULL, -1);
}

static void match_body(void)
{
	for (int i = 0; i < 20; i++)
		killed_in(in_match);
}

static void one_that_looks_for_a_message_is_unwound(void)
{
	in_process(match_body);
}

/* --- forks ---------------------------------------------------------------- */

static void forking(void)
{
	step();
	for (;;) {
		pid_t child = fork();
		int status;

		if (child == 0)
			_exit(7);
		while (waitpid(child, &status, 0) < 0)
			;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 7)
			seen.attribute += 1000;
	}
}

static void fork_body(void)
{
	for (int i = 0; i < 50; i++)
		killed_in(forking);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void a_child_forked_meanwhile_is_not_ended(void)
{
	in_process(fork_body);
}

/* --- another stack -------------------------------------------------------- */

static ucontext_t outside, inside;
static int coroutine_leave;

static void coroutine(void)
{
	step();
	while (!__atomic_load_n(&coroutine_leave, __ATOMIC_ACQUIRE))
		sink++;
	swapcontext(&inside, &outside);
}

static void in_coroutine(void)
{
	static char stack[65536];

	getcontext(&inside);
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = sizeof(stack);
	inside.uc_link = &outside;
	makecontext(&inside, coroutine, 0);
	swapcontext(&outside, &inside);
	spin();
}

static void coroutine_body(void)
{
	struct timespec t = {0, 5000000};
	hw_ref ref;
	hw_pid pid;

	spawned_and_at_it(in_coroutine, &ref, &pid);
	hw_exit(pid, "kill");
	nanosleep(&t, NULL); /* a look, as above */
	CHECK(hw_is_alive(pid));
	__atomic_store_n(&coroutine_leave, 1, __ATOMIC_RELEASE);
	CHECK_STR_EQ(down_reason(ref), "killed");
	CHECK_INT_EQ(seen.attribute, 1);
}

static void a_coroutine_ends_back_on_the_thread(void)
{
	in_process(coroutine_body);
}

/* --- by itself ------------------------------------------------------------ */

static void exits(void)
{
	step();
	hw_exit_self("enough");
}

static void exits_the_thread(void)
{
	step();
	pthread_exit(NULL);
}

static void self_body(void)
{
	hw_ref ref;
	hw_pid pid;

	spawned_and_at_it(exits, &ref, &pid);
	CHECK_STR_EQ(down_reason(ref), "enough");
	CHECK_INT_EQ(seen.attribute + seen.pushed, 2);
	spawned_and_at_it(exits_the_thread, &ref, &pid);
	CHECK_STR_EQ(down_reason(ref), "normal");
	CHECK_INT_EQ(seen.attribute + seen.pushed, 2);
}

static void an_exit_of_its_own_runs_the_cleanups(void)
{
	in_process(self_body);
}

static const struct check tests[] = {
    {"one that computes is unwound", one_that_computes_is_unwound},
    {"one that blocks is unwound", one_that_blocks_is_unwound},
    {"a callback of libc is not left under it",
     a_callback_of_libc_is_not_left_under_it},
    {"a signal handler is let to its end", a_signal_handler_is_let_to_its_end},
    {"disabled cancellation is honoured", disabled_cancellation_is_honoured},
    {"one that blocks all signals ends where it waits",
     one_that_blocks_all_signals_ends_where_it_waits},
    {"our own locks are given back", our_own_locks_are_given_back},
    {"one that looks for a message is unwound",
     one_that_looks_for_a_message_is_unwound},
    {"a child forked meanwhile is not ended",
     a_child_forked_meanwhile_is_not_ended},
    {"a coroutine ends back on the thread",
     a_coroutine_ends_back_on_the_thread},
    {"an exit of its own runs the cleanups",
     an_exit_of_its_own_runs_the_cleanups},
};

CHECK_MAIN(tests)
