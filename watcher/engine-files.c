/* SPDX-License-Identifier: MIT
 *
 * The module objects that the watcher linked, in PROGRAM.hot/live.
 *
 * A file is removed when no target has it loaded and it is not among the newest
 * keep_versions of its module besides the newest: gdb and perf want the file of
 * a mapped object, a rollback wants the last ones, nobody wants a thousand.
 * What an earlier watcher left is taken over, oldest first, when all targets
 * are known; so a rollback works across the watcher's restart.
 *
 * A rollback maps a file again where it was linked for, so that place is kept
 * free as long as there is room elsewhere (round-place.c).
 */
#include "watcher/engine-internal.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct linked *find(const struct program *p, const char *file)
{
	for (size_t i = 0; i < p->nfiles; i++)
		if (!strcmp(p->files[i].file, file))
			return &p->files[i];
	return NULL;
}

void files_add(struct program *p, const char *file, uint64_t base,
	       uint64_t size)
{
	if (find(p, file))
		return;
	p->files = xrealloc(p->files, (p->nfiles + 1) * sizeof(*p->files));
	p->files[p->nfiles++] =
	    (struct linked){.file = xstrdup(file), .base = base, .size = size};
}

void files_free(struct program *p)
{
	for (size_t i = 0; i < p->nfiles; i++)
		free(p->files[i].file);
	free(p->files);
}

/* --- collecting ---------------------------------------------------------- */

static bool session_has(const struct session *s, const char *file)
{
	void *v;

	for (size_t i = 0; strmap_next(&s->modules, &i, &v);) {
		struct session_module *m = v;

		if (!strcmp(m->file, file))
			return true;
		for (size_t j = 0; j < m->nversions; j++)
			if (!strcmp(m->versions[j].file, file))
				return true;
	}
	return false;
}

static bool file_in_use(const struct engine *e, const char *file)
{
	for (const struct peer *p = e->peers; p; p = p->next)
		if (p->mine && session_has(p->session, file))
			return true;
	return round_uses(e, file);
}

/* "live/server-0123456789abcdef.so" and its kin begin alike up to the hash. */
static bool same_module(const char *a, const char *b)
{
	const char *end = strrchr(a, '-');

	return end && !strncmp(a, b, end - a + 1) &&
	       !strchr(b + (end - a) + 1, '-');
}

static size_t newer_of_module(const struct program *p, size_t i)
{
	size_t n = 0;

	for (size_t j = i + 1; j < p->nfiles; j++)
		n += same_module(p->files[i].file, p->files[j].file);
	return n;
}

static void collect(struct program *p)
{
	size_t keep = p->e->settings.keep_versions, kept = 0;

	for (size_t i = 0; i < p->nfiles; i++) {
		struct linked l = p->files[i];

		if (newer_of_module(p, i) <= keep ||
		    file_in_use(p->e, l.file)) {
			p->files[kept++] = l;
			continue;
		}
		unlink(l.file);
		free(l.file);
	}
	p->nfiles = kept;
	p->collect_at = kept + kept / 2 + 4;
}

/* Not at every load: a thousand versions that are all held are not to be
 * compared with each other a thousand times. */
void files_collect(struct program *p)
{
	if (p->nfiles >= p->collect_at)
		collect(p);
}

/* --- what an earlier watcher left ---------------------------------------- */

struct found {
	char *file;
	struct timespec time;
};

static int by_time(const void *a, const void *b)
{
	const struct timespec *x = &((const struct found *)a)->time;
	const struct timespec *y = &((const struct found *)b)->time;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* Where a module's object was linked for. False: it is none. */
static bool span_read(const char *file, uint64_t *base, uint64_t *size)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	uint64_t first = UINT64_MAX, end = 0;
	Elf64_Phdr ph;
	Elf64_Ehdr eh;

	if (fd < 0 || pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0)
		eh.e_phnum = 0;
	for (int i = 0; i < eh.e_phnum; i++) {
		if (pread(fd, &ph, sizeof(ph),
			  (off_t)(eh.e_phoff + i * sizeof(ph))) != sizeof(ph) ||
		    ph.p_type != PT_LOAD)
			continue;
		if (ph.p_vaddr < first)
			first = ph.p_vaddr;
		if (ph.p_vaddr + ph.p_memsz > end)
			end = ph.p_vaddr + ph.p_memsz;
	}
	if (fd >= 0)
		close(fd);
	*base = first & ~(PLACE_ALIGN - 1);
	*size = end - *base;
	return end != 0;
}

static size_t live_list(struct program *p, struct found **list)
{
	DIR *d = opendir(p->live);
	struct dirent *e;
	size_t n = 0;

	*list = NULL;
	while (d && (e = readdir(d))) {
		char *file = path_join(p->live, e->d_name);
		struct stat st;

		if (e->d_name[0] == '.' || stat(file, &st) < 0) {
			free(file);
			continue;
		}
		*list = xrealloc(*list, (n + 1) * sizeof(**list));
		(*list)[n++] = (struct found){file, st.st_mtim};
	}
	if (d)
		closedir(d);
	if (n)
		qsort(*list, n, sizeof(**list), by_time);
	return n;
}

/* The newest ones stand in P->files already; all are put in order of age. */
static void adopt(struct program *p)
{
	struct linked *known = p->files;
	size_t nknown = p->nfiles, n;
	struct found *list;

	p->files = NULL;
	p->nfiles = 0;
	n = live_list(p, &list);
	for (size_t i = 0; i < n; i++) {
		uint64_t base, size;

		if (span_read(list[i].file, &base, &size))
			files_add(p, list[i].file, base, size);
		else
			unlink(list[i].file);
		free(list[i].file);
	}
	for (size_t i = 0; i < nknown; i++) {
		files_add(p, known[i].file, known[i].base, known[i].size);
		free(known[i].file);
	}
	free(list);
	free(known);
}

/* Temporary files are named by the watcher that made them. */
static bool is_temporary(const char *name)
{
	long pid = strtol(name, NULL, 10);

	return pid == getpid() || (pid > 0 && kill((pid_t)pid, 0) == 0);
}

static void sweep_temporary(struct program *p)
{
	char *dir = program_folder(p, "watch");
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char *file = path_join(dir, e->d_name);

		if (e->d_name[0] != '.' && !is_temporary(e->d_name))
			unlink(file);
		free(file);
	}
	if (d)
		closedir(d);
	free(dir);
}

void files_sweep(struct program *p)
{
	p->swept = true;
	adopt(p);
	collect(p);
	sweep_temporary(p);
}
