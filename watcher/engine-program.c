/* SPDX-License-Identifier: MIT
 *
 * A hot-built program: its manifest, and a module for each entry of it.
 *
 * Programs are known by their targets. One that nobody runs has nothing to be
 * brought up to date; its units stay as they are until a target comes.
 *
 * When the manifest is written again (the user's own make), modules are made
 * anew from it: units are found again by what they are, so a module whose
 * command has not changed keeps what is known of it, and one whose flags did
 * change is another unit.
 */
#include "watcher/engine-internal.h"

#include <stdlib.h>
#include <string.h>

char *program_folder(const struct program *p, const char *name)
{
	return path_join(p->manifest->hot, name);
}

static struct module **modules_make(struct program *p, struct manifest *m)
{
	struct module **v = xcalloc(m->nmodules, sizeof(*v));

	for (size_t i = 0; i < m->nmodules; i++) {
		v[i] = xcalloc(1, sizeof(**v));
		v[i]->program = p;
		v[i]->m = &m->modules[i];
		v[i]->unit = unit_get(p->e, v[i]->m);
		unit_use(v[i]->unit, v[i]);
	}
	return v;
}

static void module_free(struct module *m)
{
	unit_unuse(m->unit, m);
	free(m->artifact.file);
	free(m);
}

static void modules_free(struct module **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		module_free(v[i]);
	free(v);
}

static void folders_make(struct program *p)
{
	static const char *const names[] = {"live", "watch"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *dir = program_folder(p, names[i]);

		make_dirs(dir, 0777, NULL); /* a link that fails will say it */
		free(dir);
	}
}

static struct program *program_find(const struct engine *e, const char *path)
{
	struct program *p = e->programs;

	while (p && strcmp(p->manifest->path, path) != 0)
		p = p->next;
	return p;
}

struct program *program_get(struct engine *e, const char *path, char **err)
{
	static char *const none[] = {"clang", NULL};
	struct program *p = program_find(e, path);
	struct manifest *m = NULL;

	if (p)
		return p;
	if (manifest_read(&m, path, err) < 0)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	p->e = e;
	p->manifest = m;
	p->nmodules = m->nmodules;
	p->modules = modules_make(p, m);
	p->next = e->programs;
	e->programs = p;
	p->live = program_folder(p, "live");
	p->linker =
	    toolchain_linker(m->nmodules ? m->modules[0].command : none);
	folders_make(p);
	state_read(p);
	watch_add_dir(e->watch, m->hot, NULL);
	return p;
}

static void assess(struct program *p)
{
	for (size_t i = 0; i < p->nmodules; i++)
		unit_assess(p->modules[i]->unit, p->modules[i]);
	p->assessed = true;
}

void program_attach(struct program *p)
{
	p->attached++;
	if (!p->assessed)
		assess(p);
	if (p->attached > 1)
		return;
	for (size_t i = 0; i < p->nmodules; i++)
		unit_stamp(p->modules[i]->unit); /* told of again */
}

/* Linked files go on being good for the same module. */
static void artifacts_move(struct program *p, struct module **old, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct module *m = program_module(p, old[i]->m->name);

		if (!m)
			continue;
		m->artifact = old[i]->artifact;
		old[i]->artifact.file = NULL;
	}
}

/*
 * What a target refused may be accepted now (a symbol that another new module
 * brings), and what did not compile may compile (a generated header): all that
 * is open goes into one set with what is new.
 */
static void join_open(struct program *p)
{
	struct set *s = NULL;
	uint64_t now = uv_hrtime();

	for (size_t i = 0; i < p->nmodules; i++) {
		struct unit *u = p->modules[i]->unit;

		if (!u->set)
			continue;
		if (u->state == UNIT_FAILED)
			unit_touch(u);
		if (u->set->told)
			s = set_join(s, u, SET_BUILD, now);
	}
}

static void add_path(const char *path, void *arg)
{
	strv_add(arg, path);
}

/* Files that git ignores, and that the build made, were not heard of. */
static void recheck_files(struct engine *e)
{
	struct strv paths = {0};

	depgraph_paths(e->files, add_path, &paths);
	change_files((const char *const *)paths.v, paths.n, false, uv_hrtime(),
		     e);
	strv_free(&paths);
}

/* What the user's make built is compared with what the targets have. */
static void take_build(struct program *p)
{
	recheck_files(p->e);
	join_open(p);
	assess(p);
	for (struct peer *peer = p->e->peers; peer; peer = peer->next)
		if (peer->program == p)
			peer_compare(peer, SET_BUILD);
}

void program_reread(struct program *p)
{
	struct manifest *m = NULL, *old = p->manifest;
	struct module **modules = p->modules;
	size_t n = p->nmodules;
	char *err = NULL;

	p->reread = false;
	if (manifest_read(&m, old->path, &err) < 0) {
		engine_notice(p->e, EVENT_NOTICE, "%s", err);
		free(err);
		return;
	}
	p->manifest = m;
	p->nmodules = m->nmodules;
	p->modules = modules_make(p, m);
	artifacts_move(p, modules, n);
	modules_free(modules, n);
	manifest_free(old);
	folders_make(p);
	p->assessed = false;
	if (p->attached)
		take_build(p);
}

struct module *program_module(const struct program *p, const char *name)
{
	const struct manifest_module *m;
	int ambiguous = 0;

	m = manifest_find(p->manifest, name, &ambiguous);
	return m ? p->modules[m - p->manifest->modules] : NULL;
}

void program_free(struct program *p)
{
	if (p->unsaved)
		state_save(p);
	modules_free(p->modules, p->nmodules);
	manifest_free(p->manifest);
	state_free(p);
	files_free(p);
	free(p->linker);
	free(p->live);
	free(p);
}
