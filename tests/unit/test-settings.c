/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"
#include "watcher/settings.h"
#include "watcher/util.h"

#include <stdlib.h>
#include <unistd.h>

static struct settings s;
static char *err;

/* What reading TEXT gives; S and ERR are set. */
static int reading(const char *text)
{
	char *path = xasprintf("hw-settings-%d.json", (int)getpid());
	int r;

	settings_free(&s);
	settings_init(&s);
	free(err);
	err = NULL;
	CHECK_INT_EQ(file_write(path, text, strlen(text), NULL), 0);
	r = settings_read(&s, path, &err);
	unlink(path);
	free(path);
	return r;
}

static void none_needed(void)
{
	settings_free(&s);
	settings_init(&s);
	CHECK_INT_EQ(settings_read(&s, "hw-no-such-file.json", &err), 0);
	CHECK_INT_EQ(reading("{}"), 0);
	CHECK(s.reload_on_save);
	CHECK_INT_EQ(s.on_held, ON_HELD_LINGER);
	CHECK_INT_EQ(s.unsafe, UNSAFE_REFUSE);
	CHECK_STR_EQ(s.compiler, NULL);
}

static void all_are_read(void)
{
	CHECK_INT_EQ(reading("{\"on_held\": \"kill\", \"unsafe\": \"warn\",\n"
			     "\"reload_on_save\": false,\n"
			     "\"purge_deadline_ms\": 250,\n"
			     "\"keep_versions\": 7, \"compiler\": \"clang\",\n"
			     "\"compiler_launcher\": \"ccache distcc\",\n"
			     "\"build\": \"make -j4\",\n"
			     "\"ignore\": [\"*.tmp\", \"out dir/\"]}"),
		     0);
	CHECK_STR_EQ(err, NULL);
	CHECK_INT_EQ(s.on_held, ON_HELD_KILL);
	CHECK_INT_EQ(s.unsafe, UNSAFE_WARN);
	CHECK(!s.reload_on_save);
	CHECK_INT_EQ(s.purge_deadline_ms, 250);
	CHECK_INT_EQ(s.keep_versions, 7);
	CHECK_STR_EQ(s.compiler, "clang");
	CHECK_INT_EQ(lenv(s.compiler_launcher), 2);
	CHECK_STR_EQ(s.compiler_launcher[1], "distcc");
	CHECK_STR_EQ(s.build, "make -j4");
	CHECK_INT_EQ(lenv(s.ignore), 2);
	CHECK_STR_EQ(s.ignore[1], "out dir/");
}

static void unknown_key(void)
{
	CHECK_INT_EQ(reading("{\n  \"ignore\": [\"x\", \"onheld\"],\n\n"
			     "  \"onheld\": \"kill\"\n}\n"),
		     -1);
	CHECK_STR_HAS(err, ".json:4: unknown setting \"onheld\"");
	CHECK_STR_HAS(err, "on_held");
}

static void wrong_types(void)
{
	CHECK_INT_EQ(reading("{\"reload_on_save\": 1}"), -1);
	CHECK_STR_HAS(err, ".json:1: reload_on_save must be true or false");
	CHECK_INT_EQ(reading("{\n\"keep_versions\": 1.5}"), -1);
	CHECK_STR_HAS(err, ".json:2: keep_versions");
	CHECK_INT_EQ(reading("{\n\"keep_versions\": -1}"), -1);
	CHECK_INT_EQ(reading("{\"ignore\": [1]}"), -1);
	CHECK_INT_EQ(reading("{\"compiler\": [\"cc\"]}"), -1);
	CHECK_INT_EQ(reading("{\"on_held\": \"murder\"}"), -1);
	CHECK_STR_HAS(err, "\"linger\", \"refuse\" or \"kill\"");
	CHECK_INT_EQ(reading("[1]"), -1);
}

static void second_of_two_is_named(void)
{
	CHECK_INT_EQ(reading("{\n\"unsafe\": \"warn\",\n"
			     "\"unsafe\": \"never\"}"),
		     -1);
	CHECK_STR_HAS(err, ".json:3: unsafe");
}

static void not_json(void)
{
	CHECK_INT_EQ(reading("{\n\"unsafe\": \"warn\",\n  oops\n}"), -1);
	CHECK_STR_HAS(err, ".json:3: not JSON");
	CHECK_INT_EQ(reading("{} trailing"), -1);
	CHECK_INT_EQ(reading(""), -1);
}

static void clean_up(void)
{
	settings_free(&s);
	free(err);
	CHECK(s.ignore == NULL);
}

static const struct check tests[] = {
    {"no setting is needed", none_needed},
    {"every setting is read", all_are_read},
    {"an unknown key is an error that names its line", unknown_key},
    {"a wrong type is an error that names what is wanted", wrong_types},
    {"of two of one name the wrong one is named", second_of_two_is_named},
    {"what is not JSON is named by its line", not_json},
    {"freeing leaves nothing behind", clean_up},
};
CHECK_MAIN(tests)
