/* SPDX-License-Identifier: MIT
 *
 * A command's line, parsed by its tables: the options that every command
 * takes, those of its own, and its operands.
 *
 * Options and operands may be mixed; "--" ends the options, and so does the
 * first operand of a command that runs a program. --name=value, --name value,
 * -nvalue, -n value and -ab are understood. The last one given counts. All
 * strings point into argv, which must stay.
 */
#ifndef WATCHER_OPTIONS_H
#define WATCHER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "watcher/command.h"
#include "watcher/ui.h"

#define OPTIONS_MAX 16 /* of one command, the common ones included */

struct options {
	const struct command *command;
	char **operands; /* NULL-terminated, malloc'd array */
	int noperands;
	bool json, help;
	const char *target;  /* NULL: any */
	enum ui_color color; /* what --color says */

	const struct option_spec *specs[OPTIONS_MAX];
	const char *values[OPTIONS_MAX]; /* NULL: not given; "" if no value */
	size_t n;
};

extern const struct option_spec options_common[];

/* ARGV without the program's and the command's name. 0, or -1 and *err. */
int options_parse(struct options *o, const struct command *c, int argc,
		  char **argv, char **err);
void options_free(struct options *o);

/* An option of the command's own, or a common one, by its long name. */
bool options_given(const struct options *o, const char *name);
const char *options_value(const struct options *o, const char *name);

#endif
