/* SPDX-License-Identifier: MIT
 *
 * What the code server's files share.
 *
 * A guest's rules: no exit, no abort, no assert, nothing on the program's
 * stdout or stderr; out of memory is an error that is returned; in doubt the
 * load is refused and the code that runs goes on running.
 *
 * Threads. Everything here runs in the code server's own thread ("hotwatch"),
 * but for: start.c's constructor and fork handlers (the program's threads,
 * while the code server's thread does not exist or is not looked at), the
 * stubs (any thread, see table.c), emutls.c (any thread) and the signal
 * handler of threads.c. So hw_guest needs no lock.
 */
#ifndef HW_GUEST_H
#define HW_GUEST_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "codeserver/descriptor.h"

/* Why something was refused. REASON is one word, as on the wire. */
struct hw_failure {
	const char *reason;
	char module[256];
	char symbol[256];
	char message[1024];
};

/* Fills F; returns -1. MODULE and SYMBOL may be NULL. */
int failure_set(struct hw_failure *f, const char *reason, const char *module,
		const char *symbol, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* A run of addresses: [from, to). */
struct hw_span {
	uintptr_t from, to;
};

/*
 * A run of addresses to look for, kept inverted: what holds it is memory too,
 * and would be found. (A sanitizer moves even our stack frames to the heap.)
 */
struct hw_hidden {
	uintptr_t not_from, not_to;
};

static inline struct hw_hidden span_hide(uintptr_t from, uintptr_t to)
{
	return (struct hw_hidden){~from, ~to};
}

static inline bool hidden_has(const struct hw_hidden *h, uintptr_t word)
{
	return ~word - h->not_to - 1 < h->not_from - h->not_to;
}

/*
 * One object in memory. What the dynamic section says is kept as pointers.
 * A pointer into one of the spans (code, constants, data; not the linker's
 * tables) needs the image; spans are empty for an image of the start.
 */
#define HW_SPANS 16
struct hw_image {
	void *handle;         /* of dlopen; NULL: there from the start */
	char *file;           /* malloc'd, absolute */
	int copy;             /* 1 + descriptor of what is mapped; 0: FILE */
	pid_t copier;         /* the process that has that descriptor */
	uintptr_t base, addr; /* first byte; load bias (l_addr) */
	size_t size;
	const struct hw_module *desc;
	const ElfW(Sym) * symtab;
	const char *strtab;
	const ElfW(Rela) * rela, *jmprel;
	size_t nrela, njmprel;
	/* Distances from base: addresses in the heap would look like
	 * holders of the image to our own search. */
	struct hw_span spans[HW_SPANS];
	size_t nspans;
	struct hw_span code; /* what can be executed, as distances too */
};

/*
 * A version is in one place: current, in the list of old ones, fenced (its code
 * is inaccessible, but its constants are pointed to), or nowhere yet: on its
 * way in (load.c). An image that is still here may be published again, as a new
 * version: the same hw_version with another number.
 */
struct hw_version {
	unsigned number;
	struct hw_image image;
	bool deleted;     /* became old by a delete */
	bool pinned;      /* about to be published again: not to be purged */
	const char *kept; /* why an old version is still here; NULL: not
			   * looked at yet */
	/* Table entries that lead here because the newer one lacks them. */
	uint32_t *removed;
	size_t nremoved;
	/* Versions whose constants this one's code uses; each counts its
	 * users. */
	struct hw_version **uses;
	size_t nuses;
	unsigned users;
	struct hw_types *types; /* types.h; NULL: not asked for yet */
	/* By variable, inverted: the storage that its code is bound to, noted
	 * when it is replaced. NULL: not yet. */
	uintptr_t *not_storage;
	struct hw_version *older;
};

struct hw_mod {
	const char *name, *source;
	bool busy;                  /* an order is at work on it: order.c */
	struct hw_version *current; /* NULL: deleted */
	struct hw_version *old;     /* replaced, not purged; newest first */
	struct hw_version *fenced;  /* purged, but its data is in use */
	unsigned next;              /* number of the next version */
};

struct hw_guest {
	const struct hw_program *program; /* NULL: not a hot-built program */
	const char *unfit; /* why nothing can be reloaded, or NULL */
	struct hw_mod *mods;
	size_t nmods;
	uint32_t nfuncs;  /* table entries in use */
	uint64_t started; /* Unix ms */
};
extern struct hw_guest hw_guest;

struct hw_mod *mod_find(const char *name);
/* The same, or by a last part that only one has: "server". */
struct hw_mod *mod_named(const char *name);

/* The word for a version in a module's list of old ones. */
static inline const char *version_state(const struct hw_mod *m,
					const struct hw_version *v)
{
	return v->deleted ? "deleted" : v == m->old ? "old" : "lingering";
}

static inline const char *desc_str(const struct hw_module *d, uint32_t at)
{
	return (const char *)d + at;
}

static inline const struct hw_func *desc_funcs(const struct hw_module *d)
{
	return (const void *)((const char *)d + d->funcs);
}

static inline const struct hw_var *desc_vars(const struct hw_module *d)
{
	return (const void *)((const char *)d + d->vars);
}

static inline const struct hw_ref *desc_refs(const struct hw_module *d)
{
	return (const void *)((const char *)d + d->refs);
}

/* What a self-relative field points to. */
static inline void *desc_at(const int32_t *field)
{
	return (char *)(uintptr_t)field + *field;
}

void hash_hex(const uint8_t hash[HW_HASH_SIZE], char hex[33]);

#endif
