/* SPDX-License-Identifier: MIT
 *
 * A translation unit: what its content should be.
 *
 *   NEW --assess--> KNOWN <--compiled-- BUILDING <--pump-- DIRTY
 *                                          |                ^
 *                                          v                |
 *                                        FAILED --touched---+
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

void unit_drop_object(struct unit *u)
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

void unit_stamp(struct unit *u)
{
	u->stamp = ++u->e->stamp;
}

void unit_drop_errors(struct unit *u)
{
	unit_stamp(u);
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
	unit_remove(u);
	depgraph_clear(u->e->files, &u->deps);
	unit_drop_object(u);
	unit_drop_errors(u);
	unit_drop_warnings(u);
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
	for (size_t i = 0; i < u->nmodules; i++)
		if (u->modules[i] == m)
			u->modules[i--] = u->modules[--u->nmodules];
	if (!u->nmodules && !u->compile)
		unit_free(u);
}

/* --- what is known without compiling ------------------------------------- */

uint64_t unit_inputs(const struct unit *u)
{
	uint64_t files = depgraph_inputs(&u->deps);
	uint64_t id;

	if (!files)
		return 0;
	id = toolchain_identity(u->command[0]);
	id ^= fnv1a64(u->key, strlen(u->key));
	return (files ^ id) | 1;
}

int64_t unit_file_time(const char *path)
{
	struct stat st;

	if (!path || stat(path, &st) < 0)
		return -1;
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

static bool older_than(char *const *files, int64_t when)
{
	for (; files && *files; files++) {
		int64_t t = unit_file_time(*files);

		if (t < 0 || t > when)
			return false;
	}
	return true;
}

/* The manifest's hash is that of its object, and that is up to date. */
static bool manifest_current(const struct module *m)
{
	int64_t built = unit_file_time(m->m->object);

	if (built < 0)
		built = unit_file_time(m->m->archive);
	return built >= 0 && lenv(m->m->deps) > 0 &&
	       older_than(m->m->deps, built) &&
	       built <= unit_file_time(m->program->manifest->path);
}

/* M's own object holds the content that is wanted. */
static void adopt_object(struct unit *u, const struct module *m)
{
	unit_drop_object(u);
	if (m->m->archive) {
		u->object = xstrdup(m->m->archive);
		u->member = xstrdup(path_base(m->m->object));
	} else {
		u->object = xstrdup(m->m->object);
	}
}

void unit_watch_deps(struct unit *u)
{
	for (size_t i = 0; i < u->deps.n; i++)
		change_watch(u->e, depgraph_path(&u->deps, i));
}

void unit_know(struct unit *u, const char *hash)
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
	unit_watch_deps(u);
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
		unit_know(u, known->hash);
	} else if (strlen(m->m->hash) == 32 && manifest_current(m)) {
		take_known_deps(u, m->m->deps);
		unit_know(u, m->m->hash);
	} else if (u->state == UNIT_NEW) {
		u->state = UNIT_DIRTY;
	}
	if (u->state != UNIT_KNOWN)
		return;
	unit_drop_errors(u);
	if (inputs != u->inputs) /* of what is there now nothing is known */
		unit_drop_warnings(u);
	u->inputs = unit_inputs(u);
	if (!strcmp(u->hash, m->m->hash))
		adopt_object(u, m);
}

void unit_touch(struct unit *u)
{
	if (u->state == UNIT_NEW)
		return;
	if (u->state != UNIT_BUILDING)
		u->state = UNIT_DIRTY;
	else if (u->compile->started)
		u->again = true;
	else
		u->compile->stamp = depgraph_stamp(&u->deps);
}
