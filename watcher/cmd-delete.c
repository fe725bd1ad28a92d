/* SPDX-License-Identifier: MIT
 *
 * hotwatch delete: a module's current version becomes old, with none after it.
 */
#include <cjson/cJSON.h>

#include "watcher/order.h"

static void put(struct text *t, const struct ui *ui, const char *module,
		const cJSON *result, int pid)
{
	(void)result;
	ui_put(t, ui, UI_NAME, "%s", module);
	text_printf(t, " deleted in pid %d\n", pid);
}

static void why_not(struct text *t, const char *module, const cJSON *result,
		    int pid)
{
	(void)result;
	(void)pid;
	text_printf(t, "an older version of %s is there still; purge it first",
		    module);
}

static int exec_delete(struct options *o)
{
	static const struct order order = {.method = "watch/delete",
					   .fact = "deleted",
					   .put = put,
					   .why_not = why_not};

	return order_run(o, &order, NULL, 0);
}

const struct command cmd_delete_entry = {
    .name = "delete",
    .operands = "MODULE",
    .help = "unload a module: its current version becomes old",
    .about =
	"The current version of the module becomes old. Whoever is in it runs\n"
	"on; the next call to it loads it anew if its file is where it was, "
	"and\n"
	"else ends the calling process with `undef`. Saving or loading the\n"
	"module brings it back.\n\n"
	"exit status: 0 deleted; 1 refused: not_purged (an older version is\n"
	"there still), sticky_directory; 3 nobody to ask",
    .min = 1,
    .max = 1,
    .exec = exec_delete,
};
