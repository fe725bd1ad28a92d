/* SPDX-License-Identifier: MIT
 *
 * What hotwatch cc makes of clang's command lines.
 */
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "watcher/cc-args.h"
#include "watcher/cc-response.h"
#include "watcher/util.h"

/* Splits LINE at blanks; what it gives lives as long as the test. */
static struct cc_args parse(const char *line)
{
	static struct strv words;
	struct cc_args a;
	char *copy = xstrdup(line), *rest = copy, *word;

	strv_free(&words);
	while ((word = strsep(&rest, " ")) != NULL)
		if (*word)
			strv_add(&words, word);
	free(copy);
	words.v = words.v ? words.v : strv_take(&words);
	cc_args_parse(&a, words.v);
	return a;
}

static void modes_are_told_apart(void)
{
	static const struct {
		const char *line;
		enum cc_mode mode;
	} cases[] = {
	    {"-c a.c", CC_MODE_COMPILE},
	    {"--compile a.c", CC_MODE_COMPILE},
	    {"-c a.c b.c", CC_MODE_COMPILE},
	    {"a.h", CC_MODE_COMPILE},
	    {"-x c-header a -o a.pch", CC_MODE_COMPILE},
	    {"a.c", CC_MODE_LINK},
	    {"a.o -o p", CC_MODE_LINK},
	    {"-c -E a.c", CC_MODE_READ},
	    {"-E a.c", CC_MODE_READ},
	    {"-S a.c", CC_MODE_READ},
	    {"-M a.c", CC_MODE_READ},
	    {"-MM a.c", CC_MODE_READ},
	    {"-MD a.c", CC_MODE_LINK},
	    {"-fsyntax-only a.c", CC_MODE_READ},
	    {"-emit-llvm -c a.c", CC_MODE_READ},
	    {"-dM -E a.c", CC_MODE_OTHER},
	    {"-### a.c", CC_MODE_OTHER},
	    {"--version", CC_MODE_OTHER},
	    {"-v", CC_MODE_OTHER},
	    {"-dumpmachine", CC_MODE_OTHER},
	    {"-print-search-dirs", CC_MODE_OTHER},
	    {"--print-file-name=libc.so", CC_MODE_OTHER},
	    {"-c", CC_MODE_OTHER},
	    {"", CC_MODE_OTHER},
	    {"-Wl,--version", CC_MODE_NATIVE},
	    {"-shared a.o", CC_MODE_NATIVE},
	    {"-r a.o", CC_MODE_NATIVE},
	    {"-Wl,-r a.o", CC_MODE_NATIVE},
	    {"-Xlinker --relocatable a.o", CC_MODE_NATIVE},
	    {"-rdynamic a.o", CC_MODE_LINK},
	    {"-export-dynamic a.o", CC_MODE_LINK},
	    {"-o -r a.o", CC_MODE_LINK},
	    {"-D -shared a.o", CC_MODE_LINK},
	    {"-include -E a.c -c", CC_MODE_COMPILE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cc_args a = parse(cases[i].line);

		if (!CHECK_INT_EQ(a.mode, cases[i].mode))
			printf("# of: %s\n", cases[i].line);
		cc_args_free(&a);
	}
}

static void languages_follow_suffix_and_x(void)
{
	struct cc_args a =
	    parse("a.c -x c++ b.c -x none c.S d.cc e.i f.o -x c g.o");
	static const enum cc_lang want[] = {CC_LANG_C,   CC_LANG_FOREIGN,
					    CC_LANG_ASM, CC_LANG_FOREIGN,
					    CC_LANG_I,   CC_LANG_OBJECT,
					    CC_LANG_C};
	size_t k = 0;

	for (size_t i = 0; i < a.n; i++)
		if (a.v[i].class == CC_INPUT && k < ARRAY_SIZE(want))
			CHECK_INT_EQ(a.v[i].lang, want[k++]);
	CHECK_INT_EQ(k, ARRAY_SIZE(want));
	CHECK_INT_EQ(a.ninputs, 7);
	CHECK_INT_EQ(a.nsources, 6);
	cc_args_free(&a);
}

static void values_are_not_inputs(void)
{
	struct cc_args a =
	    parse("-I inc -D X=1 -include pre.h -Xclang -foo -mllvm -bar "
		  "-L lib -l m -u sym -z now -MF d -isystem sys --param p=1 "
		  "--sysroot root -T script a.c");

	CHECK_INT_EQ(a.ninputs, 1);
	CHECK_STR_EQ(a.v[a.n - 1].text, "a.c");
	cc_args_free(&a);
}

static void the_last_output_counts(void)
{
	struct cc_args a = parse("-o x a.c -oy");

	CHECK_STR_EQ(a.output, "y");
	cc_args_free(&a);
	a = parse("--output=z a.c");
	CHECK_STR_EQ(a.output, "z");
	cc_args_free(&a);
	a = parse("a.c");
	CHECK_STR_EQ(a.output, NULL);
	cc_args_free(&a);
}

static void depfiles_are_found_in_all_spellings(void)
{
	static const struct {
		const char *line, *depfile; /* NULL: none is asked for */
	} cases[] = {
	    {"-c a.c", NULL},
	    {"-c a.c -MF x", NULL},
	    {"-c a.c -MT x", NULL},
	    {"-c dir/a.c -MD", "a.d"},
	    {"-c dir/a.c -MMD -o out/b.o", "out/b.d"},
	    {"-c a.c -MD -o out/b.x.o", "out/b.x.d"},
	    {"-c a.c -MD -MF x", "x"},
	    {"-c a.c -MFx -MMD -MP -MT t", "x"},
	    {"-c a.c -Wp,-MD,x", "x"},
	    {"-c a.c -Wp,-MMD,d/x", "d/x"},
	    {"-c a.c --write-dependencies -MF x", "x"},
	    {"-c a.c --write-user-dependencies", "a.d"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cc_args a = parse(cases[i].line);
		char *path = cc_args_depfile(&a, a.v[1].value);

		CHECK_INT_EQ(a.dep, cases[i].depfile != NULL);
		if (cases[i].depfile && !CHECK_STR_EQ(path, cases[i].depfile))
			printf("# of: %s\n", cases[i].line);
		free(path);
		cc_args_free(&a);
	}
}

static void what_cannot_be_split_is_named(void)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
	    {"a.o", NULL},
	    {"-static a.o", "-static"},
	    {"-static-libgcc a.o", NULL},
	    {"-Tx.ld a.o", "-T"},
	    {"-Wl,-T,x.ld a.o", "-T"},
	    {"-Wl,--gc-sections,-static a.o", "-static"},
	    {"-Wl,--script=x a.o", "--script"},
	    {"-Xlinker -static a.o", "-static"},
	    {"-nostdlib a.o", "-nostdlib"},
	    {"-nostdlibinc a.o", NULL},
	    {"-Wl,-e,start a.o", "-e"},
	    {"-Wl,-export-dynamic a.o", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cc_args a = parse(cases[i].line);

		if (!CHECK_STR_EQ(a.unsplit, cases[i].why))
			printf("# of: %s\n", cases[i].line);
		cc_args_free(&a);
	}
}

static void other_targets_are_clangs(void)
{
	static const struct {
		const char *line;
		bool alien;
	} cases[] = {
	    {"a.c", false},
	    {"-m32 a.c", true},
	    {"--target=aarch64-linux-gnu a.c", true},
	    {"-target arm-none-eabi a.c", true},
	    {"--target=x86_64-pc-linux-gnu a.c", false},
	    {"--target=x86_64-linux-musl a.c", true},
	    {"-arch x86_64 a.c", true},
	    {"-x c -", true},
	    {"--driver-mode=g++ a.c", true},
	    {"--driver-mode=gcc a.c", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cc_args a = parse(cases[i].line);

		if (!CHECK_INT_EQ(a.alien, cases[i].alien))
			printf("# of: %s\n", cases[i].line);
		cc_args_free(&a);
	}
}

static void after_two_dashes_all_are_inputs(void)
{
	struct cc_args a = parse("-c -- -weird.c");
	struct strv out = {0};

	CHECK_INT_EQ(a.ninputs, 1);
	CHECK_INT_EQ(a.mode, CC_MODE_COMPILE);
	for (size_t i = 0; i < a.n; i++)
		cc_arg_add(&out, &a.v[i]);
	CHECK_INT_EQ(out.n, 2);
	CHECK_STR_EQ(out.v[1], "./-weird.c");
	strv_free(&out);
	cc_args_free(&a);
}

static void a_missing_value_is_left_to_clang(void)
{
	struct cc_args a = parse("a.c -o");
	struct strv out = {0};

	for (size_t i = 0; i < a.n; i++)
		cc_arg_add(&out, &a.v[i]);
	CHECK_INT_EQ(out.n, 2);
	CHECK_STR_EQ(out.v[1], "-o");
	strv_free(&out);
	cc_args_free(&a);
}

/* --- response files ------------------------------------------------------- */

static char *temporary(const char *content)
{
	char *path = xstrdup("/tmp/hw-args-XXXXXX");
	int fd = mkstemp(path);

	if (CHECK(fd >= 0))
		close(fd);
	CHECK_INT_EQ(file_write(path, content, strlen(content), NULL), 0);
	return path;
}

static void response_files_are_read_as_clang_reads_them(void)
{
	static const char *const want[] = {"a b",  "c'd",       "e\"f", "",
					   "g\\h", "-DX=\"1\"", "i",    NULL};
	char *path = temporary("'a b'\t\"c'd\"\n"
			       "e\\\"f '' g\\\\h -DX=\\\"1\\\"\r\ni");
	char *word = xasprintf("@%s", path);
	char *words[] = {word, "@/nonexistent", NULL};
	struct strv out = {0};

	response_expand(&out, words);
	if (CHECK_INT_EQ(out.n, ARRAY_SIZE(want)))
		for (size_t i = 0; want[i]; i++)
			CHECK_STR_EQ(out.v[i], want[i]);
	if (out.n)
		CHECK_STR_EQ(out.v[out.n - 1], "@/nonexistent");
	strv_free(&out);
	unlink(path);
	free(word);
	free(path);
}

static void a_response_file_that_names_itself_ends(void)
{
	char *path = temporary("");
	char *word = xasprintf("@%s", path);
	char *words[] = {word, NULL};
	struct strv out = {0};

	CHECK_INT_EQ(file_write(path, word, strlen(word), NULL), 0);
	response_expand(&out, words);
	CHECK_INT_EQ(out.n, 1);
	CHECK_STR_EQ(out.v[0], word);
	strv_free(&out);
	unlink(path);
	free(word);
	free(path);
}

static void long_commands_come_back_whole(void)
{
	char *path = temporary("");
	char *big = xmalloc(200001);
	struct strv argv = {0}, back = {0};
	char *err = NULL;

	memset(big, 'x', 200000);
	big[200000] = '\0';
	big[7] = '"';
	big[9] = '\\';
	big[11] = ' ';
	strv_add(&argv, "clang");
	CHECK_INT_EQ(response_shorten(&argv, path, &err), 0);
	strv_add(&argv, big);
	strv_add(&argv, "");
	strv_add(&argv, "a'b\nc");
	CHECK_INT_EQ(response_shorten(&argv, path, &err), 1);
	CHECK_INT_EQ(argv.n, 2);
	response_expand(&back, argv.v + 1);
	if (CHECK_INT_EQ(back.n, 3)) {
		CHECK(!strcmp(back.v[0], big));
		CHECK_STR_EQ(back.v[1], "");
		CHECK_STR_EQ(back.v[2], "a'b\nc");
	}
	strv_free(&argv);
	strv_free(&back);
	unlink(path);
	free(path);
	free(big);
}

static const struct check tests[] = {
    {"modes are told apart", modes_are_told_apart},
    {"languages follow the suffix and -x", languages_follow_suffix_and_x},
    {"an option's value is no input", values_are_not_inputs},
    {"the last -o counts", the_last_output_counts},
    {"depfiles are found in all spellings",
     depfiles_are_found_in_all_spellings},
    {"what cannot be split is named", what_cannot_be_split_is_named},
    {"other targets are clang's", other_targets_are_clangs},
    {"after -- all are inputs", after_two_dashes_all_are_inputs},
    {"a missing value is left to clang", a_missing_value_is_left_to_clang},
    {"response files are read as clang reads them",
     response_files_are_read_as_clang_reads_them},
    {"a response file that names itself ends",
     a_response_file_that_names_itself_ends},
    {"long commands come back whole from a response file",
     long_commands_come_back_whole},
};
CHECK_MAIN(tests)
