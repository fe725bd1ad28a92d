/* SPDX-License-Identifier: MIT
 *
 * The command line's parser (watcher/options.h) and its suggestions
 * (watcher/nearest.h).
 */
#include "watcher/options.h"

#include <stdlib.h>

#include "tests/unit/check.h"
#include "watcher/nearest.h"

static const struct option_spec own[] = {
    {"force", 'f', NULL, "force it"},
    {"after", 'a', "N", "after N"},
    {"quiet", 'q', NULL, "say less"},
    {NULL, 0, NULL, NULL},
};

static const struct command two_operands = {
    .name = "two", .operands = "A [B]", .options = own, .min = 1, .max = 2};
static const struct command runs_program = {.name = "run",
					    .operands = "PROGRAM [ARG...]",
					    .options = own,
					    .min = 1,
					    .max = -1,
					    .program = true};

#define PARSE(o, c, ...) parse(o, c, (const char *const[]){__VA_ARGS__, NULL})

static char *last_error;

static int parse(struct options *o, const struct command *c,
		 const char *const *words)
{
	int n = 0;

	while (words[n])
		n++;
	free(last_error);
	last_error = NULL;
	return options_parse(o, c, n, (char **)words, &last_error);
}

static void options_and_operands_mix(void)
{
	struct options o;

	CHECK_INT_EQ(PARSE(&o, &two_operands, "x", "--force", "y", "--json"),
		     0);
	CHECK_INT_EQ(o.noperands, 2);
	CHECK_STR_EQ(o.operands[0], "x");
	CHECK_STR_EQ(o.operands[1], "y");
	CHECK_STR_EQ(o.operands[2], NULL);
	CHECK(options_given(&o, "force"));
	CHECK(o.json);
	CHECK(!options_given(&o, "quiet"));
	options_free(&o);
}

static void values_come_in_every_spelling(void)
{
	static const char *const spellings[][3] = {
	    {"--after=7"}, {"--after", "7"}, {"-a7"}, {"-a", "7"}, {"-fqa7"}};
	struct options o;

	for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
		const char *words[] = {"x", spellings[i][0], spellings[i][1],
				       NULL};

		CHECK_INT_EQ(parse(&o, &two_operands, words), 0);
		CHECK_STR_EQ(options_value(&o, "after"), "7");
		CHECK_INT_EQ(o.noperands, 1);
		options_free(&o);
	}
}

static void the_last_value_counts(void)
{
	struct options o;

	CHECK_INT_EQ(PARSE(&o, &two_operands, "x", "--target", "a",
			   "--target=b"),
		     0);
	CHECK_STR_EQ(o.target, "b");
	options_free(&o);
}

static void an_empty_value_is_a_value(void)
{
	struct options o;

	CHECK_INT_EQ(PARSE(&o, &two_operands, "x", "--after="), 0);
	CHECK_STR_EQ(options_value(&o, "after"), "");
	options_free(&o);
}

static void two_dashes_end_the_options(void)
{
	struct options o;

	CHECK_INT_EQ(PARSE(&o, &two_operands, "--", "--force"), 0);
	CHECK_STR_EQ(o.operands[0], "--force");
	CHECK(!options_given(&o, "force"));
	options_free(&o);
}

static void a_dash_alone_is_an_operand(void)
{
	struct options o;

	CHECK_INT_EQ(PARSE(&o, &two_operands, "-"), 0);
	CHECK_STR_EQ(o.operands[0], "-");
	options_free(&o);
}

static void a_programs_words_are_its_own(void)
{
	struct options o;

	CHECK_INT_EQ(PARSE(&o, &runs_program, "-q", "prog", "--json", "-x",
			   "--", "-h"),
		     0);
	CHECK(options_given(&o, "quiet"));
	CHECK(!o.json);
	CHECK(!o.help);
	CHECK_INT_EQ(o.noperands, 5);
	CHECK_STR_EQ(o.operands[3], "--");
	options_free(&o);
	CHECK_INT_EQ(PARSE(&o, &runs_program, "--", "prog", "--", "a"), 0);
	CHECK_INT_EQ(o.noperands, 3);
	CHECK_STR_EQ(o.operands[1], "--");
	options_free(&o);
}

static void mistakes_are_named(void)
{
	static const struct {
		const char *words[4], *error;
	} mistakes[] = {
	    {{"x", "--forec"}, "did you mean --force?"},
	    {{"x", "--colour=never"}, "did you mean --color?"},
	    {{"x", "--zzz"}, "unknown option --zzz"},
	    {{"x", "-z"}, "unknown option -z"},
	    {{"x", "--force=1"}, "--force takes no value"},
	    {{"x", "--after"}, "--after needs a value"},
	    {{"x", "--color", "pink"}, "--color pink"},
	    {{"x", "y", "z"}, "unexpected argument 'z'"},
	    {{"--json"}, "A [B] is missing"},
	};
	struct options o;

	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		CHECK_INT_EQ(parse(&o, &two_operands, mistakes[i].words), -1);
		CHECK_STR_HAS(last_error, mistakes[i].error);
		options_free(&o);
	}
}

static void help_needs_no_operands(void)
{
	struct options o;

	CHECK_INT_EQ(PARSE(&o, &two_operands, "-h"), 0);
	CHECK(o.help);
	options_free(&o);
}

static void colors_are_words(void)
{
	struct options o;

	CHECK_INT_EQ(PARSE(&o, &two_operands, "x", "--color=never"), 0);
	CHECK_INT_EQ(o.color, UI_NEVER);
	options_free(&o);
	CHECK_INT_EQ(PARSE(&o, &two_operands, "x"), 0);
	CHECK_INT_EQ(o.color, UI_AUTO);
	options_free(&o);
}

static void distances_count_edits(void)
{
	CHECK_INT_EQ(nearest_distance("status", "status"), 0);
	CHECK_INT_EQ(nearest_distance("statsu", "status"), 1);
	CHECK_INT_EQ(nearest_distance("stat", "status"), 2);
	CHECK_INT_EQ(nearest_distance("", "abc"), 3);
	CHECK_INT_EQ(nearest_distance("abc", ""), 3);
}

static const char *best_of(const char *word)
{
	struct nearest n = {.word = word};

	nearest_offer(&n, "status");
	nearest_offer(&n, "modules");
	nearest_offer(&n, "which");
	nearest_offer(&n, "watch");
	return n.best;
}

static void only_what_is_near_is_suggested(void)
{
	CHECK_STR_EQ(best_of("statsu"), "status");
	CHECK_STR_EQ(best_of("module"), "modules");
	CHECK_STR_EQ(best_of("mod"), "modules");
	CHECK_STR_EQ(best_of("wach"), "watch");
	CHECK_STR_EQ(best_of("frobnicate"), NULL);
	CHECK_STR_EQ(best_of("x"), NULL);
	CHECK_STR_EQ(best_of(""), NULL);
}

static const struct check tests[] = {
    {"options and operands may be mixed", options_and_operands_mix},
    {"a value comes in every usual spelling", values_come_in_every_spelling},
    {"of an option given twice the last counts", the_last_value_counts},
    {"an empty value is a value", an_empty_value_is_a_value},
    {"-- ends the options", two_dashes_end_the_options},
    {"- alone is an operand", a_dash_alone_is_an_operand},
    {"what stands behind a program is its own", a_programs_words_are_its_own},
    {"mistakes are named, with a suggestion", mistakes_are_named},
    {"--help needs no operands", help_needs_no_operands},
    {"--color takes three words", colors_are_words},
    {"the distance of words counts edits", distances_count_edits},
    {"only what is near is suggested", only_what_is_near_is_suggested},
};
CHECK_MAIN(tests)
