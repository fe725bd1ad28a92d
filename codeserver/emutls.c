/* SPDX-License-Identifier: MIT
 *
 * Thread-locals. Hot code is compiled with -femulated-tls: each thread-local
 * is an ordinary variable, its control object {size, align, index, initial
 * value}, and a call of hw_emutls_get_address(control) gives this thread's
 * copy. (The rewrite gives the compiler's __emutls_get_address this name, so
 * that libgcc's is not found first.) So a thread-local is kept over a reload as
 * any variable is: by sharing its control object. With native TLS a static
 * thread-local is a constant offset in its image's block, and cannot be.
 *
 * Those of the start live in a block of native thread-local storage, which the
 * stubs' object brings: their index is the block's distance from the thread
 * pointer and their place in it, always negative, and a copy is found by one
 * addition (stubs.c: emutls_add; without it Redis' allocator, which asks thrice
 * an allocation, made SET a twelfth slower). A new thread's block is copied by
 * the C library from the object's initial image: the initial values are put
 * there, once, before there are other threads. Those that came later, and those
 * that were used before we could place them, are made when first asked for:
 *
 * Called by any thread, also before main, inside malloc (jemalloc keeps its
 * thread data so) and in signal handlers. So: no malloc, mmap only; no lock is
 * held while signals can come in. A copy is zeroed or copied once, when a
 * thread first asks. At a thread's end its copies are given back by a
 * pthread_key destructor that runs as late as the C library lets it, because
 * other destructors may still use thread-locals.
 */
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "codeserver/arena.h"
#include "codeserver/emutls.h"
#include "codeserver/guest.h"
#include "codeserver/memory.h"

/* A thread's memory for copies: chunks, of which the newest is being filled. */
struct chunk {
	struct chunk *older;
	size_t bytes, used;
};

struct mine {
	void **copy; /* by index - 1 */
	size_t n;    /* room in copy, in entries */
	size_t copy_bytes;
	struct chunk *chunks;
	unsigned rounds; /* of the destructor */
};

#define CHUNK (64 * 1024ul)

static __thread struct mine mine __attribute__((tls_model("initial-exec")));
static uintptr_t next_index;
static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void *pages(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* ThreadSanitizer gives its thread up in the last round. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ROUNDS (PTHREAD_DESTRUCTOR_ITERATIONS - 1)
#endif
#endif
#ifndef ROUNDS
#define ROUNDS PTHREAD_DESTRUCTOR_ITERATIONS
#endif

static void thread_ends(void *arg)
{
	struct chunk *c, *older;

	(void)arg;
	if (++mine.rounds < ROUNDS) {
		pthread_setspecific(key, &mine); /* once more, later */
		return;
	}
	for (c = mine.chunks; c; c = older) {
		older = c->older;
		munmap(c, c->bytes);
	}
	if (mine.copy)
		munmap(mine.copy, mine.copy_bytes);
	mine = (struct mine){0};
}

static void key_make(void)
{
	pthread_key_create(&key, thread_ends);
}

void emutls_start(void)
{
	pthread_once(&key_once, key_make);
}

/* Room for copy INDEX. Doubling, so that it is rare. */
static int copies_grow(uintptr_t index)
{
	size_t n = mine.n ? mine.n : 256, bytes;
	void **copy;

	while (n < index)
		n *= 2;
	bytes = n * sizeof(*copy);
	copy = pages(bytes);
	if (!copy)
		return -1;
	if (mine.copy) {
		memcpy(copy, mine.copy, mine.n * sizeof(*copy));
		munmap(mine.copy, mine.copy_bytes);
	}
	mine.copy = copy;
	mine.n = n;
	mine.copy_bytes = bytes;
	return 0;
}

static void *chunk_take(size_t size, size_t align)
{
	struct chunk *c = mine.chunks;
	uintptr_t at;
	size_t bytes;

	if (c) {
		at = ((uintptr_t)c + c->used + align - 1) & ~(align - 1);
		if (at + size <= (uintptr_t)c + c->bytes) {
			c->used = at + size - (uintptr_t)c;
			return (void *)at;
		}
	}
	bytes = sizeof(*c) + size + align;
	bytes = bytes < CHUNK ? CHUNK : (bytes + 4095) & ~4095ul;
	c = pages(bytes);
	if (!c)
		return NULL;
	*c = (struct chunk){mine.chunks, bytes, sizeof(*c)};
	mine.chunks = c;
	return chunk_take(size, align);
}

uintptr_t emutls_index(void)
{
	return __atomic_add_fetch(&next_index, 1, __ATOMIC_RELAXED);
}

static uintptr_t index_of(struct emutls_control *c)
{
	uintptr_t index = __atomic_load_n(&c->index, __ATOMIC_ACQUIRE), fresh;

	if (index)
		return index;
	fresh = emutls_index();
	if (__atomic_compare_exchange_n(&c->index, &index, fresh, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return fresh;
	return index; /* another thread was first; a number is left unused */
}

/* What this thread has of number INDEX, or NULL. */
static void *copy_there(uintptr_t index)
{
	if ((intptr_t)index < 0)
		return (char *)__builtin_thread_pointer() + (intptr_t)index;
	return index && index <= mine.n ? mine.copy[index - 1] : NULL;
}

static void *copy_make(const struct emutls_control *c, uintptr_t index);

/* A thread-local whose layout changed: from the copy of before. A thread that
 * slept through several changes goes through all of them. */
static void copy_follow(void *p, uintptr_t index)
{
	const struct emutls_move *m = emutls_moved(index);
	void *old = m ? copy_there(m->was.index) : NULL;

	if (m && !old && emutls_moved(m->was.index))
		old = copy_make(&m->was, m->was.index);
	if (old)
		emutls_convert(m, old, p);
}

static void *copy_make(const struct emutls_control *c, uintptr_t index)
{
	void *p;

	if (index > mine.n && copies_grow(index) < 0)
		return NULL;
	if (mine.copy[index - 1]) /* a signal handler was faster */
		return mine.copy[index - 1];
	p = chunk_take(c->size, c->align ? c->align : 1);
	if (!p)
		return NULL;
	if (c->initial)
		memcpy(p, c->initial, c->size);
	copy_follow(p, index);
	mine.copy[index - 1] = p;
	return p;
}

/* It may be making room meanwhile: what was read counts if it was still the
 * same afterwards. */
bool emutls_peek(uintptr_t thread, uintptr_t index, void *to, size_t size)
{
	uintptr_t self = (uintptr_t)__builtin_thread_pointer();
	uintptr_t at = thread + ((uintptr_t)&mine - self);
	struct mine m, now;
	void *copy;
	bool got;

	if ((intptr_t)index < 0)
		return memory_peek(thread + index, to, size) == 0;
	do {
		if (memory_peek(at, &m, sizeof(m)) < 0 || !index || index > m.n)
			return false;
		got = memory_peek((uintptr_t)&m.copy[index - 1], &copy,
				  sizeof(copy)) == 0 &&
		      copy && memory_peek((uintptr_t)copy, to, size) == 0;
		if (memory_peek(at, &now, sizeof(now)) < 0)
			return false;
	} while (now.copy != m.copy || now.n != m.n);
	return got;
}

/* --- the block ------------------------------------------------------------ */

/* Where a new thread's block is copied from: the first of PT_TLS of the object
 * that has PROGRAM. */
struct image_search {
	uintptr_t program;
	char *image;
};

static int image_find(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct image_search *s = arg;
	bool here = false;
	char *image = NULL;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type == PT_LOAD && s->program - at < ph->p_memsz)
			here = true;
		if (ph->p_type == PT_TLS)
			image = (char *)at;
	}
	if (here)
		s->image = image;
	return here;
}

/* USED bytes of the block are taken; how many are then. */
static uint64_t control_place(struct emutls_control *c, uint64_t used,
			      const struct hw_program *p, char *image)
{
	intptr_t offset = p->tls_offset() + (intptr_t)used;

	if (c->index || c->align > HW_TLS_ALIGN ||
	    used + HW_TLS_ROOM(c->size) > p->tls_size)
		return used;
	if (c->initial) {
		raw_copy(image + used, c->initial, c->size);
		raw_copy((char *)__builtin_thread_pointer() + offset,
			 c->initial, c->size);
	}
	__atomic_store_n(&c->index, (uintptr_t)offset, __ATOMIC_RELEASE);
	return used + HW_TLS_ROOM(c->size);
}

void emutls_place(const struct hw_program *p)
{
	struct image_search s = {.program = (uintptr_t)p};
	uint64_t used = 0;

	dl_iterate_phdr(image_find, &s);
	if (!p->tls_size || !s.image)
		return;
	for (uint32_t i = 0; i < p->nmodules; i++) {
		const struct hw_module *d = p->modules[i].desc;

		for (uint32_t k = 0; k < d->nvars; k++) {
			const struct hw_var *v = &desc_vars(d)[k];

			if ((v->flags & HW_VAR_TLS) && v->addr)
				used = control_place(desc_at(&v->addr), used, p,
						     s.image);
		}
	}
}

/* --- what is not in it ---------------------------------------------------- */

static void *slow(struct emutls_control *c)
{
	sigset_t all, was;
	int e = errno;
	void *p;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	p = copy_make(c, index_of(c));
	if (p && !pthread_getspecific(key))
		pthread_setspecific(key, &mine);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	errno = e;
	/* No memory for a thread-local: native TLS ends the process here too
	 * (glibc: "cannot allocate memory for thread-local data"). We cannot
	 * return, as the caller writes through the result; it gets a fault at
	 * address 0, in its own name. */
	return p;
}

__attribute__((visibility("default"))) void *hw_emutls_get_address(void *arg)
{
	struct emutls_control *c = arg;
	uintptr_t index = __atomic_load_n(&c->index, __ATOMIC_ACQUIRE);
	void *p;

	if ((intptr_t)index < 0)
		return (char *)__builtin_thread_pointer() + (intptr_t)index;
	if (__builtin_expect(index && index <= mine.n, 1)) {
		p = mine.copy[index - 1];
		if (__builtin_expect(p != NULL, 1))
			return p;
	}
	return slow(c);
}
