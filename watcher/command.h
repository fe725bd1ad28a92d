/* SPDX-License-Identifier: MIT
 *
 * A verb of the command line. Each cmd-NAME.c exports one, main.c lists them,
 * and usage, help and the man page's check are made from these tables alone.
 */
#ifndef WATCHER_COMMAND_H
#define WATCHER_COMMAND_H

#include <stdbool.h>

struct options;

/* Exit statuses, the same for every command. */
enum {
	STATUS_DONE = 0,
	STATUS_REFUSED = 1, /* refused, failed, or there are findings */
	STATUS_USAGE = 2,
	STATUS_UNASKED = 3 /* could not be asked: no watcher, no target */
};

struct option_spec {
	const char
	    *name;   /* "target", given as --target; a table ends at NULL */
	char letter; /* 0: none */
	const char *value; /* what it takes ("PID|NAME"), NULL: nothing */
	const char *help;  /* NULL: not shown */
};

struct command {
	const char *name;
	const char *operands; /* as in the usage: "MODULE..." */
	const char *help;     /* one line */
	const char *about;    /* for --help; lines of at most 72 columns */
	const struct option_spec *options; /* its own; NULL: none */
	int min, max;                      /* operands; max -1: any number */
	bool program; /* options end at the first operand */
	int (*raw)(int argc, char **argv); /* instead of exec: no parsing */
	int (*exec)(struct options *o);    /* the exit status */
};

extern const struct command *const commands[]; /* ends at NULL */

extern const struct command cmd_change_code_entry, cmd_check_entry,
    cmd_delete_entry, cmd_doctor_entry, cmd_downgrade_entry,
    cmd_rehearse_step_entry, cmd_upgrade_entry, cmd_get_state_entry,
    cmd_holders_entry, cmd_resume_entry, cmd_suspend_entry, cmd_load_entry,
    cmd_log_entry, cmd_lsp_entry, cmd_modules_entry, cmd_ps_entry,
    cmd_purge_entry, cmd_rollback_entry, cmd_run_entry, cmd_soft_purge_entry,
    cmd_status_entry, cmd_watch_entry, cmd_which_entry;

#endif
