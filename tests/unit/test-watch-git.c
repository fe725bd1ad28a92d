/* SPDX-License-Identifier: MIT
 *
 * While git is at work nothing is told; when it is done, all at once. Here
 * its files are made by hand; test-watch-tools.c runs the real one.
 */
#include "tests/unit/watch-fixture.h"

#define WINDOW_MS 120 /* over twice the longest settle time */

static void expect_held(void)
{
	fx_run_for(WINDOW_MS);
	CHECK(watch_git_busy(fx.w));
	CHECK_INT_EQ(fx.told.n, 0);
}

static void remove_path(const char *name)
{
	CHECK_INT_EQ(remove(at(name)), 0);
}

static void expect_one_batch(const char *want)
{
	fx_sync();
	CHECK(!watch_git_busy(fx.w));
	CHECK_INT_EQ(fx.batches, 1);
	expect_told(want);
}

static void a_lock_holds_until_it_goes(void)
{
	fx_prepare();
	make_dir(".git");
	fx_open(NULL);
	CHECK(!watch_git_busy(fx.w));
	write_file(".git/index.lock", "");
	write_file("a.c", "1");
	write_file("b.c", "1");
	expect_held();
	write_file("c.c", "1");
	unlink(at("a.c"));
	expect_held();
	rename_file(".git/index.lock", ".git/index");
	expect_one_batch("a.c b.c c.c");
	fx_end();
}

static void an_operation_that_is_over_already_is_one_batch(void)
{
	char name[32];

	fx_prepare();
	make_dir(".git");
	fx_open(NULL);
	write_file(".git/index.lock", "");
	for (int i = 0; i < 4000; i++) {
		snprintf(name, sizeof(name), "d%d/f%d.c", i % 50, i);
		write_file(name, "1");
	}
	remove_path(".git/index.lock");
	fx_sync();
	CHECK_INT_EQ(fx.batches, 1);
	CHECK_INT_EQ(fx.largest, 4000);
	fx_end();
}

static void what_was_saved_just_before_is_held_too(void)
{
	fx_prepare();
	make_dir(".git");
	fx_open(NULL);
	write_file("a.c", "1");
	write_file(".git/index.lock", "");
	expect_held();
	remove_path(".git/index.lock");
	expect_one_batch("a.c");
	fx_end();
}

static void a_lock_that_was_there_first_holds(void)
{
	fx_prepare();
	write_file(".git/index.lock", "");
	fx_open(NULL);
	write_file("a.c", "1");
	expect_held();
	remove_path(".git/index.lock");
	expect_one_batch("a.c");
	fx_end();
}

static void each_operation_holds(void)
{
	static const char *const names[] = {
	    ".git/rebase-merge/", ".git/rebase-apply/",    ".git/MERGE_HEAD",
	    ".git/index.lock",    ".git/CHERRY_PICK_HEAD", ".git/REVERT_HEAD"};

	fx_prepare();
	make_dir(".git");
	fx_open(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (ends_with(names[i], "/"))
			make_dir(names[i]);
		else
			write_file(names[i], "");
		write_file("a.c", "1");
		expect_held();
		remove_path(names[i]);
		expect_one_batch("a.c");
	}
	fx_end();
}

static void other_files_of_git_do_not_hold(void)
{
	fx_prepare();
	make_dir(".git");
	fx_open(NULL);
	write_file(".git/HEAD", "");
	write_file(".git/BISECT_LOG", "");
	write_file(".git/objects/ab/cd", "");
	write_file("a.c", "1");
	expect_told("a.c");
	fx_end();
}

static void a_linked_work_tree_has_its_own_lock(void)
{
	fx_prepare();
	write_file("../repo/worktrees/x/HEAD", "");
	write_file("../repo/worktrees/x/commondir", "../..\n");
	write_file("../repo/info/exclude", "*.log\n");
	write_file(".git", "gitdir: ../repo/worktrees/x\n");
	fx_open(NULL);
	write_file("../repo/index.lock", "");
	write_file("a.c", "1");
	write_file("a.log", "1");
	expect_told("a.c");
	write_file("../repo/worktrees/x/index.lock", "");
	write_file("a.c", "2");
	expect_held();
	remove_path("../repo/worktrees/x/index.lock");
	expect_one_batch("a.c");
	fx_end();
}

static void a_submodule_counts(void)
{
	fx_prepare();
	make_dir(".git/modules/sub");
	write_file(".gitignore", "*.gen\n");
	write_file("sub/.git", "gitdir: ../.git/modules/sub\n");
	fx_open(NULL);
	write_file(".git/modules/sub/index.lock", "");
	write_file("sub/a.c", "1");
	expect_held();
	remove_path(".git/modules/sub/index.lock");
	expect_one_batch("sub/a.c");
	write_file("sub/x.gen", "1"); /* the outer rules end at its door */
	write_file("x.gen", "1");
	expect_told("sub/x.gen");
	fx_end();
}

static void a_root_inside_a_work_tree(void)
{
	fx_prepare();
	make_dir("../.git/info");
	write_file("../.git/info/exclude", "*.log\n");
	write_file("../.gitignore", "/root/gen/\n");
	fx_open(NULL);
	write_file("gen/a.c", "1");
	write_file("a.log", "1");
	write_file("a.c", "1");
	expect_told("a.c");
	write_file("../.git/index.lock", "");
	write_file("a.c", "2");
	expect_held();
	remove_path("../.git/index.lock");
	expect_one_batch("a.c");
	fx_end();
}

static void an_ignored_root_is_no_concern_of_the_repository(void)
{
	fx_prepare();
	write_file("../.git/index.lock", "");
	write_file("../.gitignore", "/root/\n*.c\n");
	fx_open(NULL);
	write_file("a.c", "1");
	expect_told("a.c");
	CHECK(!watch_git_busy(fx.w));
	fx_end();
}

static void a_repository_made_later_is_noticed(void)
{
	fx_start();
	make_dir(".git");
	make_dir("sub");
	fx_sync();
	write_file(".git/index.lock", "");
	write_file("a.c", "1");
	expect_held();
	remove_path(".git/index.lock");
	expect_one_batch("a.c");
	make_dir("sub/.git");
	fx_sync();
	write_file("sub/.git/index.lock", "");
	write_file("a.c", "2");
	expect_held();
	remove_tree(at("sub/.git"));
	expect_one_batch("a.c");
	fx_end();
}

static void a_long_hold_is_explained(void)
{
	fx_prepare();
	make_dir(".git");
	fx_open(NULL);
	write_file(".git/MERGE_HEAD", "");
	expect_notice("wait until git is done");
	remove_path(".git/MERGE_HEAD");
	expect_notice("git is done");
	fx_end();
}

static const struct check tests[] = {
    {"a lock holds until it goes", a_lock_holds_until_it_goes},
    {"an operation that is over already is one batch",
     an_operation_that_is_over_already_is_one_batch},
    {"what was saved just before the lock is held too",
     what_was_saved_just_before_is_held_too},
    {"a lock that was there first holds", a_lock_that_was_there_first_holds},
    {"rebase, merge, cherry-pick and revert hold", each_operation_holds},
    {"other files of git do not hold", other_files_of_git_do_not_hold},
    {"a linked work tree has a lock of its own",
     a_linked_work_tree_has_its_own_lock},
    {"a submodule counts, with rules of its own", a_submodule_counts},
    {"a root inside a work tree has its rules and lock",
     a_root_inside_a_work_tree},
    {"an ignored root is no concern of the repository",
     an_ignored_root_is_no_concern_of_the_repository},
    {"a repository made later is noticed", a_repository_made_later_is_noticed},
    {"a long hold is explained", a_long_hold_is_explained},
};
CHECK_MAIN(tests)
