/* SPDX-License-Identifier: MIT
 *
 * What watching costs: a tree of 100 000 files in 5 001 folders, in the
 * working directory. Prints how long watch_open takes (the tree is in the
 * kernel's caches), how much memory stays, and the time from the first system
 * call of a save to the changed callback, the quiet time included.
 *
 * A thread saves while the loop waits, as an editor would.
 */
#include "tests/unit/scratch.h"
#include "watcher/util.h"
#include "watcher/watch.h"

#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUTER 50
#define INNER 99
#define FILES 20
#define SAMPLES 300
#define OPENS 7

#define READY_LIMIT_MS 500
#define MEMORY_LIMIT_MB 10
#define SAVE_LIMIT_MS 3

static char *root;
static bool over_limit;

/* --- the tree ------------------------------------------------------------ */

static void write_file(const char *path, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);

	if (fd < 0 || write(fd, "int f;\n", 7) != 7)
		perror(path);
	close(fd);
}

static void make_folder(const char *path)
{
	mkdir(path, 0777);
	for (int i = 0; i < FILES; i++) {
		char *file = xasprintf("%s/f%d.c", path, i);

		write_file(file, 0);
		free(file);
	}
}

static void make_tree(void)
{
	root = scratch_new("bench-watch");
	for (int i = 0; i < OUTER; i++) {
		char *outer = xasprintf("%s/d%d", root, i);

		make_folder(outer);
		for (int j = 0; j < INNER; j++) {
			char *inner = xasprintf("%s/e%d", outer, j);

			make_folder(inner);
			free(inner);
		}
		free(outer);
	}
}

/* --- figures ------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(const char *name, double figure, const char *unit,
		  double limit)
{
	printf("%-34s %8.2f %s", name, figure, unit);
	if (limit > 0)
		printf("  limit %g", limit);
	putchar('\n');
	over_limit |= limit > 0 && figure > limit;
}

static double rss_mb(void)
{
	char *data;
	long pages;

	if (file_read("/proc/self/statm", &data, NULL, NULL) < 0)
		return 0;
	pages = strtol(strchr(data, ' '), NULL, 10);
	free(data);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

/* --- saving -------------------------------------------------------------- */

static void in_place(const char *path)
{
	write_file(path, O_TRUNC);
}

static void by_renaming(const char *path)
{
	char *tmp = xasprintf("%s.tmp-1", path);

	write_file(tmp, O_TRUNC);
	rename(tmp, path);
	free(tmp);
}

static void as_vim(const char *path)
{
	char *backup = xasprintf("%s~", path), *dir = path_dir(path);
	char *probe = path_join(dir, "4913");

	write_file(probe, O_EXCL);
	unlink(probe);
	rename(path, backup);
	write_file(path, O_EXCL);
	unlink(backup);
	free(probe);
	free(dir);
	free(backup);
}

static const struct {
	const char *name;
	void (*save)(const char *path);
} styles[] = {
    {"in place", in_place},
    {"renamed", by_renaming},
    {"vim style", as_vim},
};

static sem_t go;
static void (*save)(const char *path);
static char *path;
static uint64_t start, told;

static void saver(void *arg)
{
	(void)arg;
	for (;;) {
		while (sem_wait(&go) < 0)
			;
		if (!save)
			return;
		start = uv_hrtime();
		save(path);
	}
}

static void changed(const char *const *paths, size_t n, bool rescan,
		    uint64_t first, void *arg)
{
	(void)rescan, (void)first, (void)arg;
	for (size_t i = 0; i < n; i++)
		if (path && !strcmp(paths[i], path))
			told = uv_hrtime();
}

static double one_save(uv_loop_t *loop, int i)
{
	path = xasprintf("%s/d%d/e%d/f%d.c", root, i % OUTER, i % INNER,
			 i % FILES);
	told = 0;
	sem_post(&go);
	while (!told)
		uv_run(loop, UV_RUN_ONCE);
	free(path);
	path = NULL;
	return (double)(told - start) / 1e6;
}

static void measure_saves(uv_loop_t *loop, size_t style)
{
	double ms[SAMPLES];
	char *name;

	save = styles[style].save;
	for (int i = 0; i < SAMPLES; i++)
		ms[i] = one_save(loop, i);
	qsort(ms, SAMPLES, sizeof(*ms), compare);
	name = xasprintf("watch: %s to changed, p50", styles[style].name);
	print(name, ms[SAMPLES / 2], "ms", SAVE_LIMIT_MS);
	free(name);
	name = xasprintf("watch: %s to changed, p99", styles[style].name);
	print(name, ms[SAMPLES * 99 / 100], "ms", 0);
	free(name);
}

/* --- opening ------------------------------------------------------------- */

static const struct watch_callbacks callbacks = {.changed = changed};

static struct watch *open_it(uv_loop_t *loop, double *ms)
{
	uint64_t t = uv_hrtime();
	struct watch *w;
	char *err;

	if (watch_open(&w, loop, root, NULL, &callbacks, NULL, &err) < 0) {
		fprintf(stderr, "bench-watch: %s\n", err);
		exit(1);
	}
	*ms = (double)(uv_hrtime() - t) / 1e6;
	return w;
}

static struct watch *measure_opens(uv_loop_t *loop)
{
	double ms[OPENS], before = rss_mb(), grown = 0;
	struct watch *w = NULL;

	for (int i = 0; i < OPENS; i++) {
		if (w) {
			watch_close(w);
			uv_run(loop, UV_RUN_DEFAULT);
		}
		w = open_it(loop, &ms[i]);
		if (i == 0)
			grown = rss_mb() - before;
	}
	qsort(ms, OPENS, sizeof(*ms), compare);
	print("watch: folders", (double)watch_dirs(w), "", 0);
	print("watch: ready, median", ms[OPENS / 2], "ms", READY_LIMIT_MS);
	print("watch: memory grown", grown, "MB", MEMORY_LIMIT_MB);
	return w;
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	struct watch *w;
	uv_thread_t thread;

	setvbuf(stdout, NULL, _IOLBF, 0);
	make_tree();
	w = measure_opens(loop);
	sem_init(&go, 0, 0);
	uv_thread_create(&thread, saver, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(styles); i++)
		measure_saves(loop, i);
	print("watch: memory in all", rss_mb(), "MB", MEMORY_LIMIT_MB);
	save = NULL;
	sem_post(&go);
	uv_thread_join(&thread);
	watch_close(w);
	uv_run(loop, UV_RUN_DEFAULT);
	scratch_remove(root);
	return over_limit;
}
