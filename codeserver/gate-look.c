/* SPDX-License-Identifier: MIT
 *
 * Who is inside: a look at all threads, as holders.c takes it for versions, but
 * for functions. A frame in code of the modules holds the gate open if that
 * function, or what it calls within its version, may touch one of the variables
 * (the object says which does: layout_touchers); if that is not known, any. A
 * main loop in a module whose other functions have the state is no obstacle.
 *
 * A thread also holds it that stands in a stub with the old table in hand,
 * whose frames cannot be told while it has a word that points to such a
 * function, that could not be seen, or that has the address of a storage that
 * moves on its stack or in a register. The last may be a dead word; it goes
 * when the stack is used again, or the load is refused: the other mistake would
 * lose what is written through it. But of a call that waits at the gate it is
 * known which registers are its arguments (gate-args.c): who calls in a loop
 * has the same dead words in the others each time.
 *
 * Then memory: the same words, but where an initializer put them which will be
 * turned, in the linker's tables, and in what is ours. Not code's in a program
 * with a sanitizer, which keeps the return addresses of each allocation: a
 * coroutine that waits in such a function is not seen there.
 */
#include "codeserver/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/arena.h"
#include "codeserver/holders.h"
#include "codeserver/image.h"
#include "codeserver/load-internal.h"
#include "codeserver/maps.h"
#include "codeserver/memory.h"
#include "codeserver/thread-proc.h"
#include "codeserver/threads.h"
#include "codeserver/unwind.h"

#define INSIDE_MAX 256

/* A version of the modules, and which of its functions may touch. */
struct watched {
	struct hw_version *version;
	const struct hw_mod *mod;
	const struct layout *types; /* NULL: any function */
	bool *touches;
};

struct gate_look {
	const struct gate *gate;
	struct watched *watched;
	size_t n;
	/* Of the last look: threads with such a frame, as many as can be
	 * noted (the others wait); and whether all is clear. */
	pid_t inside[INSIDE_MAX];
	size_t ninside;
	bool sanitized;
	bool clear, runs; /* runs: one of them is not blocked */
	/* Of all looks since the watch began. */
	pid_t stayed[INSIDE_MAX];
	size_t nstayed;
	bool begins;
	/* the first that was found, for people */
	enum {
		WHO_NOBODY,
		WHO_FRAME,
		WHO_POINTER,
		WHO_UNKNOWN,
		WHO_ENTERING,
		WHO_MEMORY
	} who;
	pid_t tid;
	uintptr_t not_pc;
	size_t span;
};

/* --- what is watched ------------------------------------------------------ */

static int watched_add(struct gate_look *l, const struct hw_mod *m,
		       struct hw_version *v)
{
	struct watched *w = realloc(l->watched, (l->n + 1) * sizeof(*w));

	if (!w)
		return -1;
	l->watched = w;
	w += l->n++;
	*w = (struct watched){.version = v, .mod = m, .types = types_of(v)};
	if (!w->types)
		return 0;
	w->touches = calloc(w->types->nfuncs + 1, sizeof(*w->touches));
	if (!w->touches)
		return -1;
	layout_touchers(w->types, l->gate->ids, l->gate->nids, w->touches);
	return 0;
}

static int watched_find(struct gate_look *l)
{
	const struct gate *g = l->gate;
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->n; i++) {
		if (g->mods[i]->current)
			r = watched_add(l, g->mods[i], g->mods[i]->current);
		for (struct hw_version *v = g->mods[i]->old; r == 0 && v;
		     v = v->older)
			r = watched_add(l, g->mods[i], v);
	}
	return r;
}

struct gate_look *gate_look_new(const struct gate *g)
{
	struct gate_look *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->gate = g;
	l->sanitized = memory_sanitized();
	if (watched_find(l) == 0)
		return l;
	gate_look_free(l);
	return NULL;
}

void gate_look_free(struct gate_look *l)
{
	for (size_t i = 0; l && i < l->n; i++)
		free(l->watched[i].touches);
	free(l ? l->watched : NULL);
	free(l);
}

/* --- words ---------------------------------------------------------------- */

/* A PLT entry: its caller waits at the gate, or is not of these modules. */
static bool in_plt(const struct hw_image *i, uintptr_t pc)
{
	uintptr_t plt = i->desc->plt ? (uintptr_t)desc_at(&i->desc->plt) : 0;

	return plt && pc - (plt - 16) < 16 * (i->njmprel + 1);
}

/* The function of W that PC is in may touch one of the variables. */
static bool touches(const struct watched *w, uintptr_t pc)
{
	const struct hw_image *i = &w->version->image;
	const struct layout_func *f;

	if (!image_has(i, pc) || !image_code_has(i, pc) || in_plt(i, pc))
		return false;
	f = w->types ? layout_func_at(w->types, pc - i->addr) : NULL;
	return !f || w->touches[f - w->types->funcs];
}

static bool any_touches(const struct gate_look *l, uintptr_t pc)
{
	for (size_t i = 0; i < l->n; i++)
		if (touches(&l->watched[i], pc))
			return true;
	return false;
}

/* The same of a word that may be anything. A function's first byte is no return
 * address, and its address is its stub's: such words are ours and the linker's.
 */
static bool word_touches(const struct gate_look *l, uintptr_t word)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct watched *w = &l->watched[i];
		const struct layout_func *f =
		    w->types && image_has(&w->version->image, word)
			? layout_func_at(w->types,
					 word - w->version->image.addr)
			: NULL;

		if (touches(w, word) &&
		    !(f && f->addr == word - w->version->image.addr))
			return true;
	}
	return false;
}

/* Which storage WORD points into, or -1. */
static long span_of(const struct gate_look *l, uintptr_t word)
{
	for (size_t i = 0; i < l->gate->nspans; i++)
		if (hidden_has(&l->gate->spans[i], word))
			return (long)i;
	return -1;
}

static void found(struct gate_look *l, int who, pid_t tid, uintptr_t pc)
{
	l->clear = false;
	if (who == WHO_FRAME && l->ninside < INSIDE_MAX)
		l->inside[l->ninside++] = tid;
	l->who = who;
	l->tid = tid;
	l->not_pc = ~pc;
}

/* --- threads -------------------------------------------------------------- */

static struct walk {
	struct gate_look *look;
	const struct snapshot *s;
	uintptr_t not_pc; /* of the innermost such frame */
	bool inside;
} walk;

static void walk_frame(const void *arg, uintptr_t pc, uintptr_t cfa)
{
	(void)arg;
	(void)cfa;
	/* a call that never returns may be a function's last bytes */
	if (walk.inside ||
	    !(any_touches(walk.look, pc) || any_touches(walk.look, pc - 1)))
		return;
	walk.inside = true;
	walk.not_pc = ~pc;
}

/* What is alive of the call that thread TID waits with, if it does. */
static void args_of(const struct gate_look *l, pid_t tid, struct gate_args *a)
{
	const struct layout *types = NULL;
	const struct layout_func *f = NULL;
	struct gate_wait wait;
	uintptr_t entry;

	*a = (struct gate_args){0};
	if (!gate_waits(tid, &wait))
		return;
	entry = (uintptr_t)gate_entry(wait.index);
	for (size_t i = 0; i < l->n && !f; i++) {
		const struct hw_image *m = &l->watched[i].version->image;

		types = l->watched[i].types;
		if (types && image_has(m, entry))
			f = layout_func_at(types, entry - m->addr);
	}
	gate_args_of(a, wait.frame, types, f);
}

/* Whether a word of the stack points to such a function; a storage's number to
 * *SPAN. */
static bool stack_points(struct gate_look *l, const struct snapshot *s,
			 long *span)
{
	const uintptr_t *w = (const uintptr_t *)s->stack;
	bool code = s->words->more;
	struct gate_args args;

	*span = -1;
	args_of(l, s->tid, &args);
	for (size_t i = 0; i < s->size / 8; i++) {
		if (!suspect(w[i]))
			continue;
		code |= word_touches(l, w[i]);
		if (*span < 0 && !gate_args_dead(&args, s->from + 8 * i))
			*span = span_of(l, w[i]);
	}
	for (int i = 0; i < CFI_RIP && *span < 0; i++)
		if ((s->known >> i & 1) && suspect(s->reg[i]))
			*span = span_of(l, s->reg[i]);
	return code;
}

static bool thread_see(void *arg, const struct snapshot *s)
{
	static struct unwind u;
	struct gate_look *l = arg;
	bool failed, code;
	long span;

	walk = (struct walk){.look = l, .s = s};
	memcpy(u.reg, s->reg, sizeof(u.reg));
	u.known = s->known;
	u.read = threads_word;
	u.frame = walk_frame;
	u.arg = s;
	failed = unwind_run(&u) < 0;
	memset(&u, 0, sizeof(u));
	code = stack_points(l, s, &span);
	if (s->blocked && !threads_still(s))
		return false;
	if (walk.inside) {
		l->runs |= !s->blocked;
		found(l, WHO_FRAME, s->tid, ~walk.not_pc);
	} else if (failed && code) {
		found(l, WHO_UNKNOWN, s->tid, 0);
	} else if (span >= 0) {
		found(l, WHO_POINTER, s->tid, 0);
		l->span = (size_t)span;
	}
	return true;
}

static void thread_unseen(void *arg, pid_t tid, const char *why)
{
	(void)why;
	found(arg, WHO_UNKNOWN, tid, 0);
}

static void suspects_of(const struct gate_look *l)
{
	suspects_clear();
	for (size_t i = 0; i < l->n; i++) {
		const struct hw_image *m = &l->watched[i].version->image;

		suspects_add(m->base, m->base + m->size);
	}
	for (size_t i = 0; i < l->gate->nspans; i++)
		suspects_add(~l->gate->spans[i].not_from,
			     ~l->gate->spans[i].not_to);
}

static void stayed_note(struct gate_look *l)
{
	size_t n = 0;

	if (l->begins) {
		memcpy(l->stayed, l->inside, sizeof(l->stayed));
		l->nstayed = l->ninside;
		l->begins = false;
	}
	for (size_t i = 0; i < l->nstayed; i++)
		if (gate_look_inside(l, l->stayed[i]))
			l->stayed[n++] = l->stayed[i];
	l->nstayed = n;
}

void gate_look_watch(struct gate_look *l)
{
	l->begins = true;
}

bool gate_look_runs(const struct gate_look *l)
{
	return l->runs;
}

bool gate_look_stays(const struct gate_look *l)
{
	return l->nstayed > 0;
}

bool gate_look_threads(struct gate_look *l)
{
	struct threads_look t = {.see = thread_see,
				 .unseen = thread_unseen,
				 .arg = l};

	l->ninside = 0;
	l->clear = true;
	l->runs = false;
	l->who = WHO_NOBODY;
	suspects_of(l);
	if (threads_look(&t) < 0)
		found(l, WHO_UNKNOWN, 0, 0);
	if (l->clear && !threads_stubs_clear())
		found(l, WHO_ENTERING, 0, 0);
	stayed_note(l);
	unwind_forget();
	memset(&walk, 0, sizeof(walk));
	suspects_clear();
	return !l->clear;
}

bool gate_look_inside(const struct gate_look *l, pid_t tid)
{
	for (size_t i = 0; i < l->ninside; i++)
		if (l->inside[i] == tid)
			return true;
	return false;
}

/* --- memory --------------------------------------------------------------- */

/* In the rest of a page, where the file goes on after the segment. */
static bool beyond_segments(const struct hw_image *i, uintptr_t at)
{
	const ElfW(Ehdr) *e = (const void *)i->base;
	const ElfW(Phdr) *ph = (const void *)(i->base + e->e_phoff);

	for (int k = 0; k < e->e_phnum; k++)
		if (ph[k].p_type == PT_LOAD &&
		    at - i->addr - ph[k].p_vaddr < ph[k].p_memsz)
			return false;
	return true;
}

/* In AddressSanitizer's table of an object's globals: an address, a size, that
 * with the redzone behind it. */
static bool sanitizer_has(const struct hw_image *i, uintptr_t at)
{
	uintptr_t w[3];

	return !(at & 7) && image_has(i, at + sizeof(w) - 1) &&
	       memory_peek(at, w, sizeof(w)) == 0 && w[1] && w[1] < w[2] &&
	       w[2] - w[1] < w[1] + 64 && w[2] % 32 == 0;
}

static bool variable_has(const struct hw_image *i, uintptr_t at)
{
	const struct hw_var *v = desc_vars(i->desc);

	for (uint32_t k = 0; k < i->desc->nvars; k++)
		if (v[k].addr &&
		    at - (uintptr_t)desc_at(&v[k].addr) < v[k].size)
			return true;
	return false;
}

/* In what an object has beside variables: the linker's tables, templates of its
 * functions' arrays; or in a copy of its variables that nobody uses. */
static bool table_has(const struct hw_image *i, uintptr_t at)
{
	return image_has(i, at) &&
	       (i->handle || beyond_segments(i, at) || sanitizer_has(i, at) ||
		!variable_has(i, at));
}

/* The tables of what was purged, but has variables that are in use: no code of
 * it runs that could take an address from there. */
static bool fenced_has(uintptr_t at)
{
	for (size_t k = 0; k < hw_guest.nmods; k++)
		for (const struct hw_version *v = hw_guest.mods[k].fenced; v;
		     v = v->older)
			if (table_has(&v->image, at))
				return true;
	return false;
}

/* In an object's own tables, or in ours. */
static bool word_ours(const struct gate_look *l, uintptr_t at)
{
	uintptr_t first = (uintptr_t)hw_guest.program->first_table;
	struct hw_variable *all;
	size_t n = registry_vars(&all);

	if (at - first < hw_guest.program->nfuncs * sizeof(void *) ||
	    table_owns(at) || at - (uintptr_t)all < n * sizeof(*all))
		return true;
	for (size_t i = 0; i < l->n; i++)
		if (table_has(&l->watched[i].version->image, at))
			return true;
	return fenced_has(at);
}

static bool memory_hit(void *arg, uintptr_t at, uintptr_t word, bool mangled)
{
	struct gate_look *l = arg;
	const struct gate *g = l->gate;
	long span = mangled ? -1 : span_of(l, word);
	bool code = !l->sanitized && word_touches(l, word);

	if ((span < 0 && !code) || word_ours(l, at) ||
	    (span >= 0 && g->allowed && g->allowed(g->arg, at, word)))
		return true;
	l->who = WHO_MEMORY;
	l->not_pc = ~at;
	l->span = span < 0 ? g->nspans : (size_t)span;
	return false;
}

bool gate_look_memory(struct gate_look *l)
{
	struct memory_search m = {.hit = memory_hit, .arg = l};
	int r;

	l->who = WHO_NOBODY;
	suspects_of(l);
	r = maps_read();
	if (r == 0) {
		m.nskip = threads_stacks(&m.skip);
		r = memory_search(&m);
	}
	suspects_clear();
	if (r < 0 && l->who == WHO_NOBODY)
		l->who = WHO_UNKNOWN;
	return l->who != WHO_NOBODY;
}

/* --- for people ----------------------------------------------------------- */

static const char *function_name(const struct gate_look *l, uintptr_t pc)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct watched *w = &l->watched[i];
		const struct layout_func *f;

		if (!image_has(&w->version->image, pc) || !w->types)
			continue;
		f = layout_func_at(w->types, pc - 1 - w->version->image.addr);
		return f ? var_bare(layout_str(w->types, f->id)) : NULL;
	}
	return NULL;
}

static const char *span_name(const struct gate_look *l)
{
	return l->span < l->gate->nids ? var_bare(l->gate->ids[l->span])
				       : "code that uses them";
}

static const char *variables(const struct gate_look *l)
{
	return l->gate->nids ? var_bare(l->gate->ids[0]) : "its variables";
}

const char *gate_look_who(const struct gate_look *l, char *buf, size_t size)
{
	const char *function = function_name(l, ~l->not_pc);
	char name[16] = "";

	if (l->tid)
		thread_name(l->tid, name);
	switch (l->who) {
	case WHO_FRAME:
		snprintf(buf, size,
			 "thread %d (%s) is in %s, which uses %s, and did not "
			 "leave it in %u ms",
			 l->tid, name, function ? function : "its code",
			 variables(l), l->gate->deadline_ms);
		break;
	case WHO_POINTER:
		snprintf(buf, size,
			 "thread %d (%s) has a pointer to %s on its stack, "
			 "which has to move",
			 l->tid, name, span_name(l));
		break;
	case WHO_MEMORY:
		snprintf(buf, size,
			 "memory at %#lx points to %s, which has to move",
			 (unsigned long)~l->not_pc, span_name(l));
		break;
	default:
		snprintf(buf, size,
			 "it cannot be seen whether thread %d (%s) uses %s",
			 l->tid, name, variables(l));
	}
	return buf;
}
