/* SPDX-License-Identifier: MIT
 *
 * Where a process may be ended: which calls of the C library, not in which
 * functions, and whether a compiler's notes cover an instruction.
 *
 * The calls are those that POSIX names as cancellation points and that hold no
 * lock while they wait, or give it back when they are unwound (streams). Not
 * here on purpose, though they are cancellation points too: name look-ups and
 * all else that waits under a lock of the C library's own; a process in one of
 * those ends when it returns.
 *
 * Tables of addresses, sorted once, searched in the handler. The allocator's
 * grows when hot versions come: it is replaced as a whole, and the old ones
 * stay, as a handler may read them.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/guest.h"
#include "codeserver/process-internal.h"
#include "codeserver/process-stop.h"

static const char *const call_names[] = {
    /* the kernel's */
    "accept", "accept4", "clock_nanosleep", "connect", "epoll_pwait",
    "epoll_pwait2", "epoll_wait", "fcntl", "fcntl64", "fdatasync", "flock",
    "fsync", "lockf", "lockf64", "mq_receive", "mq_send", "mq_timedreceive",
    "mq_timedsend", "msgrcv", "msgsnd", "nanosleep", "open", "open64", "openat",
    "openat64", "pause", "poll", "ppoll", "pread", "pread64", "preadv",
    "preadv64", "pselect", "pwrite", "pwrite64", "pwritev", "pwritev64", "read",
    "readv", "recv", "recvfrom", "recvmmsg", "recvmsg", "select", "semop",
    "semtimedop", "send", "sendfile", "sendfile64", "sendmmsg", "sendmsg",
    "sendto", "sigsuspend", "sigtimedwait", "sigwait", "sigwaitinfo", "sleep",
    "splice", "syscall", "tcdrain", "usleep", "wait", "wait3", "wait4",
    "waitid", "waitpid", "write", "writev", "__read_chk", "__recv_chk",
    "__recvfrom_chk", "__poll_chk", "__ppoll_chk", "__pread_chk",
    "__pread64_chk",
    /* threads' */
    "pthread_clockjoin_np", "pthread_cond_clockwait", "pthread_cond_timedwait",
    "pthread_cond_wait", "pthread_join", "pthread_timedjoin_np",
    "sem_clockwait", "sem_timedwait", "sem_wait",
    /* streams' */
    "__fgets_chk", "__fprintf_chk", "__fread_chk", "__getdelim",
    "__isoc99_fscanf", "__isoc99_scanf", "__isoc99_vfscanf", "__printf_chk",
    "__vfprintf_chk", "__vprintf_chk", "fclose", "fflush", "fgetc", "fgets",
    "fprintf", "fputc", "fputs", "fread", "fscanf", "fwrite", "getc", "getchar",
    "getdelim", "getline", "printf", "putc", "putchar", "puts", "scanf",
    "vfprintf", "vprintf", "_IO_getc", "_IO_putc"};

/* Of libc's, a preloaded or a built-in one; with the usual prefixes. */
static const char *const guard_names[] = {
    "aligned_alloc", "calloc",   "cfree",          "dallocx",
    "free",          "mallctl",  "malloc",         "malloc_usable_size",
    "mallocx",       "memalign", "posix_memalign", "pvalloc",
    "rallocx",       "realloc",  "reallocarray",   "sallocx",
    "sdallocx",      "valloc",   "xallocx"};
static const char *const guard_prefixes[] = {"",    "je_", "jemalloc_",
					     "mi_", "tc_", "rp"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct addresses {
	size_t n;
	struct addresses *older; /* read by late handlers only */
	uintptr_t at[];
};

static struct addresses *calls, *guarded;

static int address_order(const void *a, const void *b)
{
	uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;

	return x < y ? -1 : x > y;
}

static struct addresses *addresses_make(size_t max)
{
	return calloc(1, sizeof(struct addresses) + max * sizeof(uintptr_t));
}

static void addresses_add(struct addresses *a, void *p)
{
	if (p)
		a->at[a->n++] = (uintptr_t)p;
}

static void addresses_publish(struct addresses **to, struct addresses *a)
{
	qsort(a->at, a->n, sizeof(a->at[0]), address_order);
	a->older = *to;
	__atomic_store_n(to, a, __ATOMIC_RELEASE);
}

static bool addresses_have(struct addresses *const *of, uintptr_t x)
{
	const struct addresses *a = __atomic_load_n(of, __ATOMIC_ACQUIRE);
	size_t lo = 0, hi = a ? a->n : 0;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (a->at[mid] == x)
			return true;
		if (a->at[mid] < x)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

bool stop_call_known(uintptr_t start)
{
	return addresses_have(&calls, start);
}

bool guard_has(uintptr_t start)
{
	return addresses_have(&guarded, start);
}

/* --- finding them --------------------------------------------------------- */

static bool is_guarded(const char *name)
{
	for (size_t p = 0; p < COUNT(guard_prefixes); p++) {
		size_t n = strlen(guard_prefixes[p]);

		if (strncmp(name, guard_prefixes[p], n) != 0)
			continue;
		for (size_t i = 0; i < COUNT(guard_names); i++)
			if (!strcmp(name + n, guard_names[i]))
				return true;
	}
	return false;
}

void process_guard(const struct hw_module *desc)
{
	const struct hw_func *f = desc_funcs(desc);
	struct addresses *a;
	size_t n = 0, had = guarded ? guarded->n : 0;

	for (uint32_t i = 0; i < desc->nfuncs; i++)
		n += is_guarded(desc_str(desc, f[i].name));
	a = n ? addresses_make(had + n) : NULL;
	if (!a)
		return;
	memcpy(a->at, guarded ? guarded->at : NULL, had * sizeof(a->at[0]));
	a->n = had;
	for (uint32_t i = 0; i < desc->nfuncs; i++)
		if (is_guarded(desc_str(desc, f[i].name)))
			addresses_add(a, desc_at(&f[i].entry));
	addresses_publish(&guarded, a);
}

static void calls_find(void)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	struct addresses *a = addresses_make(2 * COUNT(call_names));
	/* Its interceptor of sem_wait leaves its frame to libc's. */
	bool asan = dlsym(RTLD_DEFAULT, "__asan_init") != NULL;

	if (!a || !libc)
		return;
	for (size_t i = 0; i < COUNT(call_names); i++) {
		addresses_add(a, dlsym(libc, call_names[i]));
		if (asan)
			addresses_add(a, dlsym(RTLD_DEFAULT, call_names[i]));
	}
	addresses_publish(&calls, a);
}

void stop_calls_find(void)
{
	const struct hw_program *hot = hw_guest.program;
	struct addresses *a = addresses_make(COUNT(guard_names));

	calls_find();
	if (!a)
		return;
	for (size_t i = 0; i < COUNT(guard_names); i++)
		addresses_add(a, dlsym(RTLD_DEFAULT, guard_names[i]));
	addresses_publish(&guarded, a);
	for (uint32_t i = 0; hot && i < hot->nmodules; i++)
		process_guard(hot->modules[i].desc);
}

/* --- a compiler's notes --------------------------------------------------- */

/* DWARF's pointer encodings, as far as they occur in call-site tables. */
enum {
	ENC_ULEB = 0x01,
	ENC_U4 = 0x03,
	ENC_OMIT = 0xff
};

static uintptr_t read_uleb(const unsigned char **p)
{
	uintptr_t v = 0;
	unsigned shift = 0;

	do {
		v |= (uintptr_t)(**p & 0x7f) << shift;
		shift += 7;
	} while (*(*p)++ & 0x80);
	return v;
}

static uintptr_t read_encoded(const unsigned char **p, unsigned char enc)
{
	uint32_t v;

	if (enc == ENC_ULEB)
		return read_uleb(p);
	memcpy(&v, *p, sizeof(v));
	*p += sizeof(v);
	return v;
}

/* Landing pads are not asked for: a call without one has nothing to clean. */
bool lsda_covers(uintptr_t lsda, uintptr_t start, uintptr_t pc)
{
	const unsigned char *p = (const unsigned char *)lsda, *end;
	unsigned char enc;
	size_t size;

	if (!p)
		return true;
	if (*p++ != ENC_OMIT) /* the pads' base is not the function's start */
		return false;
	if (*p++ != ENC_OMIT)
		read_uleb(&p); /* the types' table */
	enc = *p++;
	if (enc != ENC_ULEB && enc != ENC_U4)
		return false;
	size = read_uleb(&p);
	end = p + size;
	while (p < end) {
		uintptr_t from = read_encoded(&p, enc);

		size = read_encoded(&p, enc);
		read_encoded(&p, enc); /* the pad */
		read_uleb(&p);         /* the action */
		if (pc - start - from < size)
			return true;
	}
	return false;
}
