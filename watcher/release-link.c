/* SPDX-License-Identifier: MIT
 *
 * A release's objects as files that targets can load: linked once for all
 * targets of a program, at a place that is free in every one of them, into
 * PROGRAM.hot/release/. What a target has already, as an old version or as the
 * one that it was started with, is not linked: that very image comes back.
 *
 * The objects are carried, and not the linked files, because nobody knows
 * which places will be free in a process that runs; a link takes 2 ms.
 */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codeserver/descriptor.h"
#include "watcher/cc.h"
#include "watcher/jsonget.h"
#include "watcher/manifest.h"
#include "watcher/object.h"
#include "watcher/paths.h"
#include "watcher/release-internal.h"
#include "watcher/tools.h"

static struct release_group *group_of(const struct release_apply *a,
				      const char *manifest)
{
	for (size_t i = 0; i < a->ngroups; i++)
		if (!strcmp(a->groups[i].manifest->path, manifest))
			return &a->groups[i];
	return NULL;
}

static int group_add(struct release_apply *a, const char *path, char **err)
{
	struct release_group *g;
	struct manifest *m;
	const char *clang;

	if (group_of(a, path))
		return 0;
	if (manifest_read(&m, path, err) < 0)
		return -1;
	free(m->path); /* as targets call it */
	m->path = xstrdup(path);
	a->groups = xrealloc(a->groups, (a->ngroups + 1) * sizeof(*g));
	g = &a->groups[a->ngroups++];
	*g = (struct release_group){.manifest = m};
	clang = m->nmodules && m->modules[0].command ? m->modules[0].command[0]
						     : "clang";
	g->linker = tool_module_linker(clang);
	g->files = xcalloc(a->release->nmodules + 1, sizeof(*g->files));
	return g->linker ? 0
			 : fail(err, "no linker was found; install binutils "
				     "or lld");
}

/* --- places --------------------------------------------------------------- */

static void take_target(struct place *taken, const struct release_target *t)
{
	const cJSON *m, *v;

	cJSON_ArrayForEach(m, t->loaded)
	{
		cJSON_ArrayForEach(v, json_at(m, "versions"))
		{
			place_take(taken,
				   strtoull(json_str(v, "base"), NULL, 16),
				   (uint64_t)json_num(v, "size", 0));
		}
	}
}

static void take_group(struct place *taken, const struct release_apply *a,
		       const struct release_group *g)
{
	const struct manifest *m = g->manifest;

	if (m->next_base > HW_ARENA_BASE)
		place_take(taken, HW_ARENA_BASE, m->next_base - HW_ARENA_BASE);
	for (size_t i = 0; i < m->nmodules; i++)
		place_take(taken, m->modules[i].base, m->modules[i].size);
	for (size_t i = 0; i < a->release->nmodules; i++)
		place_take(taken, g->files[i].base, g->files[i].size);
}

static uint64_t find_place(const struct release_apply *a,
			   const struct release_group *g, uint64_t size)
{
	struct place taken = {0};
	uint64_t base;

	for (size_t i = 0; i < a->avoid.n; i++)
		place_take(&taken, a->avoid.v[i].base,
			   a->avoid.v[i].end - a->avoid.v[i].base);
	for (size_t i = 0; i < a->ntargets; i++)
		if (group_of(a, a->targets[i].manifest) == g)
			take_target(&taken, &a->targets[i]);
	take_group(&taken, a, g);
	base = place_find(&taken, size);
	place_free(&taken);
	return base;
}

/* --- one module ----------------------------------------------------------- */

struct job {
	const struct release_apply *a;
	struct release_group *g;
	const char *folder, *codeserver;
	const char *module, *source, *hash, *object;
	struct release_file *out;
};

static int linked(const struct job *j, const char *rewritten, char **err)
{
	uint64_t room = place_estimate(rewritten, err);
	char *out = xasprintf("%s.so", rewritten), **argv;
	struct modlink l = {
	    .linker = j->g->linker,
	    .object = rewritten,
	    .codeserver = j->codeserver,
	    .libs = (const char *const *)j->g->manifest->libs,
	    .nlibs = lenv(j->g->manifest->libs),
	    .base = room ? find_place(j->a, j->g, room) : 0,
	    .out = out,
	};
	int r = room ? 0 : -1;

	if (room && !l.base)
		r = fail(err,
			 "%s: there is no room for %llu bytes more; "
			 "purge old versions",
			 j->module, (unsigned long long)room);
	if (r == 0) {
		argv = modlink_argv(&l);
		r = cc_run(argv, NULL, err);
		argv_free(argv);
		if (r > 0)
			r = fail(err, "%s: the linker failed (see above)",
				 j->object);
	}
	if (r == 0)
		r = modlink_seal(out, j->folder, path_base(j->module),
				 &j->out->file, &j->out->size, err);
	j->out->base = l.base;
	unlink(out);
	free(out);
	return r;
}

static int hash_is(struct object *o, const struct job *j, char **err)
{
	char hash[33];

	if (object_hash(o, hash, err) < 0)
		return -1;
	if (!strcmp(hash, j->hash))
		return 0;
	return fail(err,
		    "%s: its content is %s, not what the release says; "
		    "it was replaced or damaged",
		    j->object, hash);
}

static int link_one(const struct job *j, char **err)
{
	char *rewritten =
	    xasprintf("%s/%d-%s.hot.o", j->folder, (int)getpid(), j->hash);
	struct object *o;
	char **funcs = NULL;
	size_t n;
	int r = object_open(&o, j->object, NULL, 0, err);

	if (r == 0) {
		r = hash_is(o, j, err);
		if (r == 0)
			r = object_rewrite(o, j->module, j->source, true,
					   rewritten, &funcs, &n, err);
		if (r == 0)
			r = linked(j, rewritten, err);
		object_close(o);
	}
	freev(funcs);
	unlink(rewritten);
	free(rewritten);
	return r;
}

/* --- all ------------------------------------------------------------------ */

static bool needed(const struct release_apply *a, const struct release_group *g,
		   const char *module, const char *hash)
{
	for (size_t i = 0; i < a->ntargets; i++) {
		const struct release_target *t = &a->targets[i];

		if (target_ready(t) && group_of(a, t->manifest) == g &&
		    !target_has(t, module, hash))
			return true;
	}
	return false;
}

static char *folder_of(const struct release_apply *a,
		       const struct release_group *g)
{
	return a->scratch ? xstrdup(a->scratch)
			  : path_join(g->manifest->hot, "release");
}

static int link_group(struct release_apply *a, struct release_group *g,
		      const char *codeserver, char **err)
{
	char *folder = folder_of(a, g);
	int r = make_dirs(folder, 0755, err);

	for (size_t i = 0; r == 0 && i < a->release->nmodules; i++) {
		const struct release_module *m = &a->release->modules[i];
		const char *hash = release_wanted(m, a->down);
		int ambiguous;
		const struct manifest_module *known =
		    manifest_find(g->manifest, m->name, &ambiguous);
		char *object;
		struct job j = {.a = a,
				.g = g,
				.folder = folder,
				.codeserver = codeserver,
				.module = m->name,
				.source = known ? known->source : m->name,
				.hash = hash,
				.out = &g->files[i]};

		if (!hash || g->files[i].file ||
		    (!release_again(m) && !needed(a, g, m->name, hash)))
			continue;
		j.object = object = release_object(a->release, m->name, hash);
		r = link_one(&j, err);
		free(object);
	}
	free(folder);
	return r;
}

int release_link(struct release_apply *a, char **err)
{
	char *codeserver = path_codeserver(err);
	int r = codeserver ? 0 : -1;

	for (size_t i = 0; r == 0 && i < a->ntargets; i++)
		if (target_ready(&a->targets[i]))
			r = group_add(a, a->targets[i].manifest, err);
	for (size_t i = 0; r == 0 && i < a->ngroups; i++)
		r = link_group(a, &a->groups[i], codeserver, err);
	free(codeserver);
	return r;
}

void release_link_elsewhere(struct release_apply *a)
{
	for (size_t i = 0; i < a->ngroups; i++) {
		for (size_t k = 0; k < a->release->nmodules; k++) {
			struct release_file *f = &a->groups[i].files[k];

			place_take(&a->avoid, f->base, f->size);
			free(f->file);
			*f = (struct release_file){0};
		}
	}
}

const char *release_file(const struct release_target *t, const char *module)
{
	const struct release_apply *a = t->apply;
	const struct release_module *m = release_module(a->release, module);
	const char *has =
	    release_again(m)
		? NULL
		: target_has(t, module, release_wanted(m, a->down));

	return has ? has
		   : group_of(a, t->manifest)
			 ->files[m - a->release->modules]
			 .file;
}

/* --- what is left --------------------------------------------------------- */

static bool is_had(const struct release_apply *a, const char *file)
{
	const cJSON *m, *v;

	for (size_t i = 0; i < a->ntargets; i++) {
		cJSON_ArrayForEach(m, a->targets[i].now)
		{
			cJSON_ArrayForEach(v, json_at(m, "versions"))
			{
				if (!strcmp(json_str(v, "file"), file))
					return true;
			}
		}
	}
	return false;
}

/* Every target is asked after the release, also those that it left alone; one
 * that did not answer may have any file. */
static bool all_answered(const struct release_apply *a)
{
	for (size_t i = 0; i < a->ntargets; i++)
		if (!a->targets[i].now && a->targets[i].client)
			return false;
	return true;
}

void release_link_sweep(struct release_apply *a)
{
	for (size_t i = 0; all_answered(a) && i < a->ngroups; i++) {
		char *folder = folder_of(a, &a->groups[i]);
		DIR *dir = opendir(folder);
		struct dirent *e;

		while (dir && (e = readdir(dir)) != NULL) {
			char *file = path_join(folder, e->d_name);

			if (e->d_name[0] != '.' && !is_had(a, file))
				unlink(file);
			free(file);
		}
		if (dir)
			closedir(dir);
		free(folder);
	}
}

void release_link_free(struct release_apply *a)
{
	for (size_t i = 0; i < a->ngroups; i++) {
		struct release_group *g = &a->groups[i];

		for (size_t k = 0; k < a->release->nmodules; k++)
			free(g->files[k].file);
		free(g->files);
		free(g->linker);
		manifest_free(g->manifest);
	}
	free(a->groups);
	place_free(&a->avoid);
}
