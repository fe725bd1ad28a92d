/* SPDX-License-Identifier: MIT
 *
 * hotwatch soft-purge: old code goes, unless something holds it.
 */
#include <cjson/cJSON.h>

#include "watcher/held.h"
#include "watcher/jsonget.h"
#include "watcher/order.h"

static void why_not(struct text *t, const char *module, const cJSON *result,
		    int pid)
{
	const cJSON *holders = json_at(result, "holders");
	const cJSON *first = holders ? holders->child : NULL;

	text_printf(t, "%s v%d is held by ",
		    first ? json_str(first, "module") : module,
		    json_int(first, "version", 0));
	held_phrases(t, holders, pid);
}

static int exec_soft_purge(struct options *o)
{
	static const struct order order = {.method = "watch/softPurge",
					   .fact = "purged",
					   .put = order_put_fates,
					   .why_not = why_not};

	return order_run(o, &order, NULL, 0);
}

const struct command cmd_soft_purge_entry = {
    .name = "soft-purge",
    .operands = "MODULE...",
    .help = "unload the old versions of a module, if nothing holds them",
    .about = "Takes the old versions of the modules out of memory if no thread "
	     "runs\n"
	     "them and no pointer leads into them; else says who does. What is "
	     "free\n"
	     "of several modules goes in any case, as it would by itself.\n\n"
	     "exit status: 0 there is no old version any more; 1 not_purged;\n"
	     "3 nobody to ask",
    .min = 1,
    .max = -1,
    .exec = exec_soft_purge,
};
