/* SPDX-License-Identifier: MIT
 *
 * A watched tree of a test's own, and what was told of it.
 *
 * The tree lies in the working directory, not in $TMPDIR: vim saves in place
 * there. fx_sync runs the loop until everything done so far has been told, so
 * no test sleeps; a watchdog ends the program if it does not come.
 */
#ifndef TESTS_WATCH_FIXTURE_H
#define TESTS_WATCH_FIXTURE_H

#include "tests/unit/check.h"
#include "tests/unit/scratch.h"
#include "watcher/util.h"
#include "watcher/watch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WATCHDOG_MS 60000

static struct {
	uv_loop_t loop;
	uv_timer_t watchdog;
	struct watch *w;
	char *dir, *root; /* root is dir/root */
	struct strv told; /* relative to root, in order, repeats kept */
	struct strv notices;
	unsigned batches, fatal;
	bool rescan;
	size_t largest; /* batch */
	uint64_t first, at;
	int synced; /* what the sync said, or 1 */
	/* Called from the changed callback, if not NULL. */
	void (*hook)(void);
} fx;

/* --- files --------------------------------------------------------------- */

/* Path in the tree; valid until the 8th call after. */
static inline const char *at(const char *name)
{
	static char paths[8][4096];
	static unsigned i;
	char *p = paths[i++ % 8];

	snprintf(p, sizeof(paths[0]), "%s/%s", fx.root, name);
	return p;
}

static inline void make_dir(const char *name)
{
	char *err = NULL;

	if (make_dirs(at(name), 0777, &err) < 0)
		CHECK_STR_EQ(err, NULL);
	free(err);
}

/* In place: open, truncate, write, close. Makes the folders it needs. */
static inline void write_file(const char *name, const char *content)
{
	char *dir = path_dir(name);
	int fd;

	make_dir(dir);
	free(dir);
	fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (!CHECK(fd >= 0))
		return;
	CHECK_INT_EQ(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

static inline void rename_file(const char *from, const char *to)
{
	CHECK_INT_EQ(rename(at(from), at(to)), 0);
}

/* --- what was told ------------------------------------------------------- */

static inline void fx_changed(const char *const *paths, size_t n, bool rescan,
			      uint64_t first, void *arg)
{
	(void)arg;
	fx.at = uv_hrtime();
	fx.batches++;
	fx.rescan |= rescan;
	fx.first = first;
	if (n > fx.largest)
		fx.largest = n;
	for (size_t i = 0; i < n; i++) {
		const char *p = paths[i];

		if (path_under(p, fx.root) && strcmp(p, fx.root) != 0)
			p += strlen(fx.root) + 1;
		strv_add(&fx.told, p);
	}
	if (fx.hook)
		fx.hook();
}

static inline void fx_notice(const char *text, bool fatal, void *arg)
{
	(void)arg;
	strv_add(&fx.notices, text);
	fx.fatal += fatal;
}

static inline size_t told_count(const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < fx.told.n; i++)
		n += !strcmp(fx.told.v[i], name);
	return n;
}

static inline int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Forgets what was told; gives it sorted, once each, joined by spaces. */
static inline char *take_told(void)
{
	struct text t = {0};

	if (fx.told.n > 0)
		qsort(fx.told.v, fx.told.n, sizeof(char *), compare_names);
	for (size_t i = 0; i < fx.told.n; i++)
		if (i == 0 || strcmp(fx.told.v[i], fx.told.v[i - 1]) != 0)
			text_printf(&t, "%s%s", i ? " " : "", fx.told.v[i]);
	strv_free(&fx.told);
	fx.batches = 0;
	fx.largest = 0;
	fx.rescan = false;
	return text_take(&t);
}

static inline char *take_notices(void)
{
	struct text t = {0};

	for (size_t i = 0; i < fx.notices.n; i++)
		text_printf(&t, "%s\n", fx.notices.v[i]);
	strv_free(&fx.notices);
	fx.fatal = 0;
	return text_take(&t);
}

/* --- running ------------------------------------------------------------- */

static inline void fx_watchdog(uv_timer_t *t)
{
	(void)t;
	printf("Bail out! a test waited for %d ms in vain\n", WATCHDOG_MS);
	exit(1);
}

static inline void fx_until(bool (*holds)(void))
{
	while (!holds())
		uv_run(&fx.loop, UV_RUN_ONCE);
}

/* That something does not happen can only be seen in a span of time. */
static inline void fx_window_ends(uv_timer_t *t)
{
	*(bool *)t->data = true;
}

static inline void fx_run_for(unsigned ms)
{
	uv_timer_t t;
	bool over = false;

	uv_timer_init(&fx.loop, &t);
	t.data = &over;
	uv_timer_start(&t, fx_window_ends, ms, 0);
	while (!over)
		uv_run(&fx.loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&t, NULL);
	uv_run(&fx.loop, UV_RUN_NOWAIT);
}

static inline void fx_synced(int status, void *arg)
{
	(void)arg;
	fx.synced = status;
}

static inline bool fx_is_synced(void)
{
	return fx.synced != 1;
}

static inline void fx_sync(void)
{
	fx.synced = 1;
	if (CHECK_INT_EQ(watch_sync(fx.w, fx_synced, NULL), 0))
		fx_until(fx_is_synced);
	CHECK_INT_EQ(fx.synced, 0);
}

static inline void expect_told(const char *want)
{
	char *got;

	fx_sync();
	got = take_told();
	CHECK_STR_EQ(got, want);
	free(got);
}

static inline bool fx_has_notice(void)
{
	return fx.notices.n > 0;
}

static inline void expect_notice(const char *part)
{
	char *got;

	fx_until(fx_has_notice);
	got = take_notices();
	CHECK_STR_HAS(got, part);
	free(got);
}

static const struct watch_callbacks fx_callbacks = {fx_changed, fx_notice};

static inline bool fx_open(const struct watch_options *options)
{
	char *err = NULL;

	if (watch_open(&fx.w, &fx.loop, fx.root, options, &fx_callbacks, NULL,
		       &err) < 0)
		CHECK_STR_EQ(err, NULL);
	free(err);
	return fx.w != NULL;
}

/* An empty tree that is not watched yet. */
static inline void fx_prepare(void)
{
	memset(&fx, 0, sizeof(fx));
	fx.dir = scratch_new("watch-test");
	fx.root = path_join(fx.dir, "root");
	setenv("XDG_RUNTIME_DIR", fx.dir, 1); /* cookies are made there */
	mkdir(fx.root, 0777);
	uv_loop_init(&fx.loop);
	uv_timer_init(&fx.loop, &fx.watchdog);
	uv_timer_start(&fx.watchdog, fx_watchdog, WATCHDOG_MS, 0);
}

static inline void fx_start(void)
{
	fx_prepare();
	fx_open(NULL);
}

static inline void fx_end(void)
{
	watch_close(fx.w);
	uv_close((uv_handle_t *)&fx.watchdog, NULL);
	uv_run(&fx.loop, UV_RUN_DEFAULT);
	CHECK_INT_EQ(uv_loop_close(&fx.loop), 0);
	strv_free(&fx.told);
	strv_free(&fx.notices);
	scratch_remove(fx.dir);
	free(fx.root);
}

#endif
