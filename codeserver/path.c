/* SPDX-License-Identifier: MIT
 *
 * See path.h. The manifest is read when it is asked for and has changed: the
 * program is built again beside the running one by whoever likes, and then it
 * names newer objects. Relative names in it are relative to itself.
 */
#include "codeserver/path.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codeserver/history.h"
#include "protocol/json.h"

#define MANIFEST_MAX (256l << 20)

struct dir {
	struct dir *next;
	char name[];
};

static struct dir *added, *sticky;
static cJSON *manifest; /* as it was at manifest_time */
static struct timespec manifest_time;

static int dir_push(struct dir **list, const char *name)
{
	size_t len = strlen(name);
	struct dir *d = malloc(sizeof(*d) + len + 1);

	if (!d || name[0] != '/') {
		free(d);
		return -1;
	}
	while (len > 1 && name[len - 1] == '/')
		len--;
	memcpy(d->name, name, len);
	d->name[len] = '\0';
	d->next = *list;
	*list = d;
	return 0;
}

int path_add(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return -1;
	return dir_push(&added, dir);
}

static bool there(const char *file)
{
	return access(file, F_OK) == 0;
}

static char *added_find(const char *name)
{
	const char *last = strrchr(name, '/');
	char *file = NULL;

	for (struct dir *d = added; d; d = d->next)
		for (const char *n = name; n;
		     n = n == name && last ? last + 1 : NULL) {
			if (asprintf(&file, "%s/%s.so", d->name, n) < 0)
				return NULL;
			if (there(file))
				return file;
			free(file);
		}
	return NULL;
}

/* --- the manifest --------------------------------------------------------- */

static cJSON *json_read(const char *path, const struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	cJSON *json = NULL;

	if (fd >= 0 && st->st_size < MANIFEST_MAX)
		text = malloc((size_t)st->st_size + 1);
	if (text && read(fd, text, (size_t)st->st_size) == st->st_size) {
		text[st->st_size] = '\0';
		json = cJSON_ParseWithLengthOpts(text, (size_t)st->st_size + 1,
						 NULL, 0);
	}
	free(text);
	if (fd >= 0)
		close(fd);
	return json;
}

static void manifest_read(void)
{
	const char *path = hw_guest.program->manifest;
	struct stat st;
	cJSON *now;

	if (stat(path, &st) < 0 ||
	    (st.st_mtim.tv_sec == manifest_time.tv_sec &&
	     st.st_mtim.tv_nsec == manifest_time.tv_nsec))
		return;
	now = json_read(path, &st);
	if (!now)
		return; /* being written: the last one will do */
	cJSON_Delete(manifest);
	manifest = now;
	manifest_time = st.st_mtim;
}

static const char *member(const cJSON *o, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
}

/* What the manifest has for M, made absolute; malloc'd. */
static char *manifest_find(const struct hw_mod *m)
{
	const char *at = hw_guest.program->manifest;
	const char *slash = strrchr(at, '/'), *file = NULL;
	const cJSON *list;
	char *path = NULL;

	manifest_read();
	list = cJSON_GetObjectItemCaseSensitive(manifest, "modules");
	for (int i = 0; list && !file && i < cJSON_GetArraySize(list); i++) {
		const cJSON *one = cJSON_GetArrayItem(list, i);
		const char *name = member(one, "name");

		if (name && !strcmp(name, m->name))
			file = member(one, "file");
	}
	if (!file || !slash)
		return NULL;
	if (file[0] == '/')
		return strdup(file);
	return asprintf(&path, "%.*s/%s", (int)(slash - at), at, file) < 0
		   ? NULL
		   : path;
}

char *path_find(const struct hw_mod *m)
{
	const char *start = hw_guest.program->modules[m - hw_guest.mods].file;
	const char *last = history_last(m);
	char *file = added_find(m->name);

	if (file)
		return file;
	file = manifest_find(m);
	if (file && strcmp(file, start) && there(file))
		return file;
	free(file);
	if (last && there(last))
		return strdup(last);
	return there(start) ? strdup(start) : NULL;
}

char *path_find_name(const char *module)
{
	const struct hw_mod *m = mod_named(module);

	return m ? path_find(m) : added_find(module);
}

/* --- sticky --------------------------------------------------------------- */

int path_stick(const char *dir)
{
	return dir_push(&sticky, dir);
}

int path_unstick(const char *dir)
{
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	for (struct dir **p = &sticky; *p;) {
		struct dir *d = *p;

		if (strncmp(d->name, dir, len) || d->name[len]) {
			p = &d->next;
			continue;
		}
		*p = d->next;
		free(d);
	}
	return 0;
}

bool path_is_sticky(const struct hw_mod *m)
{
	for (struct dir *d = sticky; d; d = d->next) {
		size_t n = strlen(d->name);

		if (!strncmp(m->source, d->name, n) &&
		    (m->source[n] == '/' || n == 1))
			return true;
	}
	return false;
}
