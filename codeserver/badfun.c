/* SPDX-License-Identifier: MIT
 *
 * Nothing can jump into purged code, but for what hides code addresses where
 * no search finds them (mangled, in a file, in another process, in half a
 * word). Such a jump ends the program by SIGSEGV, and without a name it would
 * be a mystery. So the last versions that were purged are remembered, and a
 * handler says on stderr which module, version and function it was, and which
 * thread. It changes nothing else: the program ends by that signal, with the
 * core it would have had; only a process of ours exits "badfun" instead, as
 * Erlang's do.
 *
 * The handler is installed at the first purge, and only if the program has none
 * (a program's own, or a sanitizer's, knows better). Being installed it is
 * found by a program that asks what the handler was, and works when chained to.
 *
 * The table is static and its entries of fixed size: the handler may interrupt
 * anything, and reads it while the code server's thread may be writing. An
 * entry's number is odd meanwhile, and another afterwards. Bases are kept
 * inverted, or a search for holders would find them.
 */
#include "codeserver/badfun.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "codeserver/include/hotwatch/process.h"

/* Small: a search for holders reads it as well. */
#define PURGED 32
#define FUNCS 32

struct purged_func {
	uint32_t from, to; /* distances from the base */
	char name[32];
};

static struct purged {
	unsigned sequence; /* odd: being written */
	uintptr_t not_base;
	size_t size; /* 0: nothing */
	unsigned version, nfuncs;
	char module[96];
	struct purged_func funcs[FUNCS];
} table[PURGED];
static unsigned next_entry;

/* --- the handler ---------------------------------------------------------- */

static bool purged_at(struct purged *copy, uintptr_t pc)
{
	for (unsigned i = 0; i < PURGED; i++) {
		unsigned seq =
		    __atomic_load_n(&table[i].sequence, __ATOMIC_ACQUIRE);

		if ((seq & 1) || pc - ~table[i].not_base >= table[i].size)
			continue;
		*copy = table[i];
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&table[i].sequence, __ATOMIC_RELAXED) ==
		    seq)
			return true;
	}
	return false;
}

static const char *func_at(const struct purged *p, uintptr_t pc)
{
	uintptr_t off = pc - ~p->not_base;

	for (unsigned i = 0; i < p->nfuncs; i++)
		if (off >= p->funcs[i].from && off < p->funcs[i].to)
			return p->funcs[i].name;
	return "a static function";
}

static void report(const struct purged *p, uintptr_t pc)
{
	char text[512], name[16] = "";
	int n;

	pthread_getname_np(pthread_self(), name, sizeof(name));
	n = snprintf(text, sizeof(text),
		     "hotwatch: badfun: thread %d (%s) jumped to %#lx, in %s "
		     "of %s version %u, which was purged: some pointer to it "
		     "was kept where it could not be found\n",
		     (int)syscall(SYS_gettid), name, (unsigned long)pc,
		     func_at(p, pc), p->module, p->version);
	if (n > 0 && write(2, text, (size_t)n) < 0)
		n = 0;
}

/* A call of nothing, seen from the frame that made it: it called this. */
static void badfun_exit(void)
{
	hw_exit_self("badfun");
}

static void handler(int sig, siginfo_t *info, void *context)
{
	static struct purged found; /* too large for a small stack */
	static int once;
	ucontext_t *u = context;
	uintptr_t pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
	struct sigaction sa = {.sa_handler = SIG_DFL};

	if (info->si_code > 0 && (uintptr_t)info->si_addr == pc &&
	    !__atomic_exchange_n(&once, 1, __ATOMIC_ACQ_REL)) {
		bool known = purged_at(&found, pc);

		if (known)
			report(&found, pc);
		__atomic_store_n(&once, 0, __ATOMIC_RELEASE);
		if (known && hw_self()) {
			u->uc_mcontext.gregs[REG_RIP] =
			    (greg_t)(uintptr_t)badfun_exit;
			return;
		}
	}
	sigaction(sig, &sa, NULL);
	if (info->si_code <= 0) /* somebody sent it: it will not come again */
		raise(sig);
}

/* --- the table ------------------------------------------------------------ */

static void handler_install(void)
{
	static bool done;
	struct sigaction was,
	    sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	if (done)
		return;
	done = true;
	if (sigaction(SIGSEGV, NULL, &was) == 0 && was.sa_handler == SIG_DFL)
		sigaction(SIGSEGV, &sa, NULL);
}

static void entry_write(struct purged *p, const struct hw_mod *m,
			const struct hw_version *v)
{
	const struct hw_module *d = v->image.desc;
	const struct hw_func *f = desc_funcs(d);

	p->not_base = ~v->image.base;
	p->size = v->image.size;
	p->version = v->number;
	snprintf(p->module, sizeof(p->module), "%s", m->name);
	p->nfuncs = 0;
	for (uint32_t i = 0; i < d->nfuncs && i < FUNCS; i++) {
		struct purged_func *to = &p->funcs[p->nfuncs++];
		const char *id = desc_str(d, f[i].name);
		const char *colon = strrchr(id, ':');

		to->from =
		    (uint32_t)((uintptr_t)desc_at(&f[i].entry) - v->image.base);
		to->to = to->from + (f[i].size ? f[i].size : 1);
		snprintf(to->name, sizeof(to->name), "%s",
			 colon ? colon + 1 : id);
	}
}

void badfun_forget(const struct hw_version *v)
{
	for (unsigned i = 0; i < PURGED; i++) {
		uintptr_t base = ~table[i].not_base;

		if (base < v->image.base + v->image.size &&
		    v->image.base < base + table[i].size)
			table[i].size = 0;
	}
}

void badfun_remember(const struct hw_mod *m, const struct hw_version *v)
{
	struct purged *p = &table[next_entry++ % PURGED];

	handler_install();
	badfun_forget(v); /* an earlier version at the same place */
	__atomic_add_fetch(&p->sequence, 1, __ATOMIC_ACQ_REL);
	entry_write(p, m, v);
	__atomic_add_fetch(&p->sequence, 1, __ATOMIC_RELEASE);
}
