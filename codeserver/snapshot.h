/* SPDX-License-Identifier: MIT
 *
 * One thread at one instant: its registers, its stack, and the words there
 * that point into the arena.
 *
 * What is kept of a word is its distance from the arena's first byte, so that
 * it looks like no pointer to the search for holders.
 */
#ifndef HW_SNAPSHOT_H
#define HW_SNAPSHOT_H

#include <sys/types.h>

#include "codeserver/cfi.h"
#include "codeserver/guest.h"

#define SNAPSHOT_WORDS 120
#define SNAPSHOT_SLOTS 64          /* threads asked at the same time */
#define SNAPSHOT_COPY (256u << 10) /* bytes of stack that a thread copies */
#define SNAPSHOT_RED_ZONE 128      /* in use below rsp, by the ABI */

struct snapshot_word {
	uint32_t at;          /* (address - first address) / 8 */
	uint32_t offset : 31; /* from the arena's first byte */
	uint32_t mangled : 1; /* as glibc writes it in a jmp_buf */
};

struct snapshot_words {
	unsigned n;
	bool more;       /* there was no room for all */
	bool suspicious; /* one of them is among the suspects */
	struct snapshot_word word[SNAPSHOT_WORDS];
};

/*
 * Where in the arena words are suspicious: a bit for each 64 KB. Empty it, add
 * all images (or single addresses) that are asked about, then look.
 */
void suspects_clear(void);
void suspects_add(uintptr_t from, uintptr_t to);
extern uint64_t suspects[HW_ARENA_SIZE >> 16 >> 6];
static inline bool suspect(uintptr_t word)
{
	uintptr_t offset = word - HW_ARENA_BASE;

	return offset < HW_ARENA_SIZE &&
	       (suspects[offset >> 22] >> (offset >> 16) % 64 & 1);
}

/* What glibc made of VALUE when it wrote it into a jmp_buf, undone. */
static inline uintptr_t demangle(uintptr_t value)
{
	uintptr_t guard;

	__asm__("mov %%fs:0x30, %0" : "=r"(guard));
	return (value >> 17 | value << 47) ^ guard;
}

/* Adds N words that lie at AT on; BASE is what `at` counts from. */
void words_gather(struct snapshot_words *w, const uintptr_t *word, size_t n,
		  uint32_t at);

/* --- threads that run ----------------------------------------------------- */

/* At the start, and in a forked child. */
void snapshot_start(void);

/* An answer. STACK has SIZE bytes from FROM on: as far up as it was copied, 0
 * if there was nothing suspicious. */
struct snapshot {
	pid_t tid;
	bool blocked;
	uint64_t reg[CFI_REGS];
	uint32_t known;
	struct hw_span home;  /* its own stack; {0, 0} if it was on another */
	uintptr_t from, seen; /* what was looked at: [from, seen) */
	const unsigned char *stack;
	size_t size;
	const struct snapshot_words *words;
};

/* Whether threads can be asked at all: we have a signal, and it is ours. */
bool snapshot_possible(void);
int snapshot_signal(void);

/*
 * Asks N threads (at most SNAPSHOT_SLOTS) and waits. HOME[i] is the stack of
 * the i-th. got[i]: it has answered; snapshot_answer gives it. The answers
 * stand until snapshot_done.
 */
enum snapshot_got {
	SNAPSHOT_ANSWERED,
	SNAPSHOT_GONE,
	SNAPSHOT_SILENT
};
void snapshot_ask(const pid_t *tid, const struct hw_span *home, unsigned n,
		  enum snapshot_got *got);
void snapshot_answer(unsigned i, struct snapshot *s);
void snapshot_done(void);

/* Where threads copy their stacks to: SNAPSHOT_SLOTS times SNAPSHOT_COPY bytes
 * that no search needs to look at. */
const void *snapshot_copies(void);

/* How long threads were kept by our questions, since this was called last. */
struct snapshot_pauses {
	unsigned threads;   /* that were asked and answered */
	unsigned long_ones; /* of those: for more than SNAPSHOT_LONG_NS */
	unsigned longest;   /* ns */
};
#define SNAPSHOT_LONG_NS 200000
struct snapshot_pauses snapshot_pauses(void);

#endif
