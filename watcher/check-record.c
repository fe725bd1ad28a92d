/* SPDX-License-Identifier: MIT
 *
 * Whether two builds of a module may be compared: the same compiler, and the
 * same flags as far as they matter. Types do not depend on -O, but what a
 * compiler keeps, inlines and splits does, and a comparison of such builds
 * gives findings that nobody's change has caused.
 *
 * What matters not: where headers and outputs are, macros (a changed -D is a
 * change of the source), warnings, the kind of debug information.
 */
#include <stdlib.h>
#include <string.h>

#include "watcher/check-internal.h"

/* Flags by their beginnings; the first that fits counts. */
static const struct {
	const char *start;
	bool takes; /* if it is just that, the next word belongs to it */
} passed_over[] = {
    {"-c", false},
    {"-D", true},
    {"-U", true},
    {"-I", true},
    {"-isystem", true},
    {"-iquote", true},
    {"-idirafter", true},
    {"-imacros", true},
    {"-include", true},
    {"-isysroot", true},
    {"-W", false},
    {"-w", false},
    {"-MF", true},
    {"-MT", true},
    {"-MQ", true},
    {"-M", false},
    {"-o", true},
    {"-g", false},
    {"-B", true},
    {"-L", true},
    {"-l", true},
    {"-v", false},
    {"-Xclang", true},
    {"-pipe", false},
    {"-pedantic", false},
    {"-save-temps", false},
    {"-Qunused", false},
    {"-fdiagnostics", false},
    {"-fcolor", false},
    {"-fno-color", false},
    {"-fcaret", false},
    {"-fno-caret", false},
    {"-fansi", false},
    {"-ferror-limit", false},
    {"-fdebug", false},
    {"-fno-debug", false},
    {"-fstandalone", false},
    {"-fno-standalone", false},
    {"-ffile-prefix", false},
    {"-fmacro-", false},
    {"-frecord", false},
    {"-fno-record", false},
    {"-ftime-", false},
};

/* How many words from V on do not matter; 0: the first does. */
static size_t words_over(char *const *v)
{
	for (size_t i = 0; i < ARRAY_SIZE(passed_over); i++) {
		const char *s = passed_over[i].start;

		if (starts_with(v[0], s))
			return passed_over[i].takes && !strcmp(v[0], s) && v[1]
				   ? 2
				   : 1;
	}
	return v[0][0] != '-';
}

/* The flags that matter, the last -O alone and at the end. */
static void flags_read(const struct strv *command, struct strv *flags)
{
	const char *level = "-O0";

	for (size_t i = 1, over; i < command->n; i += over) {
		over = words_over(&command->v[i]);
		if (!over && starts_with(command->v[i], "-O"))
			level = command->v[i];
		else if (!over)
			strv_add(flags, command->v[i]);
		over = over ? over : 1;
	}
	strv_add(flags, level);
}

/* The first of A that B has not; NULL: none. */
static const char *missing(const struct strv *a, const struct strv *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strv_has(b, a->v[i]))
			return a->v[i];
	return NULL;
}

static char *flags_differ(const struct check_image *was,
			  const struct check_image *is)
{
	struct strv a = {0}, b = {0};
	const char *old, *new;
	char *why = NULL;

	flags_read(&was->command, &a);
	flags_read(&is->command, &b);
	old = missing(&a, &b);
	new = missing(&b, &a);
	if (old || new)
		why = xasprintf("compiled with other flags (old: %s, new: %s): "
				"build both sides alike",
				old ? old : "-", new ? new : "-");
	strv_free(&a);
	strv_free(&b);
	return why;
}

char *check_incomparable(const struct check_image *was,
			 const struct check_image *is)
{
	if (!was->compiler || !is->compiler || !was->command.n ||
	    !is->command.n)
		return xstrdup("not compiled by hotwatch cc: nothing tells "
			       "with what flags");
	if (strcmp(was->compiler, is->compiler) != 0)
		return xasprintf("compiled by different compilers (%s, %s): "
				 "build both sides with one",
				 was->compiler, is->compiler);
	if (!was->typed || !is->typed)
		return xasprintf("the %s side has no debug information: "
				 "compile with -g",
				 was->typed ? "new" : "old");
	return flags_differ(was, is);
}
