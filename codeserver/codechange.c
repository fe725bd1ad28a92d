/* SPDX-License-Identifier: MIT
 *
 * After variables that move were filled by their plans, and before the publish,
 * the new version's function runs, in a process of its own (onload.c). The gate
 * (gate.h) is closed: nobody is inside who could use the module's variables,
 * and nobody comes in. Its own local calls are the new version's, and so are
 * its qualified calls of modules of the set, since the state is the new one's.
 *
 * A version that is left for an older one has the say on the way back, as in
 * Erlang ({down, Vsn}): the older one cannot know what came after it. Its
 * function then runs in the old code, and writes to the older version's
 * variables by hw_change_new.
 *
 * Before it starts all variables of its module are copied. What the function
 * asks for by hw_change_old is that copy, so that it may change a variable in
 * place and still read what it was; if it fails, dies or takes too long, that
 * copy is put back, byte for byte. New storages are just given up. Memory that
 * the program has allocated is the user's affair: a function that changes such
 * memory should do so last.
 *
 * One that must be ended and cannot be, because it waits where no process can
 * be ended, keeps the gate closed: to open it would let others see half a
 * change.
 */
#include "codeserver/codechange.h"

#include <stdlib.h>
#include <string.h>

#include "codeserver/arena.h"
#include "codeserver/gate.h"
#include "codeserver/include/hotwatch/code.h"
#include "codeserver/process-internal.h"
#include "codeserver/server.h"

#define API __attribute__((visibility("default")))

/* A variable as it was. */
struct kept {
	const char *id;
	uintptr_t not_addr;
	uint64_t size;
	unsigned char *copy;
};

struct code_change {
	struct load_set *set;
	struct kept *kept;
	size_t nkept;
	size_t at; /* the part at work */
	struct hw_change change;
	struct on_load run;
	struct server_timer timer;
	unsigned deadline_ms;
	bool late;
	struct hw_failure *f;
	void (*done)(void *arg, int result);
	void *arg;
};

/* The one whose set is not published yet: there is one gate at a time. */
static struct code_change *running;

/* --- which ---------------------------------------------------------------- */

/* The version whose function is run for P. */
static struct hw_version *speaker(const struct load_set *s,
				  const struct part *p)
{
	return s->down ? p->item->mod->current : p->version;
}

static void *part_hook(const struct load_set *s, const struct part *p)
{
	const struct hw_version *v = p->version ? speaker(s, p) : NULL;

	return v && p->item->mod->current
		   ? load_hook(&v->image, "hw.code_change")
		   : NULL;
}

bool code_change_any(const struct load_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (part_hook(s, &s->parts[i]))
			return true;
	return false;
}

size_t code_change_nvars(const struct part *p)
{
	const struct hw_version *v = p->item->mod->current;

	return v ? v->image.desc->nvars : 0;
}

static bool wanted(const struct hw_module *d, const struct hw_var *v)
{
	const struct hw_variable *was = registry_var(desc_str(d, v->name));

	return was && !var_private(d, v, was) && !(v->flags & HW_VAR_TLS) &&
	       !(was->flags & HW_VAR_CONST);
}

size_t code_change_ids(const struct load_set *s, const char **ids, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct hw_module *d;

		if (!part_hook(s, &s->parts[i]))
			continue;
		d = s->parts[i].item->mod->current->image.desc;
		for (uint32_t k = 0; k < d->nvars && n < max; k++)
			if (wanted(d, &desc_vars(d)[k]))
				ids[n++] = desc_str(d, desc_vars(d)[k].name);
	}
	return n;
}

/* --- the copy ------------------------------------------------------------- */

static int keep_var(struct code_change *c, const char *id)
{
	const struct hw_variable *v = registry_var(id);
	struct kept *all = realloc(c->kept, (c->nkept + 1) * sizeof(*all));

	if (!all)
		return -1;
	c->kept = all;
	all += c->nkept;
	*all = (struct kept){.id = id,
			     .not_addr = ~(uintptr_t)v->addr,
			     .size = v->size,
			     .copy = malloc(v->size + 1)};
	if (!all->copy)
		return -1;
	raw_copy(all->copy, v->addr, v->size);
	c->nkept++;
	return 0;
}

static int keep_all(struct code_change *c)
{
	size_t max = 1, n;
	const char **ids;
	int r = 0;

	for (size_t i = 0; i < c->set->n; i++)
		max += code_change_nvars(&c->set->parts[i]);
	ids = calloc(max, sizeof(*ids));
	n = ids ? code_change_ids(c->set, ids, max) : 0;
	for (size_t i = 0; ids && r == 0 && i < n; i++)
		r = keep_var(c, ids[i]);
	r = ids ? r : -1;
	free(ids);
	return r;
}

static void put_back(const struct code_change *c)
{
	for (size_t i = 0; i < c->nkept; i++) {
		const struct kept *k = &c->kept[i];

		if (!raw_equal((void *)~k->not_addr, k->copy, k->size))
			raw_copy((void *)~k->not_addr, k->copy, k->size);
	}
}

/* --- one after another ---------------------------------------------------- */

void code_change_undo(const struct load_set *s)
{
	if (!running || running != s->change)
		return;
	put_back(running);
	running = NULL;
}

void code_change_commit(const struct load_set *s)
{
	if (running == s->change)
		running = NULL;
}

static void finished(struct code_change *c, int result)
{
	server_never(&c->timer);
	if (result < 0)
		code_change_undo(c->set);
	c->done(c->arg, result);
}

static void next_start(struct code_change *c);

static void ended(struct on_load *o, int result)
{
	struct code_change *c =
	    (struct code_change *)(void *)((char *)o -
					   offsetof(struct code_change, run));
	const char *name = o->mod->name;

	server_never(&c->timer);
	if (result == 0) {
		c->at++;
		next_start(c);
		return;
	}
	if (c->late)
		failure_set(c->f, "code_change_failed", name, NULL,
			    "%s: its code_change did not return in %u ms; code "
			    "and variables are as they were",
			    name, c->deadline_ms);
	else if (o->died)
		failure_set(c->f, "code_change_failed", name, NULL,
			    "%s: its code_change did not return; code and "
			    "variables are as they were",
			    name);
	else
		failure_set(c->f, "code_change_failed", name, NULL,
			    "%s: its code_change returned %d, not 0; code and "
			    "variables are as they were",
			    name, o->returned);
	finished(c, -1);
}

static void too_late(struct server_timer *timer)
{
	struct code_change *c =
	    (struct code_change *)(void *)((char *)timer -
					   offsetof(struct code_change, timer));

	c->late = true;
	processes_kill(&c->run.pid, 1, "killed");
}

static void next_start(struct code_change *c)
{
	struct load_set *s = c->set;
	struct part *p;
	void *fn = NULL;

	for (; c->at < s->n; c->at++) {
		fn = part_hook(s, &s->parts[c->at]);
		if (fn)
			break;
	}
	if (!fn) {
		finished(c, 0);
		return;
	}
	p = &s->parts[c->at];
	c->change = (struct hw_change){.module = p->item->mod->name,
				       .from = p->item->mod->current->number,
				       .to = p->item->mod->next,
				       .down = s->down,
				       .extra = s->extra ? s->extra : "",
				       .internal = c};
	c->late = false;
	c->run = (struct on_load){.mod = p->item->mod,
				  .done = ended,
				  .change = &c->change};
	c->timer.run = too_late;
	if (on_load_start(&c->run, (int (*)(void))fn) == 0) {
		server_later(&c->timer, c->deadline_ms);
		return;
	}
	failure_set(c->f, "code_change_failed", p->item->mod->name, NULL,
		    "%s: no process could be made for its code_change",
		    p->item->mod->name);
	finished(c, -1);
}

void code_change_run(struct load_set *s, unsigned deadline_ms,
		     struct hw_failure *f, void (*done)(void *arg, int result),
		     void *arg)
{
	struct code_change *c = calloc(1, sizeof(*c));

	s->change = c;
	if (!c || !code_change_any(s)) {
		if (!c)
			load_no_memory(f);
		done(arg, c ? 0 : -1);
		return;
	}
	c->set = s;
	c->f = f;
	c->deadline_ms = deadline_ms;
	c->done = done;
	c->arg = arg;
	if (keep_all(c) == 0) {
		running = c;
		next_start(c);
		return;
	}
	load_no_memory(f);
	done(arg, -1);
}

void code_change_forked(void)
{
	if (running)
		put_back(running);
	running = NULL;
}

void code_change_free(struct load_set *s)
{
	struct code_change *c = s->change;

	for (size_t i = 0; c && i < c->nkept; i++) {
		explicit_bzero(c->kept[i].copy, c->kept[i].size);
		free(c->kept[i].copy);
	}
	free(c ? c->kept : NULL);
	free(c);
	s->change = NULL;
}

/* --- what it may ask ------------------------------------------------------ */

static void *entry_in(const struct hw_version *v, const char *id)
{
	const struct hw_module *d = v->image.desc;

	for (uint32_t k = 0; k < d->nfuncs; k++)
		if (!strcmp(desc_str(d, desc_funcs(d)[k].name), id))
			return desc_at(&desc_funcs(d)[k].entry);
	return NULL;
}

void *code_change_entry(void *arg, pid_t tid, uint32_t index)
{
	const struct load_set *s = arg;
	const char *id = registry_func_id(index);
	void *entry = NULL;

	if (!s->change || !s->change->run.mod ||
	    !on_load_runs(s->change->run.mod, tid))
		return NULL;
	for (size_t i = 0; id && !s->down && !entry && i < s->n; i++)
		if (s->parts[i].version)
			entry = entry_in(s->parts[i].version, id);
	return entry ? entry : gate_entry(index);
}

/* The process that runs it; the code server's thread leaves the set alone
 * meanwhile. */
API const void *hw_change_old(const struct hw_change *change, const char *name,
			      unsigned long *size)
{
	const struct code_change *c = change->internal;
	size_t len = strlen(change->module);

	for (size_t i = 0; i < c->nkept; i++) {
		const struct kept *k = &c->kept[i];

		if (strcmp(k->id, name) &&
		    (strcmp(var_bare(k->id), name) ||
		     (strchr(k->id, ':') &&
		      strncmp(k->id, change->module, len))))
			continue;
		if (size)
			*size = k->size;
		return k->copy;
	}
	return NULL;
}

API void *hw_change_new(const struct hw_change *change, const char *name,
			unsigned long *size)
{
	const struct code_change *c = change->internal;
	const struct part *p = &c->set->parts[c->at];
	const struct hw_module *d = p->version->image.desc;

	for (uint32_t k = 0; k < d->nvars; k++) {
		const struct hw_var *v = &desc_vars(d)[k];
		const char *id = desc_str(d, v->name);

		if (!p->canonical[k] ||
		    (strcmp(id, name) && strcmp(var_bare(id), name)))
			continue;
		if (size)
			*size = v->size;
		return p->canonical[k];
	}
	return NULL;
}
