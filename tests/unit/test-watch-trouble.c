/* SPDX-License-Identifier: MIT
 *
 * What goes wrong with watching: events are lost, the root goes away, the
 * file system cannot notify. Limits of the kernel are in test-watch-limit.c.
 */
#include "tests/unit/watch-fixture.h"
#include "watcher/pollpass.h"

/* --- lost events --------------------------------------------------------- */

static unsigned long queue_limit(void)
{
	char *data = NULL;
	unsigned long n = 0;

	if (file_read("/proc/sys/fs/inotify/max_queued_events", &data, NULL,
		      NULL) == 0)
		n = strtoul(data, NULL, 10);
	free(data);
	return n;
}

/* More events than the kernel keeps: no two alike in a row, or they merge. */
static void overflow(void)
{
	unsigned long limit = queue_limit();

	write_file("x.c", "1");
	write_file("y.c", "1");
	for (unsigned long i = 0; i <= limit; i++)
		close(open(at(i % 2 ? "x.c" : "y.c"), O_WRONLY | O_CLOEXEC));
}

static void lost_events_are_made_up_for(void)
{
	if (queue_limit() > 200000)
		CHECK_SKIP("max_queued_events is very high here");
	fx_prepare();
	write_file("old/a.c", "1");
	fx_open(NULL);
	overflow();
	remove_tree(at("old"));
	write_file("new/deep/a.c", "1");
	fx_sync();
	CHECK(fx.rescan);
	expect_notice("looked through again");
	free(take_told());
	CHECK_INT_EQ(watch_dirs(fx.w), 3);
	write_file("new/deep/a.c", "2");
	expect_told("new/deep/a.c");
	fx_end();
}

static void repeated_overflows_back_off(void)
{
	uint64_t start;

	if (queue_limit() > 200000)
		CHECK_SKIP("max_queued_events is very high here");
	fx_prepare();
	fx_open(NULL);
	overflow();
	fx_sync();
	overflow();
	start = uv_hrtime();
	fx_sync();
	CHECK((uv_hrtime() - start) / 1000000 >= 99);
	CHECK(fx.rescan);
	fx_end();
}

static void too_many_paths_become_a_rescan(void)
{
	char name[32];

	fx_prepare();
	make_dir("../many");
	for (int i = 0; i < 17000; i++) {
		snprintf(name, sizeof(name), "../many/%d.c", i);
		write_file(name, "");
	}
	fx_open(NULL);
	rename_file("../many", "many");
	fx_sync();
	CHECK(fx.rescan);
	CHECK(fx.told.n < 17000);
	fx_end();
}

/* --- the root ------------------------------------------------------------ */

static void expect_root_works(void)
{
	fx_sync();
	free(take_told());
	write_file("sub/a.c", "2");
	expect_told("sub/a.c");
	CHECK_INT_EQ(watch_dirs(fx.w), 2);
}

static void a_root_made_again_is_watched(void)
{
	fx_prepare();
	write_file("sub/a.c", "1");
	fx_open(NULL);
	remove_tree(fx.root);
	expect_notice("is gone");
	CHECK_INT_EQ(watch_dirs(fx.w), 0);
	write_file("sub/a.c", "1");
	fx_sync();
	CHECK(fx.rescan);
	expect_notice("watched again");
	expect_root_works();
	fx_end();
}

static void a_root_replaced_at_once_is_watched(void)
{
	int fd;

	fx_prepare();
	write_file("sub/a.c", "1");
	fx_open(NULL);
	fd = open(fx.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	remove_tree(fx.root);
	write_file("sub/a.c", "1");
	fx_sync();
	CHECK(fx.rescan);
	expect_root_works();
	close(fd);
	fx_end();
}

static void a_root_renamed_away_and_back(void)
{
	char *away;

	fx_prepare();
	away = path_join(fx.dir, "away");
	write_file("sub/a.c", "1");
	fx_open(NULL);
	CHECK_INT_EQ(rename(fx.root, away), 0);
	expect_notice("is gone");
	CHECK_INT_EQ(rename(away, fx.root), 0);
	expect_notice("watched again");
	expect_root_works();
	free(away);
	fx_end();
}

static void a_folder_above_the_root_may_go(void)
{
	char *away, *root;

	fx_prepare();
	make_dir("up/root/sub");
	away = path_join(fx.dir, "away");
	root = xstrdup(at("up/root"));
	free(fx.root);
	fx.root = root;
	fx_open(NULL);
	root = path_join(fx.dir, "root");
	CHECK_INT_EQ(rename(root, away), 0);
	expect_notice("is gone");
	CHECK_INT_EQ(rename(away, root), 0);
	expect_notice("watched again");
	expect_root_works();
	free(root);
	free(away);
	fx_end();
}

/* --- polling ------------------------------------------------------------- */

static const struct watch_options polling = {.poll = true};

static void file_systems_that_cannot_notify_are_known(void)
{
	static const char *const yes[] = {"nfs", "nfs4", "9p", "fuse.sshfs",
					  "cifs"};
	static const char *const no[] = {"ext4",  "tmpfs",   "overlay",
					 "btrfs", "fusectl", "nfsd"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		CHECK_INT_EQ(pollpass_mount_needs(yes[i]), true);
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		CHECK_INT_EQ(pollpass_mount_needs(no[i]), false);
	CHECK_INT_EQ(pollpass_needed("/proc", NULL), false);
}

static void polling_finds_what_changed(void)
{
	fx_prepare();
	write_file("a/mod.c", "1");
	write_file("a/old.c", "1");
	fx_open(&polling);
	write_file("a/mod.c", "22");
	write_file("b/new.c", "1");
	unlink(at("a/old.c"));
	expect_told("a/mod.c a/old.c b/new.c");
	fx_end();
}

static void polling_finds_it_unasked(void)
{
	fx_prepare();
	write_file("mod.c", "1");
	fx_open(&polling);
	write_file("mod.c", "22");
	while (fx.told.n == 0)
		uv_run(&fx.loop, UV_RUN_ONCE);
	CHECK_STR_EQ(fx.told.v[0], "mod.c");
	fx_end();
}

static void polling_sees_a_young_file_change_twice(void)
{
	fx_prepare();
	write_file("mod.c", "1");
	fx_open(&polling);
	for (int i = 0; i < 20; i++) {
		write_file("mod.c", i % 2 ? "a" : "b");
		fx_sync();
		CHECK(told_count("mod.c") > 0);
		free(take_told());
	}
	fx_end();
}

static void polling_follows_the_rules(void)
{
	fx_prepare();
	write_file(".gitignore", "build/\n*.o\n");
	make_dir(".git");
	fx_open(&polling);
	write_file("build/x.c", "1");
	write_file("a/x.o", "1");
	write_file("a/.#x.c", "1");
	write_file("a/x.c", "1");
	fx_sync();
	CHECK_INT_EQ(told_count("a/x.c"), 1);
	CHECK_INT_EQ(told_count("build/x.c"), 0);
	CHECK_INT_EQ(told_count("a/x.o") + told_count("a/.#x.c"), 0);
	CHECK_INT_EQ(watch_add_dir(fx.w, at("build"), NULL), 0);
	write_file("build/x.c", "333");
	fx_sync();
	CHECK_INT_EQ(told_count("build/x.c"), 1);
	fx_end();
}

static void polling_waits_for_git(void)
{
	fx_prepare();
	write_file(".git/index.lock", "");
	fx_open(&polling);
	CHECK(watch_git_busy(fx.w));
	write_file("a.c", "1");
	while (fx.notices.n == 0)
		uv_run(&fx.loop, UV_RUN_ONCE);
	CHECK_INT_EQ(fx.told.n, 0);
	unlink(at(".git/index.lock"));
	expect_told("a.c");
	fx_end();
}

static void polling_may_be_closed_in_a_pass(void)
{
	fx_prepare();
	write_file("a.c", "1");
	fx_open(&polling);
	CHECK_INT_EQ(watch_sync(fx.w, fx_synced, NULL), 0);
	uv_run(&fx.loop, UV_RUN_NOWAIT);
	fx_end();
	CHECK_INT_EQ(fx.synced, UV_ECANCELED);
}

static const struct check tests[] = {
    {"lost events are made up for", lost_events_are_made_up_for},
    {"repeated overflows back off", repeated_overflows_back_off},
    {"too many paths become a rescan", too_many_paths_become_a_rescan},
    {"a root made again is watched", a_root_made_again_is_watched},
    {"a root replaced at once is watched", a_root_replaced_at_once_is_watched},
    {"a root renamed away and back is watched", a_root_renamed_away_and_back},
    {"a folder above the root may go and come", a_folder_above_the_root_may_go},
    {"file systems that cannot notify are known",
     file_systems_that_cannot_notify_are_known},
    {"polling finds what changed", polling_finds_what_changed},
    {"polling finds it unasked", polling_finds_it_unasked},
    {"polling sees a young file change twice",
     polling_sees_a_young_file_change_twice},
    {"polling follows the rules", polling_follows_the_rules},
    {"polling waits for git", polling_waits_for_git},
    {"polling may be closed in a pass", polling_may_be_closed_in_a_pass},
};
CHECK_MAIN(tests)
