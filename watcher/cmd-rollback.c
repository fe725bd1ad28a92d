/* SPDX-License-Identifier: MIT
 *
 * hotwatch rollback: an earlier version becomes current again.
 */
#include <cjson/cJSON.h>

#include "watcher/jsonget.h"
#include "watcher/order.h"

#define LOAD_MS 5000

static void put(struct text *t, const struct ui *ui, const char *module,
		const cJSON *result, int pid)
{
	ui_put(t, ui, UI_NAME, "%s", module);
	text_puts(t, " rolled back, ");
	ui_put(t, ui, UI_GOOD, "live");
	text_printf(t, " as v%d in pid %d\n", json_int(result, "version", 0),
		    pid);
}

static int exec_rollback(struct options *o)
{
	static const struct order order = {.method = "watch/rollback",
					   .put = put};
	cJSON *params = cJSON_CreateObject();
	int status = STATUS_DONE;

	if (options_given(o, "to"))
		cJSON_AddNumberToObject(params, "to",
					order_number(o, "to", &status));
	if (options_given(o, "extra"))
		cJSON_AddStringToObject(params, "extra",
					options_value(o, "extra"));
	if (status == STATUS_DONE)
		return order_run(o, &order, params, LOAD_MS);
	cJSON_Delete(params);
	return status;
}

static const struct option_spec rollback_options[] = {
    {"to", 't', "N", "the version; else the one before the current"},
    {"extra", 'x', "TEXT", "anything that a HOT_CODE_CHANGE wants to know"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_rollback_entry = {
    .name = "rollback",
    .operands = "MODULE",
    .help = "make an earlier version of a module current again",
    .about =
	"Makes an earlier version of the module current, under a new number.\n"
	"Variables keep their values. The source on disk stays as it is: "
	"saving\n"
	"or loading it makes it current again. How many versions can be gone\n"
	"back to is `keep_versions` of hotwatch.json.\n\n"
	"exit status: 0 live; 1 refused: there is no such version any more, "
	"or\n"
	"it does not fit the variables as they are now; 3 nobody to ask",
    .options = rollback_options,
    .min = 1,
    .max = 1,
    .exec = exec_rollback,
};
