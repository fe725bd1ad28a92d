/* SPDX-License-Identifier: MIT
 *
 * Watching a real tree through the kernel: which changes are told, how often,
 * and what is never told. Locks of git are in test-watch-git.c, trouble (lost
 * events, limits, a root that goes away) in test-watch-trouble.c, editors in
 * test-watch-tools.c.
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

/* --- folders ------------------------------------------------------------- */

static void new_folders_are_told_file_by_file(void)
{
	char name[64];

	fx_start();
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "d%d/e/f/mod.c", i);
		write_file(name, "1");
	}
	fx_sync();
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "d%d/e/f/mod.c", i);
		if (!CHECK_INT_EQ(told_count(name), 1))
			break;
	}
	CHECK_INT_EQ(watch_dirs(fx.w), 601);
	fx_end();
}

static void new_folders_stay_watched(void)
{
	fx_start();
	write_file("a/b/c/mod.c", "1");
	expect_told("a/b/c/mod.c");
	write_file("a/b/c/mod.c", "2");
	write_file("a/b/c/d/other.c", "2");
	expect_told("a/b/c/d/other.c a/b/c/mod.c");
	fx_end();
}

static void a_renamed_folder_is_told_under_both_names(void)
{
	fx_prepare();
	write_file("old/x/mod.c", "1");
	fx_open(NULL);
	rename_file("old", "new");
	expect_told("new/x/mod.c old");
	write_file("new/x/mod.c", "2");
	expect_told("new/x/mod.c");
	make_dir("old");
	write_file("old/mod.c", "3");
	expect_told("old/mod.c");
	CHECK_INT_EQ(watch_dirs(fx.w), 4);
	fx_end();
}

static void folders_move_in_and_out(void)
{
	char *outside;

	fx_prepare();
	outside = path_join(fx.dir, "outside");
	write_file("a/b/mod.c", "1");
	fx_open(NULL);
	CHECK_INT_EQ(rename(at("a"), outside), 0);
	expect_told("a");
	CHECK_INT_EQ(watch_dirs(fx.w), 1);
	CHECK_INT_EQ(rename(outside, at("c")), 0);
	expect_told("c/b/mod.c");
	CHECK_INT_EQ(watch_dirs(fx.w), 3);
	free(outside);
	fx_end();
}

static void a_folder_made_again_is_watched(void)
{
	fx_prepare();
	write_file("a/b/mod.c", "1");
	fx_open(NULL);
	remove_tree(at("a"));
	write_file("a/b/mod.c", "2");
	expect_told("a a/b a/b/mod.c");
	write_file("a/b/mod.c", "3");
	expect_told("a/b/mod.c");
	CHECK_INT_EQ(watch_dirs(fx.w), 3);
	fx_end();
}

static void exchanged_folders_stay_apart(void)
{
	fx_prepare();
	write_file("a/mod.c", "1");
	write_file("b/mod.c", "2");
	fx_open(NULL);
	CHECK_INT_EQ(renameat2(AT_FDCWD, at("a"), AT_FDCWD, at("b"),
			       RENAME_EXCHANGE),
		     0);
	expect_told("a a/mod.c b b/mod.c");
	write_file("a/mod.c", "3");
	expect_told("a/mod.c");
	write_file("b/mod.c", "4");
	expect_told("b/mod.c");
	CHECK_INT_EQ(watch_dirs(fx.w), 3);
	fx_end();
}

static void symlinked_folders_are_not_followed(void)
{
	char *outside;

	fx_prepare();
	outside = path_join(fx.dir, "outside");
	mkdir(outside, 0777);
	CHECK_INT_EQ(symlink(outside, at("link")), 0);
	CHECK_INT_EQ(symlink("..", at("loop")), 0);
	fx_open(NULL);
	CHECK_INT_EQ(watch_dirs(fx.w), 1);
	write_file("link/mod.c", "1");
	expect_told("");
	free(outside);
	fx_end();
}

static void deep_folders_are_watched(void)
{
	struct text name = {0};

	fx_start();
	for (int i = 0; i < 300; i++)
		text_puts(&name, "deep/");
	text_puts(&name, "mod.c");
	write_file(name.s, "1");
	expect_told(name.s);
	write_file(name.s, "2");
	expect_told(name.s);
	CHECK_INT_EQ(watch_dirs(fx.w), 301);
	text_free(&name);
	fx_end();
}

static void a_folder_in_the_place_of_a_file(void)
{
	fx_prepare();
	write_file("x", "1");
	fx_open(NULL);
	unlink(at("x"));
	write_file("x/mod.c", "2");
	expect_told("x x/mod.c");
	remove_tree(at("x"));
	write_file("x", "3");
	expect_told("x x/mod.c");
	CHECK_INT_EQ(watch_dirs(fx.w), 1);
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

/* --- folders asked for by themselves ------------------------------------- */

static void add(const char *path)
{
	char *err = NULL;

	CHECK_INT_EQ(watch_add_dir(fx.w, path, &err), 0);
	CHECK_STR_EQ(err, NULL);
	free(err);
}

static void a_folder_outside_is_watched_flat(void)
{
	fx_prepare();
	write_file("../include/a.h", "1");
	write_file("../include/deep/b.h", "1");
	fx_open(NULL);
	add(at("../include"));
	add(at("../include"));
	write_file("../include/a.h", "2");
	write_file("../include/deep/b.h", "2");
	fx_sync();
	CHECK_INT_EQ(fx.told.n, 1);
	CHECK_STR_HAS(fx.told.v ? fx.told.v[0] : NULL, "/include/a.h");
	fx_end();
}

static void an_ignored_folder_can_be_asked_for(void)
{
	fx_prepare();
	write_file(".gitignore", "build/\nconfig.h\n");
	write_file("build/gen.h", "1");
	write_file("prog.hot/manifest.json", "1");
	fx_open(NULL);
	add(at("build"));
	add(at("prog.hot"));
	add(at("."));
	write_file("build/gen.h", "2");
	write_file("prog.hot/manifest.json.tmp-5", "2");
	rename_file("prog.hot/manifest.json.tmp-5", "prog.hot/manifest.json");
	write_file("config.h", "2");
	expect_told("build/gen.h config.h prog.hot/manifest.json");
	fx_end();
}

static void an_asked_for_folder_is_awaited(void)
{
	fx_start();
	add(at("a/b/prog.hot"));
	write_file("a/b/prog.hot/manifest.json", "1");
	expect_told("a/b/prog.hot/manifest.json");
	remove_tree(at("a/b/prog.hot"));
	expect_told("a/b/prog.hot a/b/prog.hot/manifest.json");
	write_file("a/b/prog.hot/manifest.json", "2");
	expect_told("a/b/prog.hot/manifest.json");
	remove_tree(at("a"));
	write_file("a/b/prog.hot/manifest.json", "3");
	fx_sync();
	CHECK(told_count("a/b/prog.hot/manifest.json") > 0);
	free(take_told());
	write_file("a/b/prog.hot/manifest.json", "4");
	expect_told("a/b/prog.hot/manifest.json");
	fx_end();
}

static void a_folder_in_use_is_seen_to_go(void)
{
	int fd;

	fx_prepare();
	write_file("prog.hot/x.so", "1");
	fx_open(NULL);
	add(at("prog.hot"));
	fd = open(at("prog.hot"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	remove_tree(at("prog.hot"));
	write_file("prog.hot/x.so", "2");
	fx_sync();
	free(take_told());
	write_file("prog.hot/x.so", "3");
	expect_told("prog.hot/x.so");
	close(fd);
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
    {"new folders are told file by file, three deep",
     new_folders_are_told_file_by_file},
    {"new folders stay watched", new_folders_stay_watched},
    {"a renamed folder is told under both names",
     a_renamed_folder_is_told_under_both_names},
    {"folders move in and out", folders_move_in_and_out},
    {"a folder made again is watched", a_folder_made_again_is_watched},
    {"exchanged folders stay apart", exchanged_folders_stay_apart},
    {"symlinked folders are not followed", symlinked_folders_are_not_followed},
    {"deep folders are watched", deep_folders_are_watched},
    {"a folder in the place of a file, and back",
     a_folder_in_the_place_of_a_file},
    {"editors' files are not told", editors_files_are_not_told},
    {"ignored folders are not watched", ignored_folders_are_not_watched},
    {"nested rules hold below their folder",
     nested_rules_hold_below_their_folder},
    {"new rules take effect", new_rules_take_effect},
    {"the user's patterns count", the_users_patterns_count},
    {"a folder outside is watched, but not below it",
     a_folder_outside_is_watched_flat},
    {"an ignored folder can be asked for", an_ignored_folder_can_be_asked_for},
    {"a folder asked for is awaited", an_asked_for_folder_is_awaited},
    {"a folder in use is seen to go", a_folder_in_use_is_seen_to_go},
    {"a callback may close the watch", a_callback_may_close},
    {"a missing root is refused", a_missing_root_is_refused},
};
CHECK_MAIN(tests)
