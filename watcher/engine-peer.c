/* SPDX-License-Identifier: MIT
 *
 * Targets that come and go.
 *
 * A target is ours if the root it was built with is ours. It says itself which
 * manifest it was started from, so a program needs no entry anywhere to be
 * served: to run it is enough.
 */
#include "watcher/engine-internal.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static void peer_free(struct peer *p)
{
	struct peer **at = &p->e->peers;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	round_peer_gone(p);
	if (p->program)
		p->program->attached--;
	held_forget(p);
	cJSON_Delete(p->fates);
	cJSON_Delete(p->exits);
	free(p->reason);
	free(p);
}

bool peer_usable(const struct peer *p)
{
	return p->program && !p->silent && !p->session->silent &&
	       !p->session->closing;
}

size_t peers_joining(const struct engine *e)
{
	size_t n = targets_pending(e->targets);

	for (const struct peer *p = e->peers; p; p = p->next)
		n += !p->session->ready;
	return n;
}

bool peer_differs(const struct peer *p, const struct module *m)
{
	const struct session_module *has;

	if (m->unit->state != UNIT_KNOWN)
		return false;
	has = session_module(p->session, m->m->name);
	return !has || strcmp(has->hash, m->unit->hash) != 0;
}

void peer_compare(struct peer *p, enum set_why why)
{
	struct program *program = p->program;
	struct set *s = NULL;

	if (!p->e->settings.reload_on_save)
		return;
	for (size_t i = 0; i < program->nmodules; i++) {
		struct unit *u = program->modules[i]->unit;

		if (!u->set && (u->state == UNIT_DIRTY ||
				peer_differs(p, program->modules[i])))
			s = set_join(s, u, why, uv_hrtime());
	}
}

static void tell(struct peer *p, enum event_kind kind, const char *message)
{
	struct event *ev = event_new(kind);
	struct event_target *t = event_add_target(ev, p->session->pid);

	t->ok = kind != EVENT_ATTACHED || p->program;
	t->message = p->reason ? xstrdup(p->reason) : NULL;
	ev->message = xstrdup(message);
	engine_tell(p->e, ev);
}

/* Which program it runs, and what of it is behind. */
static void attach(struct peer *p)
{
	struct session *s = p->session;
	char *err = NULL;

	if (!s->reloadable) {
		p->reason = xstrdup(*s->reason ? s->reason : "not reloadable");
		return;
	}
	p->program = program_get(p->e, s->manifest, &err);
	if (!p->program) {
		p->reason = err;
		return;
	}
	program_attach(p->program);
}

static bool is_ours(const struct engine *e, const struct session *s)
{
	char *root = path_real(s->root);
	bool is = !strcmp(root, e->root);

	free(root);
	return is;
}

static void ready(struct session *s, void *arg)
{
	struct peer *p = arg;
	struct engine *e = p->e;

	if (!is_ours(e, s)) {
		targets_result(e->targets, s->path, TARGETS_FOREIGN);
		peer_close(p);
		engine_pump(e);
		return;
	}
	p->mine = true;
	attach(p);
	tell(p, EVENT_ATTACHED, s->program);
	held_attached(p);
	if (p->program)
		peer_compare(p, SET_ATTACH);
	engine_pump(e);
}

/* It was stopped, in a debugger perhaps, and missed what went on. */
static void speaks_again(struct peer *p, struct session *s)
{
	p->silent = false;
	for (struct set *set = p->e->sets; set; set = set->next)
		set_forgive(set, s->pid);
	if (p->program)
		peer_compare(p, SET_ATTACH);
}

/* What it has may free a place, a file, or a set. */
static void changed(struct session *s, void *arg)
{
	struct peer *p = arg;

	if (p->program)
		files_collect(p->program);
	if (p->silent)
		speaks_again(p, s);
	engine_pump(p->e);
}

static void told(struct session *s, const char *method, const cJSON *params,
		 void *arg)
{
	struct peer *p = arg;

	(void)s;
	if (p->mine)
		held_told(p, method, params);
}

static void lost(struct session *s, bool refused, const char *why, void *arg)
{
	struct peer *p = arg;
	struct engine *e = p->e;
	bool was_ready = s->ready;

	if (p->mine)
		tell(p, EVENT_LOST, why);
	for (struct set *set = e->sets; set; set = set->next)
		set_forgive(set, s->pid);
	targets_result(e->targets, s->path,
		       was_ready && !refused ? TARGETS_LOST : TARGETS_REFUSED);
	peer_free(p);
	engine_pump(e);
}

static const struct session_callbacks callbacks = {ready, changed, told, lost};

void peer_found(const char *path, int pid, void *engine)
{
	struct engine *e = engine;
	struct peer *p = xcalloc(1, sizeof(*p));

	p->e = e;
	p->next = e->peers;
	e->peers = p;
	p->session =
	    session_open(e->loop, path, pid, e->answer_ms, &callbacks, p);
	p->session->owner = p;
}

void peer_close(struct peer *p)
{
	session_close(p->session);
	peer_free(p);
}
