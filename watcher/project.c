/* SPDX-License-Identifier: MIT
 *
 * See project.h. The root of a project is known for certain to what runs (a
 * watcher, a target) and to a hot build's manifest, and is otherwise guessed
 * from hotwatch.json and .git in the same way as the hot build does it. So
 * what runs is asked first, from the current folder upward.
 */
#include "watcher/project.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/engine.h"
#include "watcher/jsonget.h"
#include "watcher/manifest.h"
#include "watcher/paths.h"
#include "watcher/survey.h"
#include "watcher/util.h"

/* --- the root ------------------------------------------------------------ */

static bool has_watcher(const char *root, const void *runtime)
{
	char *socket = engine_socket(runtime, root);
	struct client *c = NULL;
	bool is = client_open(&c, socket, -1, NULL, NULL, NULL) == 0;

	client_close(c);
	free(socket);
	return is;
}

static bool has_target(const char *root, const void *targets)
{
	const cJSON *t;

	cJSON_ArrayForEach(t, (const cJSON *)targets)
	{
		if (!strcmp(json_str(t, "root"), root))
			return true;
	}
	return false;
}

/* The nearest folder from DIR up to TOP (NULL: /) that IS, or NULL. */
static char *nearest(const char *dir, const char *top,
		     bool (*is)(const char *root, const void *arg),
		     const void *arg)
{
	char *at = path_real(dir), *up;
	bool last;

	while (!is(at, arg)) {
		last = !strcmp(at, "/") || (top && !strcmp(at, top));
		up = last ? NULL : path_dir(at);
		free(at);
		if (last)
			return NULL;
		at = up;
	}
	return at;
}

/* Targets are asked only if no watcher tells: one that is stopped, in a
 * debugger say, takes its time not to answer. */
static char *root_of_running(const char *dir, const char *top)
{
	char *runtime, *root;
	cJSON *targets;

	if (runtime_dir(&runtime, NULL) < 0)
		return NULL;
	root = nearest(dir, top, has_watcher, runtime);
	if (!root) {
		targets = survey_targets(NULL, NULL, NULL);
		root = nearest(dir, top, has_target, targets);
		cJSON_Delete(targets);
	}
	free(runtime);
	return root;
}

/* The root that a hot build in DIR itself says, or NULL. */
static char *root_of_build(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char *root = NULL;

	while (d && !root && (e = readdir(d))) {
		struct manifest *m = NULL;
		char *path;

		if (!ends_with(e->d_name, ".hot"))
			continue;
		path = xasprintf("%s/%s/manifest.json", dir, e->d_name);
		if (manifest_read(&m, path, NULL) == 0) {
			root = m->root ? xstrdup(m->root) : NULL;
			manifest_free(m);
		}
		free(path);
	}
	if (d)
		closedir(d);
	return root;
}

static char *root_from_dir(const char *dir)
{
	char *marked = path_project(dir), *root;

	root = root_of_running(dir, marked);
	if (!root)
		root = root_of_build(dir);
	if (!root) {
		root = marked;
		marked = NULL;
	}
	free(marked);
	return root;
}

static char *root_from_target(const char *target, char **err)
{
	cJSON *found = survey_targets(NULL, target, NULL);
	const char *first = json_str(found->child, "root");
	const cJSON *t;
	char *root = NULL;

	if (cJSON_GetArraySize(found) == 0) {
		fail(err,
		     "no process %s runs hot-built code; `hotwatch doctor` "
		     "shows which do",
		     target);
		goto out;
	}
	cJSON_ArrayForEach(t, found)
	{
		if (!strcmp(json_str(t, "root"), first))
			continue;
		fail(err, "%s runs in several projects, %s and %s; give a pid",
		     target, first, json_str(t, "root"));
		goto out;
	}
	root = xstrdup(first);
out:
	cJSON_Delete(found);
	return root;
}

char *project_root(const char *dir, const char *target, char **err)
{
	char *cwd, *root;

	if (target)
		return root_from_target(target, err);
	cwd = path_real(dir ? dir : ".");
	if (!file_exists(cwd)) {
		fail(err, "%s: %s", dir ? dir : ".", strerror(errno));
		free(cwd);
		return NULL;
	}
	root = root_from_dir(cwd);
	if (!root)
		fail(
		    err,
		    "no project here: no hotwatch.json, no .git, no hot build, "
		    "and nothing runs that was built here; go to the "
		    "project's folder");
	free(cwd);
	return root;
}

/* --- its watcher --------------------------------------------------------- */

int project_connect(const char *root, struct client **c,
		    client_notified *notified, void *arg, char **err)
{
	char *runtime, *socket;
	int r;

	if (runtime_dir(&runtime, err) < 0)
		return -1;
	socket = engine_socket(runtime, root);
	r = client_open(c, socket, PROJECT_LIMIT_MS, notified, arg, NULL);
	if (r < 0)
		fail(err,
		     "no watcher runs for %s; start one with `hotwatch watch` "
		     "or `hotwatch run PROGRAM`",
		     root);
	free(socket);
	free(runtime);
	return r < 0 ? -1 : 0;
}
