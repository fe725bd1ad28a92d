/* SPDX-License-Identifier: MIT
 *
 * Folders that come, go, are renamed and exchanged, and folders that are asked
 * for by themselves: what is in them is never missed.
 */
#include "tests/unit/watch-fixture.h"

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

/* --- any mixture --------------------------------------------------------- */

#define ROUNDS 12
#define STEPS 400

static unsigned dice_state;

static unsigned dice(unsigned n)
{
	dice_state = dice_state * 1103515245u + 12345u;
	return (dice_state >> 16) % n;
}

/* One to three of four names deep; another thread than at()'s. */
static void some_path(char *out, size_t size)
{
	int n = snprintf(out, size, "%s", fx.root);

	for (unsigned depth = 1 + dice(3); depth > 0; depth--)
		n += snprintf(out + n, size - n, "/%c", 'a' + (int)dice(4));
}

static void step(void)
{
	char a[512], b[512];

	some_path(a, sizeof(a));
	some_path(b, sizeof(b));
	switch (dice(6)) {
	case 0:
		rename(a, b);
		break;
	case 1:
		renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
		break;
	case 2:
		remove_tree(a);
		break;
	default:
		mkdir(a, 0777);
	}
}

static void mix(void *mixed)
{
	for (int i = 0; i < STEPS; i++)
		step();
	__atomic_store_n((bool *)mixed, true, __ATOMIC_RELEASE);
}

static struct strv folders;

static int note_folder(const char *path, const struct stat *st, int type,
		       struct FTW *ftw)
{
	(void)st, (void)ftw;
	if (type == FTW_D)
		strv_add(&folders, path);
	return 0;
}

/* A file that is written in each folder is told. */
static void expect_all_watched(void)
{
	nftw(fx.root, note_folder, 16, FTW_PHYS);
	CHECK_INT_EQ(watch_dirs(fx.w), folders.n);
	for (size_t i = 0; i < folders.n; i++) {
		const char *name = folders.v[i] + strlen(fx.root);
		char *file = xasprintf("%s/probe.c", *name ? name + 1 : ".");

		write_file(file, "1");
		free(file);
	}
	fx_sync();
	CHECK_INT_EQ(fx.told.n, folders.n);
	strv_free(&folders);
}

static void after_any_mixture_all_are_watched(void)
{
	for (int i = 0; i < ROUNDS && !check_now.failures; i++) {
		uv_thread_t thread;
		bool mixed = false;

		dice_state = i * 7919 + 1;
		fx_start();
		uv_thread_create(&thread, mix, &mixed);
		while (!__atomic_load_n(&mixed, __ATOMIC_ACQUIRE))
			fx_run_for(1);
		uv_thread_join(&thread);
		fx_sync();
		free(take_told());
		expect_all_watched();
		if (check_now.failures)
			printf("# round %d\n", i);
		fx_end();
	}
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

static const struct check tests[] = {
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
    {"after any mixture of changes all folders are watched",
     after_any_mixture_all_are_watched},
    {"a folder outside is watched, but not below it",
     a_folder_outside_is_watched_flat},
    {"an ignored folder can be asked for", an_ignored_folder_can_be_asked_for},
    {"a folder asked for is awaited", an_asked_for_folder_is_awaited},
    {"a folder in use is seen to go", a_folder_in_use_is_seen_to_go},
};
CHECK_MAIN(tests)
