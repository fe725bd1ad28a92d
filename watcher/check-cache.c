/* SPDX-License-Identifier: MIT
 *
 * What was linked of a tree is kept in the user's cache, by the content of
 * all that it was made from: the files that the compiler read are hashed again
 * before it is taken. So a base that is compared with again costs no compiler.
 * A cache by commit would miss for every commit, and not see what the build
 * made itself.
 *
 * Any thread may look; keeping is one thread's. Two that run at a time write
 * the same, each file appears when it is whole, and a list that is lost costs
 * a compilation.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "codeserver/descriptor.h"
#include "watcher/check-cache.h"
#include "watcher/depfile.h"
#include "watcher/manifest.h"

#define CACHE_DAYS 30

static char *cache_folder(void)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *dir = xdg && *xdg ? path_join(xdg, "hotwatch/check")
				: xasprintf("%s/.cache/hotwatch/check",
					    home && *home ? home : "/tmp");

	if (make_dirs(dir, 0700, NULL) == 0)
		return dir;
	free(dir);
	return NULL;
}

static uint64_t mix(uint64_t h, const char *s)
{
	return hw_checksum(h, s, strlen(s) + 1);
}

/* Which build of the program PATH it is. */
static uint64_t mix_program(uint64_t h, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return h;
	h = hw_checksum(h, &st.st_size, sizeof(st.st_size));
	return hw_checksum(h, &st.st_mtim, sizeof(st.st_mtim));
}

/* What is known before it is compiled: hotwatch, command, compiler, source's
 * name. */
static uint64_t command_key(const struct check_work *w)
{
	uint64_t h = mix_program(mix(1, HOTWATCH_VERSION), "/proc/self/exe");

	h = mix(h, w->m->name);
	h = mix(h, w->m->source);
	for (char **s = w->m->command; *s; s++)
		h = mix(h, *s);
	for (char **s = w->m->env; s && *s; s++)
		h = mix(h, *s);
	return mix_program(h, w->m->command[0]);
}

/* The files NAMES (a line each, below the top as "./...") as they are in the
 * tree; 0: one is not there. */
static uint64_t files_key(const struct check_work *w, const char *names)
{
	uint64_t h = 1;

	while (*names) {
		size_t n = strcspn(names, "\n"), len;
		char *name = xstrndup(names, n);
		char *path = starts_with(name, "./")
				 ? path_join(w->b->trees[w->side], name + 2)
				 : xstrdup(name);
		char *data = NULL;

		if (file_read(path, &data, &len, NULL) < 0)
			h = 0;
		else if (h)
			h = hw_checksum(mix(h, name), data, len);
		free(data);
		free(path);
		free(name);
		if (!h)
			break;
		names += n + (names[n] == '\n');
	}
	return h;
}

/* What the compiler read, as files_key wants it. malloc'd. */
static char *files_read(const struct check_work *w, const char *depfile)
{
	const char *tree = w->b->trees[w->side];
	struct strv deps = {0};
	struct text t = {0};
	char *dir = check_in_tree(w, w->m->dir);

	depfile_read(&deps, depfile, dir, NULL);
	for (size_t i = 0; i < deps.n; i++) {
		if (path_under(deps.v[i], tree))
			text_printf(&t, ".%s\n", deps.v[i] + strlen(tree));
		else
			text_printf(&t, "%s\n", deps.v[i]);
	}
	free(dir);
	strv_free(&deps);
	return text_take(&t);
}

static char *cache_entry(const char *cache, const struct check_work *w,
			 const char *names)
{
	return xasprintf("%s/%016llx-%016llx.so", cache,
			 (unsigned long long)command_key(w),
			 (unsigned long long)files_key(w, names));
}

static char *cache_names(const char *cache, const struct check_work *w)
{
	return xasprintf("%s/%016llx.deps", cache,
			 (unsigned long long)command_key(w));
}

/* Several lists of files for one command are kept one after the other, an
 * empty line between them: sides differ in what they include. */
static bool find_in(struct check_work *w, const char *cache)
{
	char *path = cache_names(cache, w), *lists = NULL;

	if (file_read(path, &lists, NULL, NULL) == 0) {
		for (char *s = lists, *end; *s && !w->file; s = end) {
			char *entry;

			end = strstr(s, "\n\n");
			end = end ? end + 2 : s + strlen(s);
			if (end[-1] == '\n' && end - s > 1)
				end[-1] = '\0';
			entry = cache_entry(cache, w, s);
			if (utimensat(AT_FDCWD, entry, NULL, 0) == 0)
				w->file = entry;
			else
				free(entry);
		}
	}
	free(lists);
	free(path);
	return w->file != NULL;
}

bool check_cache_find(struct check_work *w)
{
	char *cache = cache_folder();
	bool found = cache && find_in(w, cache);

	free(cache);
	return found;
}

static void cache_keep(const struct check_work *w, const char *cache)
{
	char *names = files_read(w, w->depfile);
	char *entry = cache_entry(cache, w, names);
	char *path = cache_names(cache, w), *lists = NULL, *data = NULL;
	struct text t = {0};
	size_t len;

	if (file_read(path, &lists, NULL, NULL) == 0)
		text_puts(&t, lists);
	if (!lists || !strstr(lists, names))
		text_printf(&t, "%s\n", names);
	if (*names && file_read(w->file, &data, &len, NULL) == 0 &&
	    file_write(entry, data, len, NULL) == 0)
		file_write(path, t.s, t.len, NULL);
	text_free(&t);
	free(data);
	free(lists);
	free(path);
	free(entry);
	free(names);
}

/* Removes what was not used for a month. */
static void cache_prune(const char *cache)
{
	DIR *dir = opendir(cache);
	struct dirent *e;
	struct stat st;

	while (dir && (e = readdir(dir)) != NULL)
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		    S_ISREG(st.st_mode) &&
		    st.st_mtime < time(NULL) - CACHE_DAYS * 86400)
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}

void check_cache_fill(const struct check_work *v, size_t n)
{
	char *cache = cache_folder();
	bool any = false;

	for (size_t i = 0; cache && i < n; i++) {
		if (!v[i].depfile)
			continue;
		cache_keep(&v[i], cache);
		any = true;
	}
	if (any)
		cache_prune(cache);
	free(cache);
}
