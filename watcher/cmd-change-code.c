/* SPDX-License-Identifier: MIT
 *
 * hotwatch change-code: a suspended process converts its state.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>

#include "watcher/order.h"

static void put(struct text *t, const struct ui *ui, const char *what,
		const cJSON *result, int pid)
{
	(void)what;
	order_put_process(t, ui, "has changed its state", result, pid);
}

static int exec_change_code(struct options *o)
{
	static const struct order order = {.method = "watch/changeCode",
					   .process = true,
					   .put = put};
	cJSON *params = cJSON_CreateObject();
	char *module = ask_module_name(o->operands[1]);

	cJSON_AddStringToObject(params, "module", module);
	free(module);
	if (options_given(o, "vsn"))
		cJSON_AddStringToObject(params, "vsn", options_value(o, "vsn"));
	if (options_given(o, "extra"))
		cJSON_AddStringToObject(params, "extra",
					options_value(o, "extra"));
	if (options_given(o, "down"))
		cJSON_AddTrueToObject(params, "down");
	return order_run(o, &order, params, 0);
}

static const struct option_spec change_options[] = {
    {"vsn", 'V', "TEXT", "the version that the state is of, as it calls it"},
    {"extra", 'x', "TEXT", "anything else that its code_change wants to know"},
    {"down", 'd', NULL, "to an older version: that is loaded afterwards"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_change_code_entry = {
    .name = "change-code",
    .operands = "PROCESS MODULE",
    .help = "a suspended process converts its state for new code",
    .about = "Calls the code_change callback of the process, with the module's "
	     "name\n"
	     "and the options. The way up: suspend, load the new version, "
	     "change-code,\n"
	     "resume. The way down: suspend, change-code --down, load the old "
	     "version,\n"
	     "resume. If the callback fails the state is what it was, and the "
	     "process\n"
	     "stays suspended.\n\n"
	     "exit status: 0 changed; 1 not_suspended, undef (there is no "
	     "callback),\n"
	     "callback_failed, noproc, not_special, timeout; 3 nobody to ask",
    .options = change_options,
    .min = 2,
    .max = 2,
    .exec = exec_change_code,
};
