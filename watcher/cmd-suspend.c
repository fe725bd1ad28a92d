/* SPDX-License-Identifier: MIT
 *
 * hotwatch suspend: a process looks at system messages only, until resumed.
 */
#include <cjson/cJSON.h>

#include "watcher/order.h"

static void put(struct text *t, const struct ui *ui, const char *what,
		const cJSON *result, int pid)
{
	(void)what;
	order_put_process(t, ui, "suspended", result, pid);
}

static int exec_suspend(struct options *o)
{
	static const struct order order = {.method = "watch/suspend",
					   .process = true,
					   .put = put};

	return order_run(o, &order, NULL, 0);
}

const struct command cmd_suspend_entry = {
    .name = "suspend",
    .operands = "PROCESS",
    .help = "a process stops at its next message, until it is resumed",
    .about =
	"The process (a number or a name, as `hotwatch ps` lists them) "
	"finishes\n"
	"what it is at. Requests to it then wait, until `hotwatch resume`. It\n"
	"must be a gen_server, a supervisor, or take system messages by "
	"itself\n"
	"(hotwatch/sys.h). To suspend twice is to suspend once.\n\n"
	"exit status: 0 it is suspended; 1 noproc, not_special, or timeout: "
	"it\n"
	"did not come to it in 5 s; 3 nobody to ask",
    .min = 1,
    .max = 1,
    .exec = exec_suspend,
};
