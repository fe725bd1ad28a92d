/* SPDX-License-Identifier: MIT
 *
 * Each table entry can be pointed to a trap of its own (trap.h): to delete a
 * module is one publish like any other.
 *
 * undef_resolve runs in the thread that made the call, with the call's
 * arguments saved, and asks the code server's thread where to go on. That
 * thread loads the module if it is on the path (a deleted one usually is), all
 * who call meanwhile wait for the one load, and then each goes on in the new
 * code as if nothing had been. If there is nothing to load: a process exits
 * "undef"; of another thread the program's handler is called, and then the
 * program ends by SIGABRT, with a message: there is no value that could be
 * returned to a caller that knows nothing of this.
 *
 * Rejected: an entry of NULL and a handler for SIGSEGV (the program's own comes
 * first); one trap for all entries (a stub does not say its number, and to
 * disassemble the caller is a guess).
 */
#include "codeserver/undef.h"

#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "codeserver/image.h"
#include "codeserver/include/hotwatch/code.h"
#include "codeserver/server.h"
#include "codeserver/table.h"
#include "codeserver/trap.h"

void *undef_resolve(uint32_t index, uintptr_t frame);

/* --- entries -------------------------------------------------------------- */

void *undef_entry(uint32_t index)
{
	return trap_entry(&trap_undef, index);
}

bool undef_is(uintptr_t addr)
{
	return trap_is(&trap_undef, addr);
}

/* Another module's current version may have the function too: inline ones are
 * in many. */
static void *entry_of_other(const struct hw_version *v, const char *id)
{
	for (size_t i = 0; i < hw_guest.nmods; i++) {
		const struct hw_version *o = hw_guest.mods[i].current;

		if (!o || o == v)
			continue;
		for (uint32_t k = 0; k < o->image.desc->nfuncs; k++) {
			const struct hw_func *f = &desc_funcs(o->image.desc)[k];

			if (!strcmp(desc_str(o->image.desc, f->name), id))
				return desc_at(&f->entry);
		}
	}
	return NULL;
}

static const char *id_of_entry(const struct hw_version *v, uintptr_t entry)
{
	const struct hw_module *d = v->image.desc;

	for (uint32_t k = 0; k < d->nfuncs; k++)
		if ((uintptr_t)desc_at(&desc_funcs(d)[k].entry) == entry)
			return desc_str(d, desc_funcs(d)[k].name);
	return NULL;
}

int undef_version(const struct hw_version *v)
{
	struct table_change *c;
	size_t n = 0;
	int r = 0;

	for (uint32_t i = 0; i < hw_guest.nfuncs; i++)
		n += image_has(&v->image, (uintptr_t)table_entry(i));
	c = calloc(n + 1, sizeof(*c));
	n = 0;
	for (uint32_t i = 0; c && r == 0 && i < hw_guest.nfuncs; i++) {
		uintptr_t entry = (uintptr_t)table_entry(i);
		const char *id;

		if (!image_has(&v->image, entry))
			continue;
		id = id_of_entry(v, entry);
		c[n].index = i;
		c[n].entry = id ? entry_of_other(v, id) : NULL;
		if (!c[n].entry)
			c[n].entry = undef_entry(i);
		r = c[n++].entry ? 0 : -1;
	}
	if (c && r == 0 && n)
		r = table_publish(c, n, hw_guest.nfuncs);
	if (c)
		explicit_bzero(c, n * sizeof(*c));
	free(c);
	return c ? r : -1;
}

/* --- in the thread that called -------------------------------------------- */

static hw_undef_handler *undef_handler;

__attribute__((visibility("default"))) hw_undef_handler *
hw_code_set_undef_handler(hw_undef_handler *handler)
{
	return __atomic_exchange_n(&undef_handler, handler, __ATOMIC_ACQ_REL);
}

/* As abort does it, which a guest must not call. */
static void program_end(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGABRT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(SIGABRT);
	sigaction(SIGABRT, &sa, NULL);
	for (;;)
		raise(SIGABRT);
}

static void undef(const struct undef_call *c)
{
	hw_undef_handler *handler;
	char text[1024];
	int n;

	if (hw_self())
		hw_exit_self("undef");
	handler = __atomic_load_n(&undef_handler, __ATOMIC_ACQUIRE);
	if (handler)
		handler(c->module, c->function);
	n = snprintf(text, sizeof(text),
		     "hotwatch: undef: %s was called, but %s has no current "
		     "code (it was deleted, or a newer version lacks the "
		     "function) and none is on the path; load a version that "
		     "has it before it is called, or set a handler with "
		     "hw_code_set_undef_handler\n",
		     c->function, c->module);
	if (n > 0 && write(2, text, (size_t)n) < 0)
		n = 0;
	program_end();
}

struct undef_wait {
	struct server_question question;
	struct undef_call call;
};

static void wait_destroy(struct server_question *q)
{
	free(q);
}

static void wait_answered(struct undef_call *call)
{
	struct undef_wait *w =
	    (struct undef_wait *)(void *)((char *)call -
					  offsetof(struct undef_wait, call));

	server_answered(&w->question);
}

static void wait_run(struct server_job *job)
{
	undef_call_serve(&((struct undef_wait *)(void *)job)->call);
}

/* The dynamic linker calls destructors, at the program's end: one of a module
 * that is gone has nothing left to do, and is not missed. */
static bool is_destructor(uintptr_t caller)
{
	const char *base = (const char *)_r_debug.r_ldbase;
	const ElfW(Ehdr) *eh = (const void *)base;
	const ElfW(Phdr) * ph;

	if (!base)
		return false;
	ph = (const void *)(base + eh->e_phoff);
	for (int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_flags & PF_X &&
		    caller - ((uintptr_t)base + ph[i].p_vaddr) < ph[i].p_memsz)
			return true;
	return false;
}

static void nothing(void)
{
}

/* What undef_trap calls, in the thread that made the call; FRAME is its %rbp,
 * above which the call's return address is. */
void *undef_resolve(uint32_t index, uintptr_t frame)
{
	struct undef_call failed = {.index = index};
	struct undef_wait *w;
	void *entry = NULL;

	if (is_destructor(((const uintptr_t *)frame)[1]))
		return (void *)(uintptr_t)nothing;
	w = calloc(1, sizeof(*w));
	if (w) {
		w->question.job.run = wait_run;
		w->question.destroy = wait_destroy;
		w->call.index = index;
		w->call.tid = (pid_t)syscall(SYS_gettid);
		w->call.done = wait_answered;
		if (server_ask(&w->question) == 0) {
			entry = w->call.entry;
			failed = w->call;
		}
		w->call.entry = NULL; /* no code address in the heap */
		failed.entry = NULL;
		server_ask_free(&w->question);
	}
	if (!entry)
		undef(&failed);
	return entry;
}
