/* SPDX-License-Identifier: MIT
 *
 * hotwatch purge: old code goes, and so do the processes that hold it.
 */
#include <cjson/cJSON.h>

#include "watcher/order.h"

#define DEADLINE_MS 5000 /* the target's own, if none is said */

static int exec_purge(struct options *o)
{
	static const struct order order = {.method = "watch/purge",
					   .put = order_put_fates};
	int status = STATUS_DONE, deadline = DEADLINE_MS;
	cJSON *params = cJSON_CreateObject();

	if (options_given(o, "deadline")) {
		deadline = order_number(o, "deadline", &status);
		cJSON_AddNumberToObject(params, "deadline_ms", deadline);
	}
	if (status == STATUS_DONE)
		return order_run(o, &order, params, deadline);
	cJSON_Delete(params);
	return status;
}

static const struct option_spec purge_options[] = {
    {"deadline", 'd', "MS", "how long a process may take to end (5000)"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_purge_entry = {
    .name = "purge",
    .operands = "MODULE...",
    .help = "the same, ending the processes that hold them",
    .about = "Takes the old versions of the modules out of memory. Processes "
	     "(threads\n"
	     "that the program started with hw_spawn) which run them are "
	     "ended, and\n"
	     "those linked to them or monitoring them hear `killed`. Any other "
	     "thread\n"
	     "is never ended: if one holds a version, the purge fails and "
	     "names it.\n\n"
	     "exit status: 0 there is no old version any more; 1 "
	     "foreign_holder, or\n"
	     "deadline: a process did not end in time; 3 nobody to ask",
    .options = purge_options,
    .min = 1,
    .max = -1,
    .exec = exec_purge,
};
