/* SPDX-License-Identifier: MIT
 *
 * See options.h. getopt_long was not used: it prints by itself, keeps its
 * state in globals, accepts abbreviations that break when an option is added,
 * and cannot be given a table that help texts are made from as well.
 */
#include "watcher/options.h"

#include <stdlib.h>
#include <string.h>

#include "watcher/nearest.h"
#include "watcher/util.h"

const struct option_spec options_common[] = {
    {"json", 0, NULL, "print JSON (one document, or one a line)"},
    {"target", 0, "PID|NAME", "only this process, or processes of this name"},
    {"color", 0, "WHEN", "auto, always or never"},
    {"help", 'h', NULL, "show this help"},
    {NULL, 0, NULL, NULL},
};

struct parse {
	struct options *o;
	char **argv;
	int argc, i;
	char **err;
};

static void add_specs(struct options *o, const struct option_spec *s)
{
	for (; s && s->name && o->n < OPTIONS_MAX; s++)
		o->specs[o->n++] = s;
}

static int find_long(const struct options *o, const char *name, size_t len)
{
	for (size_t i = 0; i < o->n; i++)
		if (strlen(o->specs[i]->name) == len &&
		    !memcmp(o->specs[i]->name, name, len))
			return i;
	return -1;
}

static int find_letter(const struct options *o, char letter)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->specs[i]->letter == letter)
			return i;
	return -1;
}

static int unknown_long(struct parse *p, const char *name, size_t len)
{
	char *word = xstrndup(name, len);
	struct nearest near = {.word = word};

	for (size_t i = 0; i < p->o->n; i++)
		nearest_offer(&near, p->o->specs[i]->name);
	if (near.best)
		fail(p->err, "unknown option --%s; did you mean --%s?", word,
		     near.best);
	else
		fail(p->err, "unknown option --%s", word);
	free(word);
	return -1;
}

/* The value of option I: VALUE if it came with it, else the next word. */
static int set_value(struct parse *p, int i, const char *value)
{
	const struct option_spec *s = p->o->specs[i];

	if (!s->value) {
		if (value)
			return fail(p->err, "--%s takes no value", s->name);
		p->o->values[i] = "";
		return 0;
	}
	if (!value && p->i + 1 < p->argc)
		value = p->argv[++p->i];
	if (!value)
		return fail(p->err, "--%s needs a value: --%s %s", s->name,
			    s->name, s->value);
	p->o->values[i] = value;
	return 0;
}

static int parse_long(struct parse *p, const char *arg)
{
	size_t len = strcspn(arg, "=");
	int i = find_long(p->o, arg, len);

	if (i < 0)
		return unknown_long(p, arg, len);
	return set_value(p, i, arg[len] ? arg + len + 1 : NULL);
}

static int parse_letters(struct parse *p, const char *arg)
{
	for (; *arg; arg++) {
		int i = find_letter(p->o, *arg);

		if (i < 0)
			return fail(p->err, "unknown option -%c", *arg);
		if (p->o->specs[i]->value)
			return set_value(p, i, arg[1] ? arg + 1 : NULL);
		p->o->values[i] = "";
	}
	return 0;
}

static int parse_words(struct parse *p)
{
	struct options *o = p->o;
	bool only_operands = false;
	int r = 0;

	for (p->i = 0; r == 0 && p->i < p->argc; p->i++) {
		char *arg = p->argv[p->i];

		if (only_operands || arg[0] != '-' || arg[1] == '\0') {
			o->operands[o->noperands++] = arg;
			only_operands |= o->command->program;
		} else if (!strcmp(arg, "--")) {
			only_operands = true;
		} else if (arg[1] == '-') {
			r = parse_long(p, arg + 2);
		} else {
			r = parse_letters(p, arg + 1);
		}
	}
	return r;
}

static int set_common(struct options *o, char **err)
{
	const char *color = options_value(o, "color");

	o->json = options_given(o, "json");
	o->help = options_given(o, "help");
	o->target = options_value(o, "target");
	if (!color)
		return 0;
	if (ui_color_parse(&o->color, color) < 0)
		return fail(err, "--color %s: say auto, always or never",
			    color);
	return 0;
}

static int check_operands(const struct options *o, char **err)
{
	const struct command *c = o->command;

	if (o->noperands < c->min)
		return fail(err, "%s is missing", c->operands);
	if (c->max >= 0 && o->noperands > c->max)
		return fail(err, "unexpected argument '%s'",
			    o->operands[c->max]);
	return 0;
}

int options_parse(struct options *o, const struct command *c, int argc,
		  char **argv, char **err)
{
	struct parse p = {.o = o, .argv = argv, .argc = argc, .err = err};

	*o = (struct options){.command = c};
	o->operands = xcalloc((size_t)argc + 1, sizeof(*o->operands));
	add_specs(o, c->options);
	add_specs(o, options_common);
	if (parse_words(&p) < 0 || set_common(o, err) < 0)
		return -1;
	return o->help ? 0 : check_operands(o, err);
}

void options_free(struct options *o)
{
	free(o->operands);
	o->operands = NULL;
}

const char *options_value(const struct options *o, const char *name)
{
	int i = find_long(o, name, strlen(name));

	return i < 0 ? NULL : o->values[i];
}

bool options_given(const struct options *o, const char *name)
{
	return options_value(o, name) != NULL;
}
