/* SPDX-License-Identifier: MIT
 *
 * Compiling a unit, and what its result says.
 *
 * A change while it is compiled marks it (again) and the result is thrown
 * away: what was compiled may be half of one save and half of the next. To
 * kill the compiler at once was tried and rejected: saves that come faster
 * than a compile takes would start one each and finish none.
 */
#include "watcher/engine-internal.h"

#include <stdlib.h>
#include <unistd.h>

static char **compile_argv(struct unit *u, const struct compile *c)
{
	const struct settings *s = &u->e->settings;
	struct strv argv = {0};

	strv_addv(&argv, (const char *const *)s->compiler_launcher);
	strv_add(&argv, s->compiler ? s->compiler : u->command[0]);
	strv_addv(&argv, (const char *const *)u->command + 1);
	strv_add(&argv, "-fno-color-diagnostics");
	strv_add(&argv, "-fdiagnostics-parseable-fixits");
	strv_add(&argv, "-MD");
	strv_add(&argv, "-MF");
	strv_add(&argv, c->depfile);
	strv_add(&argv, "-o");
	strv_add(&argv, c->object);
	return strv_take(&argv);
}

/* What may have to change to mend it: what it read before and now. */
static void deps_widen(struct unit *u, const struct compile *c)
{
	struct strv all = {0};
	struct strmap seen = {0};

	strv_addv(&all, (const char *const *)c->deps.v);
	for (size_t i = 0; i < all.n; i++)
		strmap_put(&seen, all.v[i], u);
	for (size_t i = 0; i < u->deps.n; i++)
		if (!strmap_get(&seen, depgraph_path(&u->deps, i)))
			strv_add(&all, depgraph_path(&u->deps, i));
	depgraph_set(u->e->files, &u->deps, all.v, 0);
	strmap_free(&seen);
	strv_free(&all);
}

static void take_success(struct unit *u, struct compile *c)
{
	unit_drop_object(u);
	u->object = c->object;
	u->own = true;
	u->opened = c->opened;
	c->object = NULL;
	c->opened = NULL;
	unit_know(u, c->hash);
	u->inputs = unit_inputs(u);
	for (size_t i = 0; i < u->nmodules; i++)
		state_note(u->modules[i]);
}

/*
 * Its files as C read them; true: one may have changed under C's eyes. WRITTEN
 * gets those that were written since they were looked at: their events may be
 * on the way, but may also have come and found the old content back (seen with
 * git going there and back while 200 files were compiled).
 */
static bool take_deps(struct unit *u, struct compile *c, struct strv *written)
{
	bool late = c->stamp != depgraph_stamp(&u->deps);

	if (c->ok && c->deps.n)
		late |= depgraph_set(u->e->files, &u->deps, c->deps.v,
				     c->started_wall);
	else
		deps_widen(u, c);
	unit_watch_deps(u);
	if (!c->cancelled)
		depgraph_written(&u->deps, written);
	return late || written->n;
}

static void take_result(struct unit *u, struct compile *c, struct strv *written)
{
	bool late = take_deps(u, c, written);

	u->state = UNIT_DIRTY;
	if (u->set && (!u->set->started || c->started < u->set->started))
		u->set->started = c->started;
	if (u->set && c->ended > u->set->compiled)
		u->set->compiled = c->ended;
	if (c->cancelled || u->again || late)
		return;
	unit_drop_errors(u);
	if (c->ok) {
		unit_take_warnings(u, c->output);
		take_success(u, c);
	} else {
		u->state = UNIT_FAILED;
		u->output = diagnostics_errors(c->output);
		diagnostics_parse(&u->diagnostics, u->output, u->dir);
		diagnostics_readable(u->output);
	}
	if (!u->set)
		return;
	u->set->total++;
	u->set->begun = set_waiting(u->set); /* progress is to be told */
}

static void compiled(struct compile *c, void *arg)
{
	struct unit *u = arg;
	struct engine *e = u->e;
	struct strv written = {0};
	uint64_t first = c->started;

	u->compile = NULL;
	if (u->nmodules)
		take_result(u, c, &written);
	else
		unit_free(u);
	if (c->object)
		unlink(c->object);
	compile_free(c);
	free(c);
	change_files((const char *const *)written.v, written.n, false, first,
		     e);
	strv_free(&written);
}

static void compile(struct unit *u)
{
	struct compile *c = xcalloc(1, sizeof(*c));
	struct program *p = u->modules[0]->program;
	char *name = xasprintf("watch/%d-%u.o", (int)getpid(), ++u->e->serial);

	u->state = UNIT_BUILDING;
	u->again = false;
	u->compile = c;
	c->object = program_folder(p, name);
	c->depfile = xasprintf("%s.d", c->object);
	c->stamp = depgraph_stamp(&u->deps);
	c->argv = compile_argv(u, c);
	c->env = toolchain_env(u->env);
	c->dir = u->dir;
	c->done = compiled;
	c->arg = u;
	free(name);
	u->set->begun = true;
	compile_start(u->e->build, c);
}

void unit_build(struct unit *u)
{
	uint64_t inputs;

	if (!file_exists(u->source)) {
		if (!change_lasts(u->e, u->source, u->set->first))
			return; /* git replaces it: we are called again */
		u->state = UNIT_GONE;
		unit_drop_errors(u);
		engine_notice(u->e, EVENT_NOTICE,
			      "%s: its source is gone; what was loaded of it "
			      "stays",
			      unit_name(u));
		return;
	}
	inputs = u->force || !u->hash[0] ? 0 : unit_inputs(u);
	if (inputs && inputs == u->inputs) {
		unit_drop_errors(u);
		unit_know(u, u->hash);
		u->set->total++;
		return;
	}
	compile(u);
}
