/* SPDX-License-Identifier: MIT
 *
 * A translation unit: what its content should be.
 *
 *   NEW --assess--> KNOWN <--compiled-- BUILDING <--pump-- DIRTY
 *                                          |                ^
 *                                          v                |
 *                                        FAILED --touched---+
 *
 * A change while it is compiled marks it (again) and the result is thrown
 * away: what was compiled may be half of one save and half of the next. To
 * kill the compiler at once was tried and rejected: saves that come faster
 * than a compile takes would start one each and finish none.
 *
 * The content is known without compiling if the files are those that once gave
 * it (state.json), or if the user's own object is newer than all of them: the
 * rule of make, with its weakness, which only matters at the first start.
 */
#include "watcher/engine-internal.h"

#include "watcher/object.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- identity ------------------------------------------------------------ */

static void key_add(struct text *t, const char *s)
{
	text_puts(t, s ? s : "");
	text_add(t, "\n", 1);
}

static char *unit_key(const struct manifest_module *m)
{
	struct text t = {0};

	key_add(&t, m->source);
	key_add(&t, m->dir);
	for (char **s = m->command; s && *s; s++)
		key_add(&t, *s);
	key_add(&t, "");
	for (char **s = m->env; s && *s; s++)
		key_add(&t, *s);
	return text_take(&t);
}

static char **copyv(char *const *v)
{
	struct strv l = {0};

	strv_addv(&l, (const char *const *)v);
	return strv_take(&l);
}

struct unit *unit_get(struct engine *e, const struct manifest_module *m)
{
	char *key = unit_key(m);
	struct unit *u = strmap_get(&e->units, key);

	if (u) {
		free(key);
		return u;
	}
	u = xcalloc(1, sizeof(*u));
	u->e = e;
	u->key = key;
	u->source = xstrdup(m->source);
	u->dir = xstrdup(m->dir);
	u->command = copyv(m->command);
	u->env = copyv(m->env);
	u->deps.owner = u;
	u->next = e->unit_list;
	e->unit_list = u;
	strmap_put(&e->units, key, u);
	return u;
}

void unit_use(struct unit *u, struct module *m)
{
	u->modules =
	    xrealloc(u->modules, (u->nmodules + 1) * sizeof(*u->modules));
	u->modules[u->nmodules++] = m;
}

const char *unit_name(const struct unit *u)
{
	return u->nmodules ? u->modules[0]->m->name : u->source;
}

bool unit_needed(const struct unit *u)
{
	for (size_t i = 0; i < u->nmodules; i++)
		if (u->modules[i]->program->attached)
			return true;
	return false;
}

/* --- the object ---------------------------------------------------------- */

static void drop_object(struct unit *u)
{
	if (u->opened)
		object_close(u->opened);
	if (u->own)
		unlink(u->object);
	free(u->object);
	free(u->member);
	u->opened = NULL;
	u->object = u->member = NULL;
	u->own = false;
}

static void drop_errors(struct unit *u)
{
	free(u->output);
	u->output = NULL;
	diagnostics_free(&u->diagnostics);
}

static void unit_remove(struct unit *u)
{
	struct unit **p = &u->e->unit_list;

	while (*p != u)
		p = &(*p)->next;
	*p = u->next;
	strmap_remove(&u->e->units, u->key);
}

void unit_free(struct unit *u)
{
	set_leave(u);
	unit_cool(u);
	unit_remove(u);
	depgraph_clear(u->e->files, &u->deps);
	drop_object(u);
	drop_errors(u);
	diagnostics_free(&u->warnings);
	free(u->key);
	free(u->source);
	free(u->dir);
	freev(u->command);
	freev(u->env);
	free(u->modules);
	free(u);
}

/* Freed when its compiler has ended, if it is being compiled. */
void unit_unuse(struct unit *u, struct module *m)
{
	if (u->warm_for == m)
		unit_cool(u);
	for (size_t i = 0; i < u->nmodules; i++)
		if (u->modules[i] == m)
			u->modules[i--] = u->modules[--u->nmodules];
	if (!u->nmodules && !u->compile)
		unit_free(u);
}

/* --- what is known without compiling ------------------------------------- */

static uint64_t unit_inputs(const struct unit *u)
{
	uint64_t files = depgraph_inputs(&u->deps);
	uint64_t id;

	if (!files)
		return 0;
	id = toolchain_identity(u->command[0]);
	id ^= fnv1a64(u->key, strlen(u->key));
	return (files ^ id) | 1;
}

static int64_t time_of(const char *path)
{
	struct stat st;

	if (!path || stat(path, &st) < 0)
		return -1;
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

static bool older_than(char *const *files, int64_t when)
{
	for (; files && *files; files++) {
		int64_t t = time_of(*files);

		if (t < 0 || t > when)
			return false;
	}
	return true;
}

/* The manifest's hash is that of its object, and that is up to date. */
static bool manifest_current(const struct module *m)
{
	int64_t built = time_of(m->m->object);

	if (built < 0)
		built = time_of(m->m->archive);
	return built >= 0 && lenv(m->m->deps) > 0 &&
	       older_than(m->m->deps, built) &&
	       built <= time_of(m->program->manifest->path);
}

/* M's own object holds the content that is wanted. */
static void adopt_object(struct unit *u, const struct module *m)
{
	drop_object(u);
	if (m->m->archive) {
		u->object = xstrdup(m->m->archive);
		u->member = xstrdup(path_base(m->m->object));
	} else {
		u->object = xstrdup(m->m->object);
	}
}

static void watch_deps(struct unit *u)
{
	for (size_t i = 0; i < u->deps.n; i++)
		change_watch(u->e, depgraph_path(&u->deps, i));
}

static void know(struct unit *u, const char *hash)
{
	u->state = UNIT_KNOWN;
	u->force = false;
	if (hash != u->hash)
		memcpy(u->hash, hash, sizeof(u->hash) - 1);
}

static void take_known_deps(struct unit *u, char *const *deps)
{
	char *only[] = {u->source, NULL};

	depgraph_set(u->e->files, &u->deps, lenv(deps) ? deps : only, 0);
	watch_deps(u);
}

void unit_assess(struct unit *u, struct module *m)
{
	struct state_entry *known = strmap_get(&m->program->state, m->m->name);
	uint64_t inputs;

	if (u->state == UNIT_NEW)
		take_known_deps(u, known && known->deps ? known->deps
							: m->m->deps);
	else if (u->state != UNIT_DIRTY && u->state != UNIT_FAILED)
		return;
	inputs = unit_inputs(u);
	if (known && inputs && known->inputs == inputs) {
		know(u, known->hash);
	} else if (strlen(m->m->hash) == 32 && manifest_current(m)) {
		take_known_deps(u, m->m->deps);
		know(u, m->m->hash);
	} else if (u->state == UNIT_NEW) {
		u->state = UNIT_DIRTY;
	}
	if (u->state != UNIT_KNOWN)
		return;
	drop_errors(u);
	u->inputs = unit_inputs(u);
	if (!strcmp(u->hash, m->m->hash))
		adopt_object(u, m);
}

void unit_touch(struct unit *u)
{
	if (u->state == UNIT_NEW)
		return;
	unit_cool(u);
	if (u->state != UNIT_BUILDING)
		u->state = UNIT_DIRTY;
	else if (u->compile->started)
		u->again = true;
}

/* --- compiling ----------------------------------------------------------- */

static char **compile_argv(struct unit *u, const struct compile *c)
{
	const struct settings *s = &u->e->settings;
	struct strv argv = {0};

	strv_addv(&argv, (const char *const *)s->compiler_launcher);
	strv_add(&argv, s->compiler ? s->compiler : u->command[0]);
	strv_addv(&argv, (const char *const *)u->command + 1);
	strv_add(&argv, "-fno-color-diagnostics");
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
	drop_object(u);
	u->object = c->object;
	u->own = true;
	u->opened = c->opened;
	c->object = NULL;
	c->opened = NULL;
	know(u, c->hash);
	u->inputs = unit_inputs(u);
	for (size_t i = 0; i < u->nmodules; i++)
		state_note(u->modules[i]);
}

/* Its files as C read them; true: one may have changed under C's eyes. */
static bool take_deps(struct unit *u, struct compile *c)
{
	bool late = false;

	if (c->ok && c->deps.n)
		late = depgraph_set(u->e->files, &u->deps, c->deps.v,
				    c->started_wall);
	else
		deps_widen(u, c);
	watch_deps(u);
	return late;
}

/* Only what is new since the last compile is worth telling: old programs have
 * hundreds. Before the first one nothing is known of what is new. */
static void take_warnings(struct unit *u, const struct compile *c)
{
	struct diagnostics all = {0};

	diagnostics_parse(&all, c->output, u->dir);
	diagnostics_merge(&u->diagnostics, &all);
	diagnostics_subtract(&u->diagnostics, u->warned ? &u->warnings : &all);
	diagnostics_free(&u->warnings);
	u->warnings = all;
	u->warned = true;
}

static void take_result(struct unit *u, struct compile *c)
{
	bool late = take_deps(u, c);

	u->state = UNIT_DIRTY;
	if (u->set && (!u->set->started || c->started < u->set->started))
		u->set->started = c->started;
	if (u->set && c->ended > u->set->compiled)
		u->set->compiled = c->ended;
	if (c->cancelled || u->again || late) {
		unit_cool(u);
		return;
	}
	drop_errors(u);
	if (c->ok) {
		take_warnings(u, c);
		take_success(u, c);
	} else {
		u->state = UNIT_FAILED;
		unit_cool(u);
		u->output = diagnostics_errors(c->output);
		diagnostics_parse(&u->diagnostics, u->output, u->dir);
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

	u->compile = NULL;
	if (u->nmodules)
		take_result(u, c);
	else
		unit_free(u);
	if (c->object)
		unlink(c->object);
	compile_free(c);
	free(c);
	engine_pump(e);
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
	c->argv = compile_argv(u, c);
	c->env = toolchain_env(u->env);
	c->dir = u->dir;
	c->done = compiled;
	c->arg = u;
	free(name);
	u->set->begun = true;
	compile_start(u->e->build, c);
	unit_warm(u);
}

void unit_build(struct unit *u)
{
	uint64_t inputs;

	if (!file_exists(u->source)) {
		u->state = UNIT_GONE;
		drop_errors(u);
		engine_notice(u->e, EVENT_NOTICE,
			      "%s: its source is gone; what was loaded of it "
			      "stays",
			      unit_name(u));
		return;
	}
	inputs = u->force || !u->hash[0] ? 0 : unit_inputs(u);
	if (inputs && inputs == u->inputs) {
		drop_errors(u);
		know(u, u->hash);
		u->set->total++;
		return;
	}
	compile(u);
}
