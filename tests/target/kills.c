/* SPDX-License-Identifier: MIT
 *
 * kills N SEED: ends N processes that are, at that moment, in malloc, stdio,
 * locale, the dynamic linker, nanosleep or arithmetic, and uses each of these
 * itself between and after. A lock that one of them left held would stop this
 * program, and with it the test, at once or within a few rounds: all victims
 * share the streams, the locale, the linker and malloc's arenas.
 *
 * A few dozen are alive at a time; each reports when it is at its work, and is
 * killed a random moment later. Threads are given short time slices, so that on
 * one processor, too, the moment is anywhere in their work.
 */
#include <dlfcn.h>
#include <errno.h>
#include <hotwatch/process.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define VICTIMS 6
#define ROUND 480 /* kills between two looks at everything */
#define LIBRARY "libutil.so.1"

static FILE *shared;
static hw_pid driver;
static long wanted, alive, killed, at_work, cleaned;
static unsigned seed;

/* --- the work ------------------------------------------------------------- */

static void in_malloc(unsigned *n)
{
	void *p[8];

	for (int i = 0; i < 8; i++)
		p[i] = malloc(16u << (++*n % 14));
	p[0] = realloc(p[0], 5000);
	for (int i = 0; i < 8; i++)
		free(p[i]);
}

static void in_stdio(unsigned *n)
{
	fprintf(shared, "%u %s %g\n", ++*n, "victim", 1.5);
	fputs("line\n", stdout);
	if (*n % 64 == 0)
		fflush(NULL);
}

static void in_locale(unsigned *n)
{
	locale_t l = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);

	setlocale(LC_ALL, ++*n % 2 ? "C.UTF-8" : "C");
	if (l)
		freelocale(l);
}

static void in_linker(unsigned *n)
{
	void *h = dlopen(LIBRARY, RTLD_NOW);

	++*n;
	if (h)
		dlclose(h);
}

static void in_nanosleep(unsigned *n)
{
	struct timespec t = {++*n % 2 * 1000, 1000};

	nanosleep(&t, NULL);
}

static void in_arithmetic(unsigned *n)
{
	volatile unsigned x = *n;

	for (int i = 0; i < 1000; i++)
		x = x * 1103515245 + 12345;
	*n = x;
}

static void (*const works[])(unsigned *n) = {in_malloc,    in_stdio,
					     in_locale,    in_linker,
					     in_nanosleep, in_arithmetic};
static const char *const names[] = {"malloc", "stdio",     "locale",
				    "linker", "nanosleep", "arithmetic"};
#define WORKS (sizeof(works) / sizeof(works[0]))
static long by_work[WORKS];

/* --- a victim ------------------------------------------------------------- */

struct victim {
	unsigned work;
	hw_pid pid;
	hw_ref ref;
	bool ready;
	atomic_int working;
};

static struct victim victims[VICTIMS];

static void note_cleanup(void *arg)
{
	(void)arg;
	__atomic_add_fetch(&cleaned, 1, __ATOMIC_RELAXED);
}

static void victim_main(void *arg)
{
	struct victim *v = arg;
	unsigned n = (unsigned)(v - victims);

	pthread_cleanup_push(note_cleanup, NULL);
	if (v->work != 4) /* the first sleep would never report */
		works[v->work](&n);
	hw_send(driver, &v, sizeof(v));
	for (;;) {
		atomic_store_explicit(&v->working, 1, memory_order_relaxed);
		works[v->work](&n);
		atomic_store_explicit(&v->working, 0, memory_order_relaxed);
	}
	pthread_cleanup_pop(1);
}

/* --- the driver ----------------------------------------------------------- */

static void die(const char *what)
{
	fprintf(stderr, "FAILED: %s after %ld kills\n", what, killed);
	fflush(NULL);
	_exit(1);
}

static void victim_start(struct victim *v)
{
	struct hw_spawn_options o = {.stack_size = 256 << 10};

	v->work = (unsigned)rand_r(&seed) % WORKS;
	v->ready = false;
	atomic_store(&v->working, 0);
	o.monitor = &v->ref;
	v->pid = hw_spawn_opt(victim_main, v, &o);
	if (!v->pid)
		die("no more processes");
	alive++;
}

static void victim_kill(struct victim *v)
{
	if (atomic_load_explicit(&v->working, memory_order_relaxed)) {
		at_work++;
		by_work[v->work]++;
	}
	v->ready = false;
	hw_exit(v->pid, "kill");
}

/* A random one of those that are at their work. */
static void some_kill(void)
{
	unsigned from = (unsigned)rand_r(&seed) % VICTIMS;

	for (unsigned i = 0; i < VICTIMS; i++) {
		struct victim *v = &victims[(from + i) % VICTIMS];

		if (v->ready) {
			victim_kill(v);
			return;
		}
	}
}

static void victim_down(const struct hw_message *m)
{
	for (int i = 0; i < VICTIMS; i++) {
		if (victims[i].ref != m->ref)
			continue;
		if (strcmp(m->reason, "killed") != 0)
			die(m->reason);
		victims[i].pid = 0;
	}
	killed++;
	alive--;
}

/* One begins or one is gone. Those at work wait for a random number of such
 * events, which is a random time, until they are killed. */
static void event_take(void)
{
	struct hw_message *m = hw_receive(60000);

	if (!m)
		die("nothing begins or ends any more");
	if (m->kind == HW_DOWN)
		victim_down(m);
	else
		(*(struct victim **)(void *)m->data)->ready = true;
	hw_message_free(m);
	if (rand_r(&seed) % 4)
		some_kill();
}

/* VICTIMS deaths and more; nobody is left. */
static void round_play(void)
{
	for (long until = killed + ROUND; killed < until;) {
		for (int i = 0; i < VICTIMS; i++)
			if (!victims[i].pid)
				victim_start(&victims[i]);
		event_take();
		if (alive == VICTIMS)
			some_kill();
	}
	while (alive) {
		some_kill();
		event_take();
	}
}

/* Victims that were killed between dlopen and dlclose left a count: it is
 * brought back, so that the library is really loaded again. */
static void library_forget(void)
{
	void *h;

	while ((h = dlopen(LIBRARY, RTLD_NOW | RTLD_NOLOAD)) != NULL) {
		dlclose(h);
		dlclose(h);
	}
}

static void use_everything(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < WORKS; i++)
		if (i != 4)
			works[i](&n);
	fflush(NULL);
	library_forget();
}

static void driver_main(void *arg)
{
	(void)arg;
	driver = hw_self();
	while (killed < wanted) {
		round_play();
		use_everything();
	}
}

/* --- the program ---------------------------------------------------------- */

/* Slices of 0.1 ms, where the kernel grants them (6.12). */
static void slices_short(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} a = {.size = 48, .runtime = 100000};

	syscall(SYS_sched_setattr, 0, &a, 0);
}

int main(int argc, char **argv)
{
	hw_pid pid;

	wanted = argc > 1 ? atol(argv[1]) : 1000;
	seed = argc > 2 ? (unsigned)atol(argv[2]) : 1;
	slices_short();
	shared = fopen("/dev/null", "w");
	if (!shared || !freopen("/dev/null", "w", stdout))
		return 1;
	pid = hw_spawn(driver_main, NULL);
	while (hw_is_alive(pid)) {
		struct timespec t = {0, 1000000};

		nanosleep(&t, NULL);
	}
	use_everything();
	fprintf(stderr, "killed %ld, cleaned %ld, at work %ld:", killed,
		cleaned, at_work);
	for (size_t i = 0; i < WORKS; i++)
		fprintf(stderr, " %s %ld", names[i], by_work[i]);
	fputc('\n', stderr);
	return 0;
}
