/* SPDX-License-Identifier: MIT
 *
 * What the engine tells when it is asked: the results of the methods watch/...
 * in docs/architecture.md. Nothing is kept for this; every answer is made from
 * what the engine decides with.
 */
#include "watcher/engine-internal.h"

#include "watcher/held.h"
#include "watcher/paths.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *engine_project(const struct engine *e)
{
	return e->root;
}

char *engine_socket(const char *runtime, const char *root)
{
	return xasprintf("%s/watch-%016llx.sock", runtime,
			 (unsigned long long)fnv1a64(root, strlen(root)));
}

cJSON *engine_hello(struct engine *e)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "pid", getpid());
	cJSON_AddStringToObject(o, "root", e->root);
	cJSON_AddStringToObject(o, "version", HOTWATCH_VERSION);
	cJSON_AddBoolToObject(o, "ready", e->ready);
	return o;
}

/* --- status -------------------------------------------------------------- */

static size_t count_behind(const struct peer *p)
{
	size_t n = 0;

	for (size_t i = 0; p->program && i < p->program->nmodules; i++) {
		const struct module *m = p->program->modules[i];

		n += peer_differs(p, m) || m->unit->state == UNIT_FAILED ||
		     m->unit->state == UNIT_DIRTY ||
		     m->unit->state == UNIT_BUILDING;
	}
	return n;
}

static bool is_refusing(const struct peer *p)
{
	for (const struct set *s = p->e->sets; s; s = s->next)
		if (set_refused(s, p->session->pid))
			return true;
	return false;
}

static const char *peer_state(const struct peer *p, size_t behind)
{
	if (!p->program)
		return "unusable";
	if (p->session->silent)
		return "silent";
	if (p->busy || round_of_program(p->program))
		return "loading";
	if (is_refusing(p))
		return "refused";
	return behind ? "behind" : "current";
}

static cJSON *peer_json(const struct peer *p)
{
	cJSON *o = cJSON_CreateObject();
	size_t behind = count_behind(p);

	cJSON_AddNumberToObject(o, "pid", p->session->pid);
	cJSON_AddStringToObject(o, "program", p->session->program);
	cJSON_AddStringToObject(o, "name", path_base(p->session->program));
	cJSON_AddStringToObject(o, "state", peer_state(p, behind));
	if (p->reason)
		cJSON_AddStringToObject(o, "reason", p->reason);
	cJSON_AddNumberToObject(o, "modules",
				cJSON_GetArraySize(p->session->loaded));
	cJSON_AddNumberToObject(o, "behind", (double)behind);
	cJSON_AddNumberToObject(o, "old", p->session->old);
	cJSON_AddItemToObject(o, "held", held_status(p));
	return o;
}

/* With its diagnostics D if they are newer than KNOWN. */
static cJSON *said_json(const struct unit *u, const struct diagnostics *d,
			uint64_t known)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "module", unit_name(u));
	cJSON_AddNumberToObject(o, "stamp", (double)u->stamp);
	if (u->stamp > known)
		cJSON_AddItemToObject(o, "diagnostics", diagnostics_json(d));
	return o;
}

static cJSON *error_json(const struct unit *u, uint64_t known)
{
	cJSON *o = said_json(u, &u->diagnostics, known);

	if (u->stamp > known)
		cJSON_AddStringToObject(o, "message",
					u->output ? u->output : "");
	return o;
}

/* Of what runs: nobody mends what nobody runs, it would stay for ever. */
static void add_units(const struct engine *e, cJSON *o, uint64_t known)
{
	cJSON *errors = cJSON_AddArrayToObject(o, "errors");
	cJSON *warnings = cJSON_AddArrayToObject(o, "warnings");
	cJSON *building = cJSON_AddArrayToObject(o, "building");

	for (const struct unit *u = e->unit_list; u; u = u->next) {
		if (!unit_needed(u))
			continue;
		if (u->state == UNIT_FAILED)
			cJSON_AddItemToArray(errors, error_json(u, known));
		if (u->standing.n)
			cJSON_AddItemToArray(warnings,
					     said_json(u, &u->standing, known));
		if (u->state == UNIT_BUILDING)
			cJSON_AddItemToArray(building,
					     cJSON_CreateString(unit_name(u)));
	}
}

static void add_settings(const struct engine *e, cJSON *o)
{
	char *path = path_join(e->root, "hotwatch.json");

	if (e->settings_error)
		cJSON_AddItemToObject(o, "settings",
				      settings_fault(e->settings_error, path));
	free(path);
}

cJSON *engine_status(struct engine *e, uint64_t known)
{
	cJSON *o = cJSON_CreateObject(), *targets;

	cJSON_AddStringToObject(o, "root", e->root);
	targets = cJSON_AddArrayToObject(o, "targets");
	for (const struct peer *p = e->peers; p; p = p->next)
		if (p->mine)
			cJSON_AddItemToArray(targets, peer_json(p));
	cJSON_AddNumberToObject(o, "stamp", (double)e->stamp);
	add_units(e, o, known);
	add_settings(e, o);
	return o;
}

/* --- modules ------------------------------------------------------------- */

bool peer_named(const struct peer *p, const char *target)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", p->session->pid);
	return !target || !*target || !strcmp(pid, target) ||
	       !strcmp(path_base(p->session->program), target);
}

cJSON *engine_modules(struct engine *e, const char *target)
{
	cJSON *o = cJSON_CreateObject(), *list;

	list = cJSON_AddArrayToObject(o, "targets");
	for (const struct peer *p = e->peers; p; p = p->next) {
		cJSON *t;

		if (!p->mine || !peer_named(p, target))
			continue;
		t = cJSON_CreateObject();
		cJSON_AddNumberToObject(t, "pid", p->session->pid);
		cJSON_AddItemToObject(t, "modules",
				      cJSON_Duplicate(p->session->loaded,
						      true));
		cJSON_AddItemToArray(list, t);
	}
	return o;
}

static void which_add(cJSON *list, const struct peer *p, const char *name)
{
	const struct session_module *has = session_module(p->session, name);
	cJSON *o;

	if (!has)
		return;
	o = cJSON_CreateObject();
	cJSON_AddNumberToObject(o, "pid", p->session->pid);
	cJSON_AddNumberToObject(o, "version", has->version);
	cJSON_AddStringToObject(o, "hash", has->hash);
	cJSON_AddStringToObject(o, "file", has->file);
	cJSON_AddItemToArray(list, o);
}

static const struct module *find_anywhere(struct engine *e, const char *name)
{
	const struct module *m = NULL;
	int ambiguous;

	for (struct program *p = e->programs; p && !m; p = p->next)
		m = ask_module(p, name, &ambiguous);
	return m;
}

cJSON *engine_which(struct engine *e, const char *module, const char **reason,
		    char **err)
{
	const struct module *m = find_anywhere(e, module);
	cJSON *o, *list;

	if (!m) {
		*reason = ask_wrong(e, module, err);
		return NULL;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "module", m->m->name);
	cJSON_AddStringToObject(o, "source", m->m->source);
	list = cJSON_AddArrayToObject(o, "targets");
	for (const struct peer *p = e->peers; p; p = p->next)
		if (p->mine)
			which_add(list, p, m->m->name);
	return o;
}

cJSON *engine_log(struct engine *e, uint64_t after)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToObject(o, "events", eventlog_json(e->log, after));
	return o;
}

char *engine_root(const char *dir, const char *program)
{
	struct manifest *m = NULL;
	char *path, *real, *root = NULL;

	if (program) {
		real = path_real(program);
		path = xasprintf("%s.hot/manifest.json", real);
		if (manifest_read(&m, path, NULL) == 0 && m->root)
			root = xstrdup(m->root);
		manifest_free(m);
		free(path);
		free(real);
	}
	real = path_real(dir);
	if (!root)
		root = path_project(real);
	if (!root)
		return real;
	free(real);
	return root;
}
