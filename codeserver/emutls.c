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
 * Called by any thread, also before main, inside malloc (jemalloc keeps its
 * thread data so) and in signal handlers. So: no malloc, mmap only; no lock is
 * held while signals can come in. A copy is zeroed or copied once, when a
 * thread first asks. At a thread's end its copies are given back by a
 * pthread_key destructor that runs as late as the C library lets it, because
 * other destructors may still use thread-locals.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "codeserver/emutls.h"

/* The compiler's layout: LLVM, lib/CodeGen/LowerEmuTLS.cpp. */
struct control {
	size_t size, align;
	uintptr_t index; /* 0: no thread has asked yet */
	const void *initial;
};

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

static void thread_ends(void *arg)
{
	struct chunk *c, *older;

	(void)arg;
	if (++mine.rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
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

static uintptr_t index_of(struct control *c)
{
	uintptr_t index = __atomic_load_n(&c->index, __ATOMIC_ACQUIRE), fresh;

	if (index)
		return index;
	fresh = __atomic_add_fetch(&next_index, 1, __ATOMIC_RELAXED);
	if (__atomic_compare_exchange_n(&c->index, &index, fresh, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return fresh;
	return index; /* another thread was first; a number is left unused */
}

static void *copy_make(struct control *c)
{
	uintptr_t index = index_of(c);
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
	mine.copy[index - 1] = p;
	return p;
}

static void *slow(struct control *c)
{
	sigset_t all, was;
	int e = errno;
	void *p;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	p = copy_make(c);
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
	struct control *c = arg;
	uintptr_t index = __atomic_load_n(&c->index, __ATOMIC_ACQUIRE);
	void *p;

	if (__builtin_expect(index && index <= mine.n, 1)) {
		p = mine.copy[index - 1];
		if (__builtin_expect(p != NULL, 1))
			return p;
	}
	return slow(c);
}
