/* SPDX-License-Identifier: MIT
 *
 * Getting rid of versions that nothing needs any more. The code server's
 * thread.
 */
#ifndef HW_PURGE_H
#define HW_PURGE_H

#include "codeserver/guest.h"

enum fate_outcome {
	FATE_UNMAPPED,
	FATE_FENCED, /* no code any more; constants that are pointed to stay */
	FATE_KEPT    /* it should have gone, and did not */
};

/* What became of a purged version. */
struct fate {
	const struct hw_mod *mod;
	unsigned version;
	uint8_t hash[HW_HASH_SIZE];
	enum fate_outcome outcome;
	size_t unmapped, kept; /* bytes of address space */
	const char *why;       /* fenced, kept */
	uintptr_t base;        /* ours */
	size_t size;
};

struct fates {
	struct fate *list; /* malloc'd */
	size_t n;
};

/* Whether there is anything to purge, or a replaced table to free: an old
 * version, or (FENCED) one whose constants may have become free. */
bool purge_wanted(bool fenced);

/*
 * Purges what nothing holds of the old versions of MODS, all of them in one
 * look at the program; adds their fates. On the others their hw_version.kept
 * says why they stay. GENTLE: nobody asked for it, so functions that the
 * newer version lacks, and that something could still call, keep theirs.
 * BUSY (or NULL) is asked whether to give up. How many old versions are still
 * there, or -1: given up, or it could not be seen.
 */
int purge_mods(struct hw_mod *const *mods, size_t n, bool gentle,
	       struct fates *fates, bool (*busy)(void *), void *arg);

/* The same for all modules, gently, and, if FENCED, for constants of versions
 * that were purged before. */
int purge_all(bool fenced, struct fates *fates, bool (*busy)(void *),
	      void *arg);

void fates_free(struct fates *fates);

#endif
