/* SPDX-License-Identifier: MIT
 *
 * The old program of a rehearsal between two commits. In CI it is the new one
 * that was built; the old one is linked again by the recorded command, with
 * the old side's objects in the place of those that differ. They carry the
 * records of the objects that they stand for, so the modules have the names
 * that they have in the program that was built.
 */
#include <stdlib.h>
#include <string.h>

#include "watcher/cc.h"
#include "watcher/check.h"
#include "watcher/manifest.h"

static const struct check_kept_module *kept_of(const struct check_kept *k,
					       const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (!strcmp(k->v[i].name, name))
			return &k->v[i];
	return NULL;
}

/* The program that was built is the old one. */
static bool is_old(const struct manifest *m, const struct check_kept *k)
{
	for (size_t i = 0; i < m->nmodules; i++) {
		const struct check_kept_module *kept =
		    kept_of(k, m->modules[i].name);

		if (kept && strcmp(kept->from, m->modules[i].hash) != 0)
			return false;
	}
	return true;
}

static char *object_of(const struct check_kept *k,
		       const struct check_kept_module *m)
{
	return xasprintf("%s/%s-%s.o", k->folder, path_base(m->name), m->from);
}

/* What stands for the input WORD of the link: malloc'd; NULL: itself. */
static char *stand_in(const struct manifest *m, const struct check_kept *k,
		      const char *word)
{
	char *path = path_absolute(m->dir, word), *object = NULL;

	for (size_t i = 0; i < m->nmodules && !object; i++) {
		const struct manifest_module *module = &m->modules[i];
		const struct check_kept_module *kept = kept_of(k, module->name);

		if (kept && (!strcmp(module->object, path) ||
			     !strcmp(module->source, path)))
			object = object_of(k, kept);
	}
	free(path);
	return object;
}

/* Members of archives: what defines it first is taken. */
static void members_add(const struct manifest *m, const struct check_kept *k,
			struct strv *argv)
{
	for (size_t i = 0; i < m->nmodules; i++) {
		const struct check_kept_module *kept =
		    kept_of(k, m->modules[i].name);

		if (kept && m->modules[i].archive)
			strv_add_own(argv, object_of(k, kept));
	}
}

static void words_add(const struct manifest *m, const struct check_kept *k,
		      struct strv *argv)
{
	bool first = true;

	for (char **w = m->link + 1; *w; w++) {
		char *other = **w == '-' ? NULL : stand_in(m, k, *w);

		if (!strcmp(*w, "-o") && w[1]) {
			w++;
			continue;
		}
		if (**w != '-' && first) {
			members_add(m, k, argv);
			first = false;
		}
		strv_add(argv, other ? other : *w);
		free(other);
	}
}

static int link_old(const struct manifest *m, const struct check_kept *k,
		    const char *to, char **err)
{
	char *self = path_self_dir(), *hotwatch = path_join(self, "hotwatch");
	struct cc_pipes pipes = {.out = "/dev/null", .dir = m->dir};
	struct strv argv = {0};
	int r;

	strv_add(&argv, hotwatch);
	strv_add(&argv, "cc");
	words_add(m, k, &argv);
	strv_add(&argv, "-o");
	strv_add(&argv, to);
	r = cc_run(argv.v, &pipes, err);
	if (r > 0)
		r = fail(err,
			 "%s could not be linked of the old objects (see "
			 "above); build both sides, and give OLD and NEW",
			 path_base(m->program));
	strv_free(&argv);
	free(hotwatch);
	free(self);
	return r;
}

int check_program_old(struct check_kept *k, const struct manifest *m,
		      const char *scratch, char **err)
{
	char *folder, *path;
	int r;

	if (is_old(m, k)) {
		k->old = xstrdup(m->program);
		return 0;
	}
	folder = path_join(scratch, "program");
	path = path_join(folder, path_base(m->program));
	r = make_dirs(folder, 0700, err);
	if (r == 0)
		r = link_old(m, k, path, err);
	if (r == 0)
		k->old = xstrdup(path);
	free(path);
	free(folder);
	return r;
}
