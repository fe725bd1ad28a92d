/* SPDX-License-Identifier: MIT
 *
 * hotwatch resume: a suspended process goes on.
 */
#include <cjson/cJSON.h>

#include "watcher/order.h"

static void put(struct text *t, const struct ui *ui, const char *what,
		const cJSON *result, int pid)
{
	(void)what;
	order_put_process(t, ui, "resumed", result, pid);
}

static int exec_resume(struct options *o)
{
	static const struct order order = {.method = "watch/resume",
					   .process = true,
					   .put = put};

	return order_run(o, &order, NULL, 0);
}

const struct command cmd_resume_entry = {
    .name = "resume",
    .operands = "PROCESS",
    .help = "a suspended process goes on, in current code",
    .about = "Requests that arrived while the process was suspended are "
	     "answered\n"
	     "now, by the current version of its code.\n\n"
	     "exit status: 0 it runs; 1 noproc, not_special, timeout; 3 nobody "
	     "to ask",
    .min = 1,
    .max = 1,
    .exec = exec_resume,
};
