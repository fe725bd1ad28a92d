/* SPDX-License-Identifier: MIT
 *
 * What the commands that order something of targets have in common (soft-purge,
 * purge, delete, rollback, suspend, resume, change-code, get-state): asking, a
 * line for each target, and the exit status.
 */
#ifndef WATCHER_ORDER_H
#define WATCHER_ORDER_H

#include "watcher/ask.h"

struct order {
	const char *method;
	/* The first operand is a process, by number or name, and not a module;
	 * targets that have no such process are passed over, unless all are.
	 */
	bool process;
	/* The member of the result that says whether it was done; NULL: any
	 * result does. */
	const char *fact;
	/* Appends what was done, in whole lines. */
	void (*put)(struct text *t, const struct ui *ui, const char *what,
		    const struct cJSON *result, int pid);
	/* If it was not done: the sentence; the word is not_purged. */
	void (*why_not)(struct text *t, const char *module,
			const struct cJSON *result, int pid);
};

/* The operands that are modules are asked about together; of a process, it is
 * the first alone. PARAMS beside them; consumed, may be NULL.
 * LIMIT_MS: that it may take longer than a question. The exit status. */
int order_run(const struct options *o, const struct order *order,
	      struct cJSON *params, int limit_ms);

/* The fates of a result: "src/server v2 purged in pid 4711: 64 kB unmapped". */
void order_put_fates(struct text *t, const struct ui *ui, const char *module,
		     const struct cJSON *result, int pid);

/* "process 3 (kv) suspended in pid 4711", WORD being what was done. */
void order_put_process(struct text *t, const struct ui *ui, const char *word,
		       const struct cJSON *result, int pid);

/* A whole number, 0 or more; -1 and the failure printed, *status set. */
int order_number(const struct options *o, const char *option, int *status);

#endif
