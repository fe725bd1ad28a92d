/* SPDX-License-Identifier: MIT
 *
 * symbolize.c on shared objects that are compiled here: places are found by
 * their symbols and asked for by their offsets.
 */
#include "tests/unit/check.h"
#include "tests/unit/elf-symbol.h"
#include "tests/unit/scratch.h"
#include "watcher/symbolize.h"
#include "watcher/util.h"

#include <dlfcn.h>
#include <link.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char source[] =
    "struct handler { const char *name; int (*fn)(void); };\n"
    "static int hidden(void) { return 1; }\n"
    "struct handler handlers[3] = {{\"a\", hidden}, {\"b\", hidden}};\n"
    "static struct { long head; struct handler in[2]; } deep;\n"
    "volatile int sink;\n"
    "static inline __attribute__((always_inline)) void inner(int v)\n"
    "{\n"
    "        sink += v;\n"
    "}\n"
    "static inline __attribute__((always_inline)) void middle(int v)\n"
    "{\n"
    "        inner(v);\n"
    "}\n"
    "void outer(int v)\n"
    "{\n"
    "        middle(v);\n"
    "}\n"
    "void *places(void) { static char buffer[64]; sink = 2; deep.head = 1;\n"
    "        return sink ? (void *)buffer : (void *)&deep; }\n";

static char *dir;

static const char *compiled(const char *name, const char *flag)
{
	char *c = xasprintf("%s/code.c", dir);
	char *out = xasprintf("%s/%s.so", dir, name);
	char *argv[] = {"clang-19", "-O1", "-shared", "-fPIC", (char *)flag,
			"-o",       out,   c,         NULL};
	int status = -1;
	pid_t pid;

	file_write(c, source, strlen(source), NULL);
	pid = fork();
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	CHECK_INT_EQ(status, 0);
	free(c);
	return out;
}

static void inlined_functions_are_named_with_the_lines_of_their_calls(void)
{
	struct symbolizer *s = symbolizer_new();
	const char *file = compiled("debug", "-g");
	uint64_t size, at = elf_symbol(file, "outer", &size), found = 0;
	struct symbol_frames f;

	for (uint64_t i = 0; i < size && !found; i++) {
		symbolize_code(s, file, at + i, &f);
		if (f.n == 3)
			found = at + i;
		symbol_frames_free(&f);
	}
	CHECK(found != 0);
	symbolize_code(s, file, found, &f);
	if (CHECK_INT_EQ(f.n, 3)) {
		CHECK_STR_EQ(f.v[0].function, "inner");
		CHECK_INT_EQ(f.v[0].line, 8);
		CHECK_STR_EQ(f.v[1].function, "middle");
		CHECK_INT_EQ(f.v[1].line, 12);
		CHECK_STR_EQ(f.v[2].function, "outer");
		CHECK_INT_EQ(f.v[2].line, 16);
		CHECK_STR_HAS(f.v[2].file, "/code.c");
	}
	symbol_frames_free(&f);
	symbolizer_free(s);
	free((char *)file);
}

static void without_debug_information_the_symbol_table_names(void)
{
	struct symbolizer *s = symbolizer_new();
	const char *file = compiled("plain", "-g0");
	uint64_t size, at = elf_symbol(file, "outer", &size);
	struct symbol_frames f;

	symbolize_code(s, file, at + 1, &f);
	if (CHECK_INT_EQ(f.n, 1)) {
		CHECK_STR_EQ(f.v[0].function, "outer");
		CHECK_STR_EQ(f.v[0].file, NULL);
		CHECK_INT_EQ(f.v[0].line, 0);
	}
	symbol_frames_free(&f);
	symbolizer_free(s);
	free((char *)file);
}

static void expect_data(struct symbolizer *s, const char *file, uint64_t at,
			const char *wanted)
{
	char *name = symbolize_data(s, file, at);

	CHECK_STR_EQ(name, wanted);
	free(name);
}

static void a_place_in_a_variable_is_named_as_c_would_write_it(void)
{
	struct symbolizer *s = symbolizer_new();
	const char *file = compiled("data", "-g");
	uint64_t size, at = elf_symbol(file, "handlers", &size);

	expect_data(s, file, at, "handlers[0].name");
	expect_data(s, file, at + 24, "handlers[1].fn");
	expect_data(s, file, at + 25, "handlers[1].fn+0x1");
	expect_data(s, file, elf_symbol(file, "sink", &size), "sink");
	at = elf_symbol(file, "deep", &size);
	expect_data(s, file, at + 8 + 24, "deep.in[1].fn");
	at = elf_symbol(file, "places.buffer", &size);
	expect_data(s, file, at + 5, "places.buffer[5]");
	free((char *)file);
	file = compiled("nodebug", "-g0");
	at = elf_symbol(file, "handlers", &size);
	expect_data(s, file, at + 24, "handlers+0x18");
	expect_data(s, file, at, "handlers");
	symbolizer_free(s);
	free((char *)file);
}

static void what_is_not_there_or_no_object_has_no_name(void)
{
	struct symbolizer *s = symbolizer_new();
	struct symbol_frames f;
	char *text = xasprintf("%s/text", dir);

	symbolize_code(s, "/nonexistent/file.so", 16, &f);
	CHECK_INT_EQ(f.n, 0);
	CHECK_STR_EQ(symbolize_data(s, "/nonexistent/file.so", 16), NULL);
	file_write(text, "no object", 9, NULL);
	symbolize_code(s, text, 16, &f);
	CHECK_INT_EQ(f.n, 0);
	symbolize_code(s, "/proc/self/exe", 0x7fffffffffff, &f);
	CHECK_INT_EQ(f.n, 0);
	symbolizer_free(s);
	free(text);
}

static void a_library_without_debug_information_names_what_it_exports(void)
{
	struct symbolizer *s = symbolizer_new();
	struct symbol_frames f;
	struct link_map *map;
	Dl_info info;

	if (!CHECK(dladdr1((void *)(uintptr_t)poll, &info, (void **)&map,
			   RTLD_DL_LINKMAP) != 0))
		return;
	symbolize_code(s, info.dli_fname, (uintptr_t)poll - map->l_addr + 4,
		       &f);
	if (CHECK(f.n > 0))
		CHECK_STR_EQ(f.v[0].function, "poll");
	symbol_frames_free(&f);
	symbolizer_free(s);
}

static void a_file_that_was_replaced_is_read_again(void)
{
	struct symbolizer *s = symbolizer_new();
	const char *file = compiled("replaced", "-g0");
	uint64_t size, at = elf_symbol(file, "outer", &size);
	struct symbol_frames f;

	symbolize_code(s, file, at, &f);
	CHECK_STR_EQ(f.n ? f.v[0].file : "?", NULL);
	symbol_frames_free(&f);
	unlink(file);
	free((char *)file);
	file = compiled("replaced", "-g");
	symbolize_code(s, file, elf_symbol(file, "outer", &size), &f);
	CHECK(f.n > 0 && f.v[0].file);
	symbol_frames_free(&f);
	symbolizer_free(s);
	free((char *)file);
}

static const struct check tests[] = {
    {"inlined functions are named with the lines of their calls",
     inlined_functions_are_named_with_the_lines_of_their_calls},
    {"without debug information the symbol table names",
     without_debug_information_the_symbol_table_names},
    {"a place in a variable is named as C would write it",
     a_place_in_a_variable_is_named_as_c_would_write_it},
    {"what is not there, or no object, has no name",
     what_is_not_there_or_no_object_has_no_name},
    {"a library without debug information names what it exports",
     a_library_without_debug_information_names_what_it_exports},
    {"a file that was replaced is read again",
     a_file_that_was_replaced_is_read_again},
};

int main(int argc, char **argv)
{
	int status;

	dir = scratch_new("hw-symbolize");
	status =
	    check_main(tests, ARRAY_SIZE(tests), argc > 1 ? argv[1] : NULL);
	scratch_remove(dir);
	return status;
}
