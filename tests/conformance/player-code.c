/* SPDX-License-Identifier: MIT
 *
 * Operations on code: each is one call of hotwatch/code.h, in a table. See
 * player.erl for the same in Erlang.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "player.h"

enum {
	ITEMS_MAX = 8,
	PATH_MAX_ = 4096,
	PREPARED_MAX = 4
};

/* --- files ---------------------------------------------------------------- */

static char *staged(char *path, const char *key, const char *module)
{
	snprintf(path, PATH_MAX_, "%s/%s/%s.so", stage, key, module);
	return path;
}

static char *on_path(char *path, const char *module)
{
	snprintf(path, PATH_MAX_, "path/%s.so", module);
	return path;
}

static char *file_load(const char *path, size_t *size)
{
	struct stat st;
	FILE *f = fopen(path, "r");
	char *data;

	if (!f || fstat(fileno(f), &st) < 0)
		return f ? fclose(f), NULL : NULL;
	setvbuf(f, NULL, _IONBF, 0); /* no copy in stdio's buffer */
	data = malloc((size_t)st.st_size + 1);
	*size = fread(data, 1, (size_t)st.st_size, f);
	fclose(f);
	return data;
}

/* What is left in freed memory of an object's symbols are addresses of its
 * code, which would hold the version that was loaded from it. */
static void file_free(char *data, size_t size)
{
	if (data)
		explicit_bzero(data, size);
	free(data);
}

/* Never over a file that may be mapped: a new one in its place. */
static int file_save(const char *path, const void *data, size_t size)
{
	char new[PATH_MAX_ + 8];
	FILE *f;

	snprintf(new, sizeof(new), "%s.new", path);
	f = fopen(new, "w");
	if (f)
		setvbuf(f, NULL, _IONBF, 0);
	if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
		return -1;
	return rename(new, path);
}

static void put(char **w, char *result)
{
	char from[PATH_MAX_], to[PATH_MAX_];
	size_t size = 0;
	char *data = file_load(staged(from, w[2], w[1]), &size);

	if (data && file_save(on_path(to, w[1]), data, size) == 0)
		strcpy(result, "ok");
	file_free(data, size);
}

static void spoil(char **w, char *result)
{
	static const char text[] = "this is no object\n";
	char from[PATH_MAX_], to[PATH_MAX_];
	bool other = strcmp(w[2], "other") == 0;
	size_t size = 0, left;
	char *data = file_load(staged(from, "1", other ? "n" : w[1]), &size);

	if (!data)
		return;
	left = size;
	if (strcmp(w[2], "empty") == 0)
		left = 0;
	if (strcmp(w[2], "truncated") == 0)
		left /= 2;
	if (strcmp(w[2], "flipped") == 0)
		data[size / 2] ^= 16;
	if (strcmp(w[2], "text") == 0)
		memcpy(data, text, left = sizeof(text) - 1);
	if (file_save(on_path(to, w[1]), data, left) == 0)
		strcpy(result, "ok");
	file_free(data, size);
}

static void take_away(char **w, char *result)
{
	char path[PATH_MAX_];

	if (unlink(on_path(path, w[1])) == 0)
		strcpy(result, "ok");
}

static void touch(char **w, char *result)
{
	struct timespec long_ago[2] = {{1577836800, 0}, {1577836800, 0}};
	char path[PATH_MAX_];

	if (utimensat(AT_FDCWD, on_path(path, w[1]), long_ago, 0) == 0)
		strcpy(result, "ok");
}

/* --- loading -------------------------------------------------------------- */

static void load_file(char **w, char *result)
{
	say_done(result, hw_code_load_file(w[1]));
}

static void load_abs(char **w, char *result)
{
	char path[PATH_MAX_];

	say_done(result, hw_code_load_abs(w[1], staged(path, w[2], w[1])));
}

static void load_binary(char **w, char *result)
{
	char path[PATH_MAX_], *data;
	size_t size = 3;

	staged(path, w[2], w[1]);
	data =
	    strcmp(w[2], "bad") == 0 ? strdup("bad") : file_load(path, &size);
	if (data)
		say_done(result, hw_code_load_binary(w[1], path, data, size));
	file_free(data, size);
}

static void ensure_loaded(char **w, char *result)
{
	say_done(result, hw_code_ensure_loaded(w[1]));
}

/* "m", "m:KEY", "m:bad" */
static size_t items_read(char **w, struct hw_code_item *items)
{
	char *key, *path;
	size_t n = 0;

	for (; w[n] && n < ITEMS_MAX; n++) {
		items[n] = (struct hw_code_item){.module = w[n]};
		key = strchr(w[n], ':');
		if (!key)
			continue;
		*key++ = '\0';
		items[n].file = path = malloc(PATH_MAX_);
		staged(path, key, w[n]);
		if (strcmp(key, "bad") == 0) {
			strcpy(path, "bad.so");
			file_save(path, "bad", 3);
		}
	}
	return n;
}

static void items_free(struct hw_code_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)items[i].file);
}

static int by_name(const void *a, const void *b)
{
	const struct hw_code_item *x = a, *y = b;

	return strcmp(x->module, y->module);
}

/* What is wrong with each, in order of their names, each once. */
static void say_items(char *result, int r, struct hw_code_item *items, size_t n)
{
	const char *last = "";

	say_done(result, r);
	if (r >= 0)
		return;
	qsort(items, n, sizeof(*items), by_name);
	for (size_t i = 0; i < n; i++) {
		if (items[i].error == 0 || strcmp(items[i].module, last) == 0)
			continue;
		result +=
		    sprintf(result, "%s%s %s", *last ? ", " : "",
			    items[i].module, hw_code_reason(items[i].error));
		last = items[i].module;
	}
}

static void atomic_load(char **w, char *result)
{
	struct hw_code_item items[ITEMS_MAX];
	size_t n = items_read(w + 1, items);

	say_items(result, hw_code_atomic_load(items, n), items, n);
	items_free(items, n);
}

static void ensure_modules(char **w, char *result)
{
	struct hw_code_item items[ITEMS_MAX];
	size_t n = items_read(w + 1, items);

	say_items(result, hw_code_ensure_modules_loaded(items, n), items, n);
	items_free(items, n);
}

static struct prepared { /* of the player itself */
	char name[16];
	struct hw_code_prepared *handle;
	struct hw_code_item items[ITEMS_MAX];
	size_t n;
} prepared[PREPARED_MAX];

static void prepare(char **w, char *result)
{
	struct prepared *p = prepared;

	while (p->name[0] && strcmp(p->name, w[1]) != 0)
		p++;
	snprintf(p->name, sizeof(p->name), "%s", w[1]);
	p->n = items_read(w + 2, p->items);
	for (size_t i = 0; i < p->n; i++)
		p->items[i].module = strdup(p->items[i].module);
	say_items(result, hw_code_prepare_loading(p->items, p->n, &p->handle),
		  p->items, p->n);
}

static void finish(char **w, char *result)
{
	struct prepared *p = prepared;

	while (p->name[0] && strcmp(p->name, w[1]) != 0)
		p++;
	for (size_t i = 0; i < p->n; i++)
		p->items[i].error = 0;
	say_items(result, hw_code_finish_loading(p->handle), p->items, p->n);
}

/* --- getting rid of it, asking -------------------------------------------- */

static void soft_purge(char **w, char *result)
{
	say_truth(result, hw_code_soft_purge(w[1]));
}

static bool soft_purged(void *module)
{
	return hw_code_soft_purge(module) == 1;
}

static void soft_purge_soon(char **w, char *result)
{
	say_truth(result, until(soft_purged, w[1]));
}

static void purge(char **w, char *result)
{
	say_truth(result, hw_code_purge(w[1]));
}

static void delete (char **w, char *result)
{
	say_truth(result, hw_code_delete(w[1]));
}

static void rollback(char **w, char *result)
{
	say_done(result, hw_code_rollback(w[1], -1));
}

static void is_loaded(char **w, char *result)
{
	say_truth(result, hw_code_is_loaded(w[1], NULL, 0));
}

/* The folder's name; the program's own build is version "0". */
static void which(char **w, char *result)
{
	char file[PATH_MAX_], *folder;
	int r = hw_code_which(w[1], file, sizeof(file));

	if (r <= 0) {
		strcpy(result, r ? hw_code_reason(r) : "non_existing");
		return;
	}
	folder = basename(dirname(file));
	strcpy(result, strcmp(folder, "obj") == 0 ? "0" : folder);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void all_loaded(char **w, char *result)
{
	static struct hw_code_module all[64];
	char names[64][256];
	long n = hw_code_all_loaded(all, 64);
	int found = 0;

	(void)w;
	for (long i = 0; i < n; i++)
		if (strlen(all[i].name) == 1)
			strcpy(names[found++], all[i].name);
	qsort(names, (size_t)found, sizeof(names[0]), by_text);
	result[0] = '\0';
	for (int i = 0; i < found; i++)
		sprintf(result + strlen(result), "%s%s", i ? " " : "",
			names[i]);
}

static void module_status(char **w, char *result)
{
	static const char *const words[] = {"not_loaded", "loaded", "modified",
					    "removed"};
	int r = hw_code_module_status(w[1]);

	strcpy(result, r < 0 ? hw_code_reason(r) : words[r]);
}

/* All sources of the player lie in one folder, that of its program. */
static void source_folder(char *dir)
{
	ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX_ - 1);

	dir[n > 0 ? n : 0] = '\0';
	dirname(dir);
}

static void stick(char **w, char *result)
{
	char dir[PATH_MAX_];

	(void)w;
	source_folder(dir);
	say_done(result, hw_code_stick_dir(dir));
}

static void unstick(char **w, char *result)
{
	char dir[PATH_MAX_];

	(void)w;
	source_folder(dir);
	say_done(result, hw_code_unstick_dir(dir));
}

static void is_sticky(char **w, char *result)
{
	say_truth(result, hw_code_is_sticky(w[1]));
}

static void check_old_code(char **w, char *result)
{
	say_truth(result, hw_check_old_code(w[1]));
}

static const struct operation table[] = {
    {"put", 3, put},
    {"spoil", 3, spoil},
    {"remove", 2, take_away},
    {"touch", 2, touch},
    {"load_file", 2, load_file},
    {"load_abs", 3, load_abs},
    {"load_binary", 3, load_binary},
    {"ensure_loaded", 2, ensure_loaded},
    {"atomic_load", 2, atomic_load},
    {"ensure_modules_loaded", 2, ensure_modules},
    {"prepare", 3, prepare},
    {"finish", 2, finish},
    {"soft_purge", 2, soft_purge},
    {"soft_purge_soon", 2, soft_purge_soon},
    {"purge", 2, purge},
    {"delete", 2, delete},
    {"rollback", 2, rollback},
    {"is_loaded", 2, is_loaded},
    {"which", 2, which},
    {"all_loaded", 1, all_loaded},
    {"module_status", 2, module_status},
    {"stick", 2, stick},
    {"unstick", 2, unstick},
    {"is_sticky", 2, is_sticky},
    {"check_old_code", 2, check_old_code},
    {NULL, 0, NULL},
};

bool code_op(int n, char **words, char *result)
{
	return operation_run(table, n, words, result);
}
