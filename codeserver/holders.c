/* SPDX-License-Identifier: MIT
 *
 * What is a holder of a version that is not current any more:
 *
 * frame	a thread has a frame in its code. After the publish no call can
 *		enter it (calls go through the table, addresses of functions are
 *		their stubs'), so a thread that was seen without stays without.
 * pointer	a word points into it: to its code from memory (a coroutine's
 *		stack, a context, a jmp_buf, which glibc mangles), to its
 *		constants or data from anywhere.
 * unknown	a thread could not be seen, or has a word on its stack that
 *		points into its code and its frames could not be told.
 *
 * The stack of a thread is searched for words that point to a version. Most
 * threads have none, and hold nothing. Else the stack is unwound. A return
 * address that is not one of a frame is left from a call that has ended, and
 * holds nothing; but the last word of a context saved there (its neighbour is
 * the stack pointer that goes with it) does, and so does one above the
 * outermost frame, where thread-locals are.
 *
 * Two gaps are known. A coroutine whose stack is an array in a frame of the
 * thread that made it, and that was left by a switch of its own making (not
 * ucontext), looks like dead words. And a pointer to a constant that only a
 * callee-saved register of a blocked thread holds is not seen.
 *
 * One thing is seen that holds nothing: a thread with an alternate signal stack
 * answers our question there, and the kernel leaves on it where the thread was,
 * until the next signal. It holds that code so long.
 *
 * A function that the newer version lacks can still be called: its stub leads
 * into the old one. That is no matter of frames; whoever purges must turn the
 * stub away first, then look.
 *
 * The order is: the place where a version was found held the last time (one
 * look at one thread, or at one word: microseconds); all threads; then memory;
 * then, if memory is clean, the threads once more, because a pointer may have
 * moved from memory that was not searched yet to a stack that already was.
 */
#include "codeserver/holders.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codeserver/holders-internal.h"
#include "codeserver/image.h"
#include "codeserver/maps.h"
#include "codeserver/memory.h"
#include "codeserver/table.h"
#include "codeserver/threads.h"
#include "codeserver/unwind.h"

#define LINK_MAP_SIZE 0x480 /* glibc's whole struct link_map, at least */

/* --- which version a word belongs to -------------------------------------- */

static bool wants(const struct holders_of *of, bool code)
{
	return code ? !of->only_data : true;
}

/* Whether WORD points into OF's version; *CODE: into its text. */
static bool version_has(const struct holders_of *of, uintptr_t word, bool *code)
{
	const struct hw_image *i = &of->version->image;

	if (word - i->base >= i->size)
		return false;
	*code = image_code_has(i, word);
	if (!i->handle) /* its data is the program's */
		return *code;
	for (size_t k = 0; k < i->nspans; k++)
		if (word - i->base >= i->spans[k].from &&
		    word - i->base < i->spans[k].to)
			return true;
	return false;
}

/* The index of the version that WORD points into, or -1. */
static int word_version(const struct look *l, uintptr_t word, bool *code)
{
	for (size_t i = 0; i < l->n; i++)
		if (version_has(&l->of[i], word, code))
			return wants(&l->of[i], *code) ? (int)i : -1;
	return -1;
}

/* --- a thread's stack ----------------------------------------------------- */

/* What unwinding said of one thread. */
static struct walk {
	const struct look *look;
	const struct snapshot *s;
	bool in[HOLDERS_VERSIONS]; /* it has a frame there: the innermost */
	struct holder_frame at[HOLDERS_VERSIONS];
	struct holder_frame frames[HOLDER_FRAMES];
	size_t nframes;
	bool failed;
	uintptr_t not_top, not_here; /* ends of the last frame, and of the last
				      * on the stack that the thread is on */
	bool guessed;
} walk;

static void walk_frame(const void *arg, uintptr_t pc, uintptr_t cfa)
{
	struct holder_frame f = {~pc, 0, NULL};

	(void)arg;
	if (cfa > ~walk.not_here && cfa <= walk.s->seen)
		walk.not_here = ~cfa;
	if (walk.nframes < HOLDER_FRAMES)
		walk.frames[walk.nframes++] = f;
	for (size_t i = 0; i < walk.look->n; i++) {
		const struct hw_image *m = &walk.look->of[i].version->image;

		/* a call that never returns may be a function's last bytes */
		if (walk.in[i] || walk.look->of[i].only_data ||
		    (!image_code_has(m, pc) && !image_code_has(m, pc - 1)))
			continue;
		walk.in[i] = true;
		walk.at[i] = f;
	}
}

static void walk_run(const struct look *l, const struct snapshot *s)
{
	static struct unwind u;

	memset(&walk, 0, sizeof(walk));
	walk.look = l;
	walk.s = s;
	walk.not_here = ~s->from;
	memcpy(u.reg, s->reg, sizeof(u.reg));
	u.known = s->known;
	u.read = threads_word;
	u.frame = walk_frame;
	u.arg = s;
	walk.failed = unwind_run(&u) < 0;
	walk.guessed = u.guessed;
	walk.not_top = ~u.top;
	memset(&u, 0, sizeof(u));
}

/*
 * Whether the word at AT, which points into code and is no frame's return
 * address, is the last of a context that swapcontext saved: below it lies the
 * stack pointer that goes with it, and below that the same address.
 */
static bool context_saved(const struct snapshot *s, uintptr_t at,
			  uintptr_t word)
{
	uint64_t sp, back;

	return threads_word(s, at - 8, &sp) == 0 &&
	       memory_peek(sp - 8, &back, 8) == 0 && back == word;
}

/* Whether the jmp_buf word at AT is of another stack than S's own: else the
 * frame it would return to is there to be seen, or gone. */
static bool jump_elsewhere(const struct snapshot *s, uintptr_t at)
{
	uint64_t sp;

	if (threads_word(s, at - 8, &sp) < 0)
		return true;
	sp = demangle(sp);
	return sp < s->home.from || sp >= s->home.to;
}

static void unknown_add(struct look *l, size_t i, pid_t tid, const char *why)
{
	struct found f = {.kind = HOLDER_UNKNOWN, .tid = tid, .why = why};

	found_add(l, i, &f);
}

/* A word on a thread's stack (at AT; 0: in a register). */
static void stack_pointer(struct look *l, const struct snapshot *s, size_t i,
			  uintptr_t at, uintptr_t word, bool code)
{
	struct found f = {.kind = HOLDER_POINTER,
			  .tid = s->tid,
			  .where = HOLDER_STACK,
			  .into_code = code,
			  .not_word = ~at,
			  .not_value = ~word};

	found_add(l, i, &f);
}

/* One word of the stack that points into version I's code. */
static void code_word(struct look *l, const struct snapshot *s, size_t i,
		      uintptr_t at, uintptr_t word, bool mangled)
{
	uintptr_t top = ~walk.not_top;

	if (mangled) {
		if (jump_elsewhere(s, at))
			stack_pointer(l, s, i, at, word, true);
		return;
	}
	if (context_saved(s, at, word) || (!walk.failed && at >= top))
		stack_pointer(l, s, i, at, word, true);
	else if (walk.failed && (at >= top || walk.guessed))
		unknown_add(l, i, s->tid, "its stack cannot be unwound");
}

static void stack_value(struct look *l, const struct snapshot *s, uintptr_t at,
			uintptr_t word, bool mangled)
{
	bool code;
	int i = suspect(word) ? word_version(l, word, &code) : -1;

	if (i < 0 || walk.in[i])
		return;
	if (code)
		code_word(l, s, (size_t)i, at, word, mangled);
	else if (!mangled)
		stack_pointer(l, s, (size_t)i, at, word, false);
}

static void stack_values(struct look *l, const struct snapshot *s)
{
	const uintptr_t *w = (const uintptr_t *)s->stack;
	const struct snapshot_words *noted = s->words;

	for (size_t i = 0; i < s->size / 8; i++) {
		if (suspect(w[i]))
			stack_value(l, s, s->from + 8 * i, w[i], false);
		if (suspect(demangle(w[i])))
			stack_value(l, s, s->from + 8 * i, demangle(w[i]),
				    true);
	}
	if (s->from + s->size >= s->seen)
		return;
	/* what a running thread has not copied, it has noted; or not all */
	for (unsigned i = 0; i < noted->n; i++)
		if (noted->word[i].at >= s->size / 8)
			stack_value(l, s, s->from + 8ul * noted->word[i].at,
				    HW_ARENA_BASE + noted->word[i].offset,
				    noted->word[i].mangled);
	for (size_t i = 0; noted->more && i < l->n; i++)
		if (!walk.in[i])
			unknown_add(l, i, s->tid,
				    "its stack is too deep to be copied");
}

/* A register: of a blocked thread an argument of its call. */
static void register_value(struct look *l, const struct snapshot *s,
			   uintptr_t word)
{
	bool code;
	int i = suspect(word) ? word_version(l, word, &code) : -1;

	if (i >= 0 && !walk.in[i] && (!code || !s->blocked))
		stack_pointer(l, s, (size_t)i, 0, word, code);
}

static bool thread_see(void *arg, const struct snapshot *s)
{
	struct look *l = arg;
	struct mark mark = look_mark(l);

	walk_run(l, s);
	for (int i = 0; i < CFI_RIP; i++)
		if (s->known >> i & 1)
			register_value(l, s, s->reg[i]);
	stack_values(l, s);
	if (s->blocked && !threads_still(s)) {
		look_undo(l, mark);
		return false;
	}
	for (size_t i = 0; i < l->n; i++) {
		struct found f = {.kind = HOLDER_FRAME, .tid = s->tid};

		if (!walk.in[i])
			continue;
		f.at = walk.at[i];
		f.frames = walk.frames;
		f.nframes = walk.nframes;
		found_add(l, i, &f);
	}
	if (!walk.failed)
		threads_judged(s->tid, s->from, ~walk.not_here, ~walk.not_top);
	return true;
}

static void thread_unseen(void *arg, pid_t tid, const char *why)
{
	struct look *l = arg;

	for (size_t i = 0; i < l->n; i++)
		if (!l->of[i].only_data)
			unknown_add(l, i, tid, why);
}

/* --- memory --------------------------------------------------------------- */

/* Words that are no holders though they point there: the table's, and what the
 * dynamic linker notes of an image (its l_text_end is the first byte of .rodata
 * when that begins the next page, and so would hold the version for ever). */
static bool word_ours(const struct holders_of *of, uintptr_t at)
{
	const struct hw_image *i = &of->version->image;
	uintptr_t first = (uintptr_t)hw_guest.program->first_table;
	uintptr_t map = (uintptr_t)i->handle;

	return at - i->base < i->size || at - map < LINK_MAP_SIZE ||
	       at - first < hw_guest.program->nfuncs * sizeof(void *) ||
	       table_owns(at);
}

/* A jmp_buf whose stack is a thread's own: see jump_elsewhere. */
static bool jump_home(const struct look *l, uintptr_t at)
{
	uintptr_t sp;

	if (memory_peek(at - 8, &sp, 8) < 0)
		return false;
	sp = demangle(sp);
	for (size_t i = 0; i < l->nstacks; i++)
		if (sp >= l->stacks[i].from && sp < l->stacks[i].to)
			return true;
	return false;
}

static bool all_answered(const struct look *l)
{
	if (l->listing)
		return false;
	for (size_t i = 0; i < l->n; i++)
		if (!l->of[i].code && !(l->of[i].only_data && l->of[i].data))
			return false;
	return true;
}

static bool look_enough(void *arg)
{
	return all_answered(arg);
}

static bool memory_hit(void *arg, uintptr_t at, uintptr_t word, bool mangled)
{
	struct look *l = arg;
	struct found f = {.kind = HOLDER_POINTER,
			  .where = HOLDER_MAPPING,
			  .not_word = ~at,
			  .not_value = ~word};
	int i = word_version(l, word, &f.into_code);

	if (i < 0 || word_ours(&l->of[i], at) ||
	    (mangled && (!f.into_code || jump_home(l, at))))
		return true;
	found_add(l, (size_t)i, &f);
	return !all_answered(l);
}

static int memory_look(struct look *l, bool (*busy)(void *), void *arg)
{
	struct memory_search m = {.hit = memory_hit,
				  .busy = busy,
				  .arg = l,
				  .busy_arg = arg};

	unwind_forget();
	memset(&walk, 0, sizeof(walk));
	if (maps_read() < 0)
		return -1;
	l->nstacks = threads_stacks(&l->stacks);
	m.skip = l->stacks;
	m.nskip = l->nstacks;
	return memory_search(&m);
}

/* --- the questions -------------------------------------------------------- */

static void look_begin(struct look *l)
{
	suspects_clear();
	for (size_t i = 0; i < l->n; i++) {
		const struct hw_image *m = &l->of[i].version->image;

		l->of[i].code = l->of[i].data = false;
		l->of[i].holders = 0;
		suspects_add(m->base, m->base + m->size);
	}
}

static void look_end(struct look *l)
{
	unwind_forget();
	memset(&walk, 0, sizeof(walk));
	suspects_clear();
	l->stacks = NULL;
}

static int look_run(struct look *l, bool (*busy)(void *), void *arg)
{
	struct threads_look t = {thread_see, thread_unseen, look_enough, l};
	int r;

	look_begin(l);
	if (!l->listing)
		known_places(l, &t);
	if (all_answered(l)) {
		look_end(l);
		return 0;
	}
	r = threads_look(&t);
	if (r == 0 && !l->brief && !all_answered(l))
		r = memory_look(l, busy, arg);
	if (r == 0 && !l->listing && !all_answered(l))
		r = threads_look(&t);
	look_end(l);
	return r;
}

int holders_look(struct holders_of *of, size_t n, bool (*busy)(void *),
		 void *arg)
{
	struct look l = {.of = of, .n = n};
	int r = look_run(&l, busy, arg);

	for (size_t i = 0; r < 0 && i < n; i++)
		of[i].code = of[i].data = true;
	return r;
}

static int list_run(struct look *l, struct holder **list, size_t *nlist)
{
	int r = look_run(l, NULL, NULL);

	for (size_t i = 0; r < 0 && i < l->n; i++)
		l->of[i].code = l->of[i].data = true;
	if (r == 0)
		known_sweep(l);
	*list = l->list;
	*nlist = l->nlist;
	return r;
}

int holders_list(struct holders_of *of, size_t n, struct holder **list,
		 size_t *nlist)
{
	struct look l = {.of = of, .n = n, .listing = true};

	return list_run(&l, list, nlist);
}

int holders_who(struct holders_of *of, size_t n, struct holder **list,
		size_t *nlist)
{
	struct look l = {.of = of, .n = n, .listing = true, .nameless = true};

	return list_run(&l, list, nlist);
}

int holders_threads(struct holders_of *of, size_t n, struct holder **list,
		    size_t *nlist)
{
	struct look l = {.of = of, .n = n, .listing = true, .brief = true};
	int r = look_run(&l, NULL, NULL);

	*list = l.list;
	*nlist = l.nlist;
	return r;
}

int holders_count(struct holders_of *of, size_t n)
{
	struct holder *list;
	size_t nlist;
	int r = holders_threads(of, n, &list, &nlist);

	holders_free(list, nlist);
	return r;
}

void holders_free(struct holder *list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		holder_clear(&list[i]);
	free(list);
}

/* --- words and tables ----------------------------------------------------- */

struct words {
	const uintptr_t *address;
	size_t n;
	bool *found;
};

static bool words_hit(void *arg, uintptr_t at, uintptr_t word, bool mangled)
{
	struct words *w = arg;

	(void)at;
	for (size_t i = 0; !mangled && i < w->n; i++)
		w->found[i] |= w->address[i] == word;
	return true;
}

static bool words_see(void *arg, const struct snapshot *s)
{
	const uintptr_t *stack = (const uintptr_t *)s->stack;

	for (int i = 0; i < CFI_REGS; i++)
		words_hit(arg, 0, s->reg[i], false);
	for (size_t i = 0; i < s->size / 8; i++)
		words_hit(arg, 0, stack[i], false);
	return true;
}

static void words_unseen(void *arg, pid_t tid, const char *why)
{
	(void)arg;
	(void)tid;
	(void)why;
}

int holders_words(const uintptr_t *address, size_t n, bool *found)
{
	struct words w = {address, n, found};
	struct threads_look t = {words_see, words_unseen, NULL, &w};
	struct memory_search m = {.hit = words_hit, .arg = &w};
	int r;

	memset(found, 0, n * sizeof(*found));
	suspects_clear();
	for (size_t i = 0; i < n; i++)
		suspects_add(address[i], address[i] + 1);
	r = threads_look(&t);
	if (r == 0 && maps_read() == 0) {
		m.nskip = threads_stacks(&m.skip);
		r = memory_search(&m);
	}
	suspects_clear();
	return r;
}

bool holders_stubs_clear(void)
{
	return threads_stubs_clear();
}

int holders_tables(const struct hw_span *tables, size_t n, bool *held)
{
	struct words none = {NULL, 0, NULL};
	struct threads_look t = {words_see, words_unseen, NULL, &none};

	(void)tables;
	suspects_clear();
	if (!holders_stubs_clear() && threads_look(&t) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		held[i] = !holders_stubs_clear();
	return 0;
}
