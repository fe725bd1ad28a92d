/* SPDX-License-Identifier: MIT
 *
 * From changed files to units that must be compiled.
 *
 * The watch tells which files may have changed; only content counts here, so
 * `touch`, an identical save and git's going there and back end at once.
 *
 * A file that is gone is mostly on its way back: vim moves the old one aside
 * before it writes the new one. So its absence counts only when it has lasted
 * ABSENT_MS; a build before that would show an error that was never true, and
 * a unit given up before that would stay so, if the file comes back as it was.
 */
#include "watcher/engine-internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ABSENT_MS 150
#define KEPT_NAMED 3

/* One batch: everything that it touches is one set. */
struct change {
	struct engine *e;
	struct set *set;
	uint64_t first;
	struct strv kept; /* modules that wait to be asked for */
};

static void take_path(struct change *c, const char *path);

/* Saves are not loaded by themselves; one that is undone is none. */
static void keep_back(struct change *c, struct unit *u)
{
	if (u->state == UNIT_DIRTY && u->hash[0] && u->inputs &&
	    unit_inputs(u) == u->inputs)
		unit_know(u, u->hash);
	strv_add(&c->kept, unit_name(u));
}

static void touch(void *owner, void *arg)
{
	struct unit *u = owner;
	struct change *c = arg;

	unit_touch(u);
	if (u->state == UNIT_NEW || !unit_needed(u))
		return;
	if (c->e->settings.reload_on_save)
		c->set = set_join(c->set, u, SET_SAVE, c->first);
	else
		keep_back(c, u);
}

/* A save that nothing is said of looks like one that nobody saw. */
static void tell_kept(struct change *c)
{
	struct text names = {0};

	for (size_t i = 0; i < c->kept.n && i < KEPT_NAMED; i++)
		text_printf(&names, "%s%s", i ? ", " : "", c->kept.v[i]);
	if (c->kept.n > KEPT_NAMED)
		text_printf(&names, " and %zu more", c->kept.n - KEPT_NAMED);
	if (c->kept.n)
		engine_notice(c->e, EVENT_NOTICE,
			      "%s: saved, and not loaded (reload_on_save is "
			      "false); `hotwatch load %s` does",
			      names.s, c->kept.v[0]);
	text_free(&names);
	strv_free(&c->kept);
}

/* A new file may be the one whose absence kept a unit from compiling. */
static void retry_failed(struct change *c, const char *path)
{
	const char *name = path_base(path);

	for (struct unit *u = c->e->unit_list; u; u = u->next)
		if (u->state == UNIT_FAILED && u->output &&
		    strstr(u->output, name))
			touch(u, c);
}

static void note_manifest(struct engine *e, const char *path)
{
	for (struct program *p = e->programs; p; p = p->next)
		if (!strcmp(p->manifest->path, path))
			p->reread = true;
}

/* The user edits the settings: a slip must not end the watch. */
static void take_settings(struct engine *e, const char *path)
{
	struct settings s;
	char *err = NULL;

	if (strlen(path) - strlen("/hotwatch.json") != strlen(e->root))
		return;
	settings_init(&s);
	free(e->settings_error);
	e->settings_error = NULL;
	if (settings_read(&s, path, &err) < 0) {
		engine_notice(e, EVENT_NOTICE, "%s; as it was before", err);
		settings_free(&s);
		e->settings_error = err;
		return;
	}
	settings_free(&e->settings);
	e->settings = s;
	engine_notice(e, EVENT_NOTICE, "hotwatch.json was read");
	for (struct peer *p = e->peers; p; p = p->next)
		if (p->program)
			peer_compare(p, SET_SAVE);
}

static void note_absent(struct engine *e, const char *path, uint64_t first)
{
	if (strv_has(&e->absent, path))
		return;
	if (!e->absent.n)
		e->absent_first = first;
	strv_add(&e->absent, path);
	uv_timer_start(&e->absent_timer, change_absent_due, ABSENT_MS, 0);
}

bool change_lasts(struct engine *e, const char *path, uint64_t first)
{
	if (depgraph_absent(e->files, path))
		return true;
	note_absent(e, path, first);
	return false;
}

struct below {
	const char *dir;
	struct strv paths;
};

static void add_below(const char *path, void *arg)
{
	struct below *b = arg;

	if (path_under(path, b->dir))
		strv_add(&b->paths, path);
}

/* A folder was removed or renamed: all that was known in it is looked at. */
static void take_folder(struct change *c, const char *dir)
{
	struct below b = {.dir = dir};
	struct stat st;

	if (lstat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
		return;
	depgraph_paths(c->e->files, add_below, &b);
	for (size_t i = 0; i < b.paths.n; i++)
		if (strcmp(b.paths.v[i], dir) != 0)
			take_path(c, b.paths.v[i]);
	strv_free(&b.paths);
}

/* A file that nothing was made of so far. */
static void take_unknown(struct change *c, const char *path)
{
	const char *name = path_base(path);

	if (!strcmp(name, "manifest.json")) {
		note_manifest(c->e, path);
	} else if (!strcmp(name, "hotwatch.json")) {
		take_settings(c->e, path);
	} else {
		retry_failed(c, path);
		own_changed(c->e, path);
	}
	take_folder(c, path);
}

static void take_path(struct change *c, const char *path)
{
	switch (depgraph_check(c->e->files, path)) {
	case DEPGRAPH_CHANGED:
		depgraph_users(c->e->files, path, touch, c);
		break;
	case DEPGRAPH_ABSENT:
		note_absent(c->e, path, c->first);
		break;
	case DEPGRAPH_UNKNOWN:
		take_unknown(c, path);
		break;
	case DEPGRAPH_SAME:
		break;
	}
}

static void add_path(const char *path, void *arg)
{
	strv_add(arg, path);
}

/* Events were lost: everything is compared. */
static void take_all(struct change *c)
{
	struct strv paths = {0};

	depgraph_paths(c->e->files, add_path, &paths);
	for (size_t i = 0; i < paths.n; i++)
		take_path(c, paths.v[i]);
	strv_free(&paths);
	for (struct program *p = c->e->programs; p; p = p->next)
		p->reread = true;
	targets_scan(c->e->targets);
	engine_notice(c->e, EVENT_OVERFLOW, "all files were compared anew");
}

void change_files(const char *const *paths, size_t n, bool rescan,
		  uint64_t first, void *engine)
{
	struct change c = {.e = engine, .first = first};

	for (size_t i = 0; i < n; i++)
		take_path(&c, paths[i]);
	if (rescan)
		take_all(&c);
	tell_kept(&c);
	engine_pump(c.e);
}

void change_absent_due(uv_timer_t *timer)
{
	struct engine *e = timer->data;
	struct change c = {.e = e, .first = e->absent_first};
	char **paths = strv_take(&e->absent);

	for (char **p = paths; *p; p++) {
		if (depgraph_check(e->files, *p) == DEPGRAPH_ABSENT)
			depgraph_accept_absent(e->files, *p);
		else if (depgraph_check(e->files, *p) == DEPGRAPH_SAME)
			continue;
		depgraph_users(e->files, *p, touch, &c);
	}
	freev(paths);
	tell_kept(&c);
	engine_pump(e);
}

void change_watch(struct engine *e, const char *path)
{
	char *dir = path_dir(path);

	if (!strmap_get(&e->dirs, dir)) {
		strmap_put(&e->dirs, dir, e);
		watch_add_dir(e->watch, dir, NULL);
	}
	free(dir);
}
