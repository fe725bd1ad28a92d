/* SPDX-License-Identifier: MIT
 *
 * What the kernel refuses: watches beyond the limit, folders without
 * permission. The program gives itself a user namespace, in which the limits
 * are its own, and drops the capabilities that would read everything; where
 * it may not, the tests are skipped.
 */
#include "tests/unit/watch-fixture.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>

#define WATCHES "/proc/sys/user/max_inotify_watches"
#define INSTANCES "/proc/sys/user/max_inotify_instances"

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok =
	    fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Once for the program. Files are made by the same user as before. */
static bool enter_namespace(void)
{
	static int entered = -1;
	char *uids = xasprintf("0 %u 1", (unsigned)geteuid());
	char *gids = xasprintf("0 %u 1", (unsigned)getegid());

	if (entered < 0)
		entered = unshare(CLONE_NEWUSER) == 0 &&
			  put("/proc/self/uid_map", uids) &&
			  put("/proc/self/setgroups", "deny") &&
			  put("/proc/self/gid_map", gids) &&
			  put(WATCHES, "1000000");
	free(uids);
	free(gids);
	return entered;
}

static bool drop_capabilities(unsigned which)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) < 0)
		return false;
	d[0].effective &= ~which;
	return syscall(SYS_capset, &h, d) == 0;
}

#define NEEDS_NAMESPACE()                                                 \
	do {                                                              \
		if (!enter_namespace())                                   \
			CHECK_SKIP("no user namespace to set limits in"); \
	} while (0)

static void make_folders(unsigned n)
{
	char name[32];

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "d%u/a.c", i);
		write_file(name, "1");
	}
}

/* Of which some that were refused: all files are told of once they work. */
static void a_used_up_limit_is_named_and_mended(void)
{
	NEEDS_NAMESPACE();
	fx_prepare();
	make_folders(40);
	CHECK(put(WATCHES, "20"));
	fx_open(NULL);
	fx_until(fx_has_notice);
	CHECK_INT_EQ(fx.fatal, 1);
	expect_notice("sysctl fs.inotify.max_user_watches=");
	CHECK(watch_dirs(fx.w) < 41);
	CHECK(put(WATCHES, "1000000"));
	expect_notice("all folders are watched again");
	fx_sync();
	CHECK(fx.rescan);
	CHECK_INT_EQ(watch_dirs(fx.w), 41);
	free(take_told());
	write_file("d0/a.c", "2");
	write_file("d39/a.c", "2");
	expect_told("d0/a.c d39/a.c");
	fx_end();
}

static void a_limit_used_up_later_is_told(void)
{
	NEEDS_NAMESPACE();
	fx_prepare();
	make_folders(10);
	fx_open(NULL);
	fx_sync();
	CHECK(put(WATCHES, "10"));
	make_dir("new");
	expect_notice("/new is not watched");
	CHECK(put(WATCHES, "1000000"));
	expect_notice("watched again");
	fx_end();
}

static void expect_refused(const char *part)
{
	char *err = NULL;
	int r = watch_open(&fx.w, &fx.loop, fx.root, NULL, &fx_callbacks, NULL,
			   &err);

	CHECK_INT_EQ(r, -1);
	CHECK_STR_HAS(err, part);
	free(err);
}

static void a_root_beyond_the_limit_is_refused(void)
{
	NEEDS_NAMESPACE();
	fx_prepare();
	CHECK(put(WATCHES, "0"));
	expect_refused("sysctl fs.inotify.max_user_watches=");
	CHECK(put(WATCHES, "1000000"));
	fx_end();
}

static void too_many_watchers_are_refused(void)
{
	NEEDS_NAMESPACE();
	fx_prepare();
	CHECK(put(INSTANCES, "0"));
	expect_refused("sysctl fs.inotify.max_user_instances=");
	CHECK(put(INSTANCES, "1000"));
	fx_end();
}

static void an_unreadable_folder_is_named_and_mended(void)
{
	NEEDS_NAMESPACE();
	if (!drop_capabilities(1u << CAP_DAC_OVERRIDE |
			       1u << CAP_DAC_READ_SEARCH))
		CHECK_SKIP("cannot drop capabilities");
	fx_prepare();
	write_file("closed/sub/a.c", "1");
	CHECK_INT_EQ(chmod(at("closed"), 0), 0);
	fx_open(NULL);
	fx_until(fx_has_notice);
	CHECK_INT_EQ(fx.fatal, 1);
	expect_notice("/closed is not watched");
	CHECK_INT_EQ(chmod(at("closed"), 0755), 0);
	expect_notice("watched again");
	fx_sync();
	CHECK(fx.rescan);
	free(take_told());
	write_file("closed/sub/a.c", "2");
	expect_told("closed/sub/a.c");
	fx_end();
}

static const struct check tests[] = {
    {"a used up limit is named, and mended when raised",
     a_used_up_limit_is_named_and_mended},
    {"a limit used up later is told", a_limit_used_up_later_is_told},
    {"a root beyond the limit is refused", a_root_beyond_the_limit_is_refused},
    {"too many watchers are refused", too_many_watchers_are_refused},
    {"an unreadable folder is named, and mended when opened",
     an_unreadable_folder_is_named_and_mended},
};
CHECK_MAIN(tests)
