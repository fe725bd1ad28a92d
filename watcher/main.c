/* SPDX-License-Identifier: MIT
 *
 * The program hotwatch: picks the command, parses its line by its tables and
 * runs it. Called by the name hotwatch-cc it is the compiler driver, for
 * build systems that want one word in CC.
 *
 * All of the help is made from the tables in the cmd-*.c files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/command.h"
#include "watcher/nearest.h"
#include "watcher/options.h"
#include "watcher/util.h"

int cmd_cc(int argc, char **argv);
static int run_cc(int argc, char **argv);

static const struct command cmd_cc_entry = {
    .name = "cc",
    .operands = "ARG...",
    .help = "compile and link: make CC=\"hotwatch cc\"",
    .max = -1,
    .raw = run_cc,
};

const struct command *const commands[] = {
    &cmd_cc_entry,
    &cmd_run_entry,
    &cmd_watch_entry,
    &cmd_status_entry,
    &cmd_modules_entry,
    &cmd_which_entry,
    &cmd_load_entry,
    &cmd_holders_entry,
    &cmd_soft_purge_entry,
    &cmd_purge_entry,
    &cmd_delete_entry,
    &cmd_rollback_entry,
    &cmd_ps_entry,
    &cmd_suspend_entry,
    &cmd_resume_entry,
    &cmd_change_code_entry,
    &cmd_get_state_entry,
    &cmd_log_entry,
    &cmd_upgrade_entry,
    &cmd_downgrade_entry,
    &cmd_check_entry,
    &cmd_rehearse_step_entry,
    &cmd_lsp_entry,
    &cmd_doctor_entry,
    NULL,
};

/*
 * The compiler driver frees nothing that lives as long as it: it is over in
 * milliseconds, thousands of times a build. A build with a leak checker asks
 * this at the end; no other calls it.
 */
static bool frees_nothing;

int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return frees_nothing;
}

static int run_cc(int argc, char **argv)
{
	frees_nothing = true;
	return cmd_cc(argc, argv);
}

static void put_options(struct text *t, const struct option_spec *s)
{
	for (; s && s->name; s++) {
		char *left = xasprintf("--%s%s%s", s->name, s->value ? " " : "",
				       s->value ? s->value : "");

		if (s->help)
			text_printf(t, "  %s%c%s %-20s  %s\n",
				    s->letter ? "-" : " ",
				    s->letter ? s->letter : ' ',
				    s->letter ? "," : " ", left, s->help);
		free(left);
	}
}

static void put_usage(struct text *t, const struct command *c)
{
	text_printf(t, "usage: hotwatch %s%s%s%s\n", c->name,
		    c->raw ? "" : " [OPTION...]", c->operands ? " " : "",
		    c->operands ? c->operands : "");
}

static void put_command_help(struct text *t, const struct command *c)
{
	put_usage(t, c);
	text_printf(t, "\n%s\n", c->about ? c->about : c->help);
	text_puts(t, "\noptions:\n");
	put_options(t, c->options);
	put_options(t, options_common);
}

static void put_help(struct text *t)
{
	text_puts(t, "usage: hotwatch COMMAND [OPTION...]\n\n"
		     "Save a C file, and the running program has the new "
		     "code.\n\n");
	for (size_t i = 0; commands[i]; i++)
		text_printf(t, "  %-15s%s\n", commands[i]->name,
			    commands[i]->help);
	text_puts(t, "\nStart with:  make CC=\"hotwatch cc\"  and  "
		     "hotwatch run ./PROGRAM\n"
		     "`hotwatch COMMAND --help` says more; so does hotwatch(1)."
		     "\n");
}

static int print(struct text *t, FILE *to, int status)
{
	fputs(t->s, to);
	fflush(to);
	text_free(t);
	return status;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int unknown_command(const char *name)
{
	struct nearest near = {.word = name};
	struct text t = {0};

	for (size_t i = 0; commands[i]; i++)
		nearest_offer(&near, commands[i]->name);
	text_printf(&t, "hotwatch: unknown command '%s'", name);
	if (near.best)
		text_printf(&t, "; did you mean '%s'?", near.best);
	text_puts(&t, "\nrun `hotwatch --help` for the list\n");
	return print(&t, stderr, STATUS_USAGE);
}

static int bad_usage(const struct command *c, const char *err)
{
	struct text t = {0};

	text_printf(&t, "hotwatch %s: %s\n", c->name, err);
	put_usage(&t, c);
	text_printf(&t, "run `hotwatch %s --help` for more\n", c->name);
	return print(&t, stderr, STATUS_USAGE);
}

static int run_command(const struct command *c, int argc, char **argv)
{
	struct text help = {0};
	struct options o;
	char *err = NULL;
	int status;

	if (c->raw)
		return c->raw(argc, argv);
	if (options_parse(&o, c, argc - 1, argv + 1, &err) < 0) {
		status = bad_usage(c, err);
	} else if (o.help) {
		put_command_help(&help, c);
		status = print(&help, stdout, STATUS_DONE);
	} else {
		status = c->exec(&o);
	}
	options_free(&o);
	free(err);
	return status;
}

/* hotwatch help [COMMAND] */
static int help(int argc, char **argv)
{
	const struct command *c = argc > 1 ? find_command(argv[1]) : NULL;
	struct text t = {0};

	if (argc > 1 && !c)
		return unknown_command(argv[1]);
	if (c && !c->raw)
		put_command_help(&t, c);
	else if (c)
		text_printf(&t,
			    "usage: hotwatch cc ARG...\n\n%s; takes what "
			    "clang takes\n",
			    c->help);
	else
		put_help(&t);
	return print(&t, stdout, STATUS_DONE);
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
	return !strcmp(word, a) || !strcmp(word, b);
}

int main(int argc, char **argv)
{
	const struct command *c;
	struct text t = {0};

	if (argc > 0 && !strcmp(path_base(argv[0]), "hotwatch-cc"))
		return run_cc(argc, argv);
	if (argc < 2) {
		put_help(&t);
		return print(&t, stderr, STATUS_USAGE);
	}
	if (is_one_of(argv[1], "--version", "-V")) {
		puts("hotwatch " HOTWATCH_VERSION);
		return STATUS_DONE;
	}
	if (is_one_of(argv[1], "--help", "-h") || !strcmp(argv[1], "help"))
		return help(argc - 1, argv + 1);
	c = find_command(argv[1]);
	return c ? run_command(c, argc - 1, argv + 1)
		 : unknown_command(argv[1]);
}
