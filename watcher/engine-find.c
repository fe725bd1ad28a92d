/* SPDX-License-Identifier: MIT
 *
 * Hot builds below the root that nobody runs yet: a walk for NAME.hot folders
 * with a manifest, in libuv's pool. A program that is run tells of itself;
 * this only lets its modules be named before.
 */
#include "watcher/engine-internal.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 12

struct finding {
	uv_work_t work;
	struct engine *e;
	char *root;
	struct strv manifests;
};

static void look(struct finding *f, const char *dir, int depth);

static void look_at(struct finding *f, const char *dir, const char *name,
		    int depth)
{
	char *path = path_join(dir, name), *manifest;

	if (ends_with(name, ".hot")) {
		manifest = path_join(path, "manifest.json");
		if (file_exists(manifest))
			strv_add(&f->manifests, manifest);
		free(manifest);
	} else if (name[0] != '.') {
		look(f, path, depth + 1);
	}
	free(path);
}

static void look(struct finding *f, const char *dir, int depth)
{
	DIR *d = depth < DEPTH_MAX ? opendir(dir) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_type == DT_DIR)
			look_at(f, dir, e->d_name, depth);
	if (d)
		closedir(d);
}

static void find_work(uv_work_t *work)
{
	struct finding *f = work->data;

	look(f, f->root, 0);
}

static void found(uv_work_t *work, int status)
{
	struct finding *f = work->data;
	struct engine *e = f->e;
	char *err = NULL;

	(void)status;
	e->finding = false;
	e->handles--;
	for (size_t i = 0; i < f->manifests.n && !e->closing; i++) {
		if (program_get(e, f->manifests.v[i], &err))
			continue;
		engine_notice(e, EVENT_NOTICE, "%s", err);
		free(err);
		err = NULL;
	}
	strv_free(&f->manifests);
	free(f->root);
	free(f);
	engine_pump(e);
}

void programs_find(struct engine *e)
{
	struct finding *f = xcalloc(1, sizeof(*f));

	f->e = e;
	f->root = xstrdup(e->root);
	f->work.data = f;
	e->finding = true;
	e->handles++;
	uv_queue_work(e->loop, &f->work, find_work, found);
}
