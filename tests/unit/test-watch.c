/* SPDX-License-Identifier: MIT
 *
 * Watching a real tree through the kernel: which changes are told, how often,
 * and what is never told. Folders are in test-watch-folders.c, git's locks in
 * test-watch-git.c, trouble (lost events, a root that goes away, polling) in
 * test-watch-trouble.c, editors in test-watch-tools.c.
 */
#include "tests/unit/watch-fixture.h"

#define SAVES 20

/* --- files --------------------------------------------------------------- */

static void a_save_in_place_is_told_once(void)
{
	fx_prepare();
	write_file("a/mod.c", "1");
	fx_open(NULL);
	write_file("a/mod.c", "2");
	fx_sync();
	CHECK_INT_EQ(told_count("a/mod.c"), 1);
	expect_told("a/mod.c");
	fx_end();
}

static void a_save_by_renaming_is_told_under_its_name(void)
{
	fx_start();
	write_file("mod.c", "1");
	expect_told("mod.c");
	write_file("mod.c.tmp-77", "2");
	rename_file("mod.c.tmp-77", "mod.c");
	expect_told("mod.c");
	fx_end();
}

static void reading_tells_nothing(void)
{
	char *data;

	fx_prepare();
	write_file("mod.c", "1");
	fx_open(NULL);
	CHECK_INT_EQ(file_read(at("mod.c"), &data, NULL, NULL), 0);
	free(data);
	expect_told("");
	fx_end();
}

static void writing_tells_nothing_before_the_close(void)
{
	int fd;

	fx_prepare();
	write_file("mod.c", "1");
	fx_open(NULL);
	fd = open(at("mod.c"), O_WRONLY | O_TRUNC | O_CLOEXEC);
	CHECK_INT_EQ(write(fd, "2", 1), 1);
	expect_told("");
	close(fd);
	expect_told("mod.c");
	fx_end();
}

static void a_removal_is_told(void)
{
	fx_prepare();
	write_file("mod.c", "1");
	fx_open(NULL);
	unlink(at("mod.c"));
	expect_told("mod.c");
	fx_end();
}

static void a_replacement_is_told_once_and_whole(void)
{
	int fd;

	fx_prepare();
	write_file("mod.c", "1");
	fx_open(NULL);
	rename_file("mod.c", "mod.c~");
	fd = open(at("mod.c"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	CHECK_INT_EQ(write(fd, "2", 1), 1);
	close(fd);
	fx_sync();
	CHECK_INT_EQ(told_count("mod.c"), 1);
	CHECK_INT_EQ(fx.told.n, 1);
	fx_end();
}

static void links_are_told(void)
{
	fx_prepare();
	write_file("mod.c", "1");
	fx_open(NULL);
	CHECK_INT_EQ(link(at("mod.c"), at("hard.c")), 0);
	CHECK_INT_EQ(symlink("mod.c", at("soft.c")), 0);
	expect_told("hard.c soft.c");
	fx_end();
}

static void a_link_whose_origin_is_gone_is_told(void)
{
	fx_prepare();
	write_file("new.tmp-1", "1");
	fx_open(NULL);
	CHECK_INT_EQ(link(at("new.tmp-1"), at("mod.c")), 0);
	unlink(at("new.tmp-1"));
	expect_told("mod.c");
	fx_end();
}

static void many_saves_end_in_few_batches(void)
{
	fx_prepare();
	write_file("mod.c", "0");
	fx_open(NULL);
	for (int i = 0; i < SAVES; i++)
		write_file("mod.c", "1");
	fx_sync();
	CHECK_INT_EQ(fx.told.n, 1);
	CHECK_INT_EQ(fx.batches, 1);
	fx_end();
}

static void the_batch_says_when_it_began(void)
{
	uint64_t before;

	fx_prepare();
	write_file("mod.c", "0");
	fx_open(NULL);
	before = uv_hrtime();
	write_file("mod.c", "1");
	fx_sync();
	CHECK(fx.first >= before);
	CHECK(fx.first + 2000000 <= fx.at);
	fx_end();
}

static void odd_names_come_through(void)
{
	fx_start();
	write_file("new\nline.c", "");
	write_file("\xff\xfe.c", "");
	write_file("a b/ c.c", "");
	expect_told("a b/ c.c new\nline.c \xff\xfe.c");
	fx_end();
}

/* --- what is ignored ----------------------------------------------------- */

static void editors_files_are_not_told(void)
{
	static const char *const names[] = {"4913",    "mod.c~",  ".mod.c.swp",
					    ".#mod.c", "#mod.c#", "m.tmp-1"};

	fx_start();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		write_file(names[i], "1");
		unlink(at(names[i]));
	}
	expect_told("");
	fx_end();
}

static void ignored_folders_are_not_watched(void)
{
	fx_prepare();
	write_file(".gitignore", "build/\n*.o\n");
	write_file("build/deep/gen.c", "1");
	write_file("prog.hot/obj/x.so", "1");
	write_file("src/.hotwatch/mod.o.d", "1");
	fx_open(NULL);
	CHECK_INT_EQ(watch_dirs(fx.w), 2);
	write_file("build/deep/gen.c", "2");
	write_file("prog.hot/obj/x.so", "2");
	write_file("src/.hotwatch/mod.o.d", "2");
	write_file("src/mod.o", "2");
	write_file("src/mod.c", "2");
	write_file("sub/build/gen.c", "2");
	expect_told("src/mod.c");
	CHECK_INT_EQ(watch_dirs(fx.w), 3);
	fx_end();
}

static void nested_rules_hold_below_their_folder(void)
{
	fx_prepare();
	write_file("a/.gitignore", "gen/\n!keep.o\n");
	write_file(".gitignore", "*.o\n");
	fx_open(NULL);
	write_file("a/gen/x.c", "1");
	write_file("gen/x.c", "1");
	write_file("a/keep.o", "1");
	write_file("keep.o", "1");
	expect_told("a/keep.o gen/x.c");
	fx_end();
}

static void new_rules_take_effect(void)
{
	fx_prepare();
	write_file("out/x.c", "1");
	write_file("gen/x.c", "1");
	write_file(".gitignore", "out/\n");
	fx_open(NULL);
	write_file(".gitignore", "gen/\n");
	fx_sync();
	CHECK(fx.rescan);
	expect_told(".gitignore out/x.c");
	CHECK_INT_EQ(watch_dirs(fx.w), 2);
	write_file("out/x.c", "2");
	write_file("gen/x.c", "2");
	expect_told("out/x.c");
	unlink(at(".gitignore"));
	fx_sync();
	CHECK_INT_EQ(watch_dirs(fx.w), 3);
	fx_end();
}

static void the_users_patterns_count(void)
{
	static const char *const patterns[] = {"*.gen", "!x.gen", "/scratch/",
					       NULL};
	struct watch_options o = {.ignore = patterns};

	fx_prepare();
	fx_open(&o);
	write_file("a.gen", "1");
	write_file("x.gen", "1");
	write_file("scratch/a.c", "1");
	expect_told("x.gen");
	fx_end();
}

/* --- closing ------------------------------------------------------------- */

static void close_it(void)
{
	fx.hook = NULL;
	watch_close(fx.w);
	fx.w = NULL;
}

static bool is_closed(void)
{
	return !fx.w;
}

static void a_callback_may_close(void)
{
	fx_start();
	fx.hook = close_it;
	write_file("a.c", "1");
	CHECK_INT_EQ(watch_sync(fx.w, fx_synced, NULL), 0);
	fx_until(is_closed);
	CHECK_INT_EQ(fx.synced, UV_ECANCELED);
	fx_end();
}

static void a_missing_root_is_refused(void)
{
	char *err = NULL;

	fx_prepare();
	rmdir(fx.root);
	CHECK_INT_EQ(watch_open(&fx.w, &fx.loop, fx.root, NULL, &fx_callbacks,
				NULL, &err),
		     -1);
	CHECK_STR_HAS(err, "No such file");
	free(err);
	CHECK(fx.w == NULL);
	fx_end();
}

static const struct check tests[] = {
    {"a save in place is told once", a_save_in_place_is_told_once},
    {"a save by renaming is told under its name",
     a_save_by_renaming_is_told_under_its_name},
    {"reading tells nothing", reading_tells_nothing},
    {"writing tells nothing before the close",
     writing_tells_nothing_before_the_close},
    {"a removal is told", a_removal_is_told},
    {"a replacement is told once and whole",
     a_replacement_is_told_once_and_whole},
    {"links are told", links_are_told},
    {"a link whose origin is gone is told",
     a_link_whose_origin_is_gone_is_told},
    {"many saves end in few batches", many_saves_end_in_few_batches},
    {"the batch says when it began", the_batch_says_when_it_began},
    {"odd names come through", odd_names_come_through},
    {"editors' files are not told", editors_files_are_not_told},
    {"ignored folders are not watched", ignored_folders_are_not_watched},
    {"nested rules hold below their folder",
     nested_rules_hold_below_their_folder},
    {"new rules take effect", new_rules_take_effect},
    {"the user's patterns count", the_users_patterns_count},
    {"a callback may close the watch", a_callback_may_close},
    {"a missing root is refused", a_missing_root_is_refused},
};
CHECK_MAIN(tests)
