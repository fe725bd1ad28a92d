/* SPDX-License-Identifier: MIT
 *
 * hotwatch get-state: what a process says that its state is.
 */
#include <cjson/cJSON.h>

#include "watcher/jsonget.h"
#include "watcher/order.h"

static void put(struct text *t, const struct ui *ui, const char *what,
		const cJSON *result, int pid)
{
	(void)what;
	(void)ui;
	(void)pid;
	text_printf(t, "%s\n", json_str(result, "state"));
}

static int exec_get_state(struct options *o)
{
	static const struct order order = {.method = "watch/getState",
					   .process = true,
					   .put = put};

	return order_run(o, &order, NULL, 0);
}

const struct command cmd_get_state_entry = {
    .name = "get-state",
    .operands = "PROCESS",
    .help = "the state of a process, as it prints it",
    .about = "Prints what the state_text callback of the process says "
	     "(hotwatch/sys.h).\n"
	     "It waits for the callback that runs, if one does.\n\n"
	     "exit status: 0 printed; 1 undef (it has no such callback), "
	     "noproc,\n"
	     "not_special, timeout; 3 nobody to ask",
    .min = 1,
    .max = 1,
    .exec = exec_get_state,
};
