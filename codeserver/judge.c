/* SPDX-License-Identifier: MIT
 *
 * Whether what the program has in its variables can go on under a new version,
 * and how: as it is; moved to new storage, member by member (migrate.c); or not
 * at all, and then the load is refused. Nothing is changed here.
 *
 * Sizes and hashes of types tell quickly that nothing changed. Only what
 * differs is compared by its members, where both objects describe their types.
 *
 * A variable goes on under its id. If the set has one that nobody knows, and
 * just one of that name is gone, it is that one under a new id: a static became
 * global or the other way round, or moved to another file of the set.
 *
 * A type that changed, and of which there may be objects that no variable
 * holds, is refused as well, unless the new version says that it takes care:
 * it has HOT_CODE_CHANGE, or the marker hw.migrates. The code_change then also
 * fills what no plan can.
 */
#include <stdlib.h>
#include <string.h>

#include "codeserver/load-internal.h"
#include "codeserver/process-internal.h"

const char *var_bare(const char *id)
{
	const char *colon = strrchr(id, ':'), *name = colon ? colon + 1 : id;

	return strncmp(name, "__emutls_v.", 11) ? name : name + 11;
}

static void judge_forget_var(struct part_var *pv)
{
	if (pv->plan)
		plan_free(pv->plan);
	free(pv->plan);
	*pv = (struct part_var){0};
}

/* --- what is gone --------------------------------------------------------- */

static const struct hw_module *part_was(const struct part *p)
{
	const struct hw_mod *m = p->item->mod;

	return m && m->current && p->checked.map && !p->item->unchanged
		   ? m->current->image.desc
		   : NULL;
}

static bool id_in_set(const struct load_set *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++) {
		uint32_t hint = 0;

		if (part_was(&s->parts[i]) &&
		    base_var(s->parts[i].checked.desc, id, &hint))
			return true;
	}
	return false;
}

static int gone_add(struct load_set *s, const char *id)
{
	const char **p = realloc(s->gone, (s->ngone + 1) * sizeof(*p));

	if (!p)
		return -1;
	s->gone = p;
	p[s->ngone++] = id;
	return 0;
}

int judge_gone(struct load_set *s)
{
	s->ngone = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct hw_module *was = part_was(&s->parts[i]);
		uint32_t hint = 0;

		for (uint32_t k = 0; was && k < was->nvars; k++) {
			const struct hw_var *v = &desc_vars(was)[k];
			const char *id = desc_str(was, v->name);

			if ((v->flags & HW_VAR_CONST) || var_template(id) ||
			    base_var(s->parts[i].checked.desc, id, &hint) ||
			    id_in_set(s, id))
				continue;
			if (gone_add(s, id) < 0)
				return -1;
		}
	}
	return 0;
}

/* How many variables of the set are called BARE and known to nobody. */
static unsigned strangers(const struct load_set *s, const char *bare)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct hw_module *d = s->parts[i].checked.desc;

		for (uint32_t k = 0; part_was(&s->parts[i]) && k < d->nvars;
		     k++) {
			const char *id = desc_str(d, desc_vars(d)[k].name);
			const struct hw_variable *known = registry_var(id);

			n += !strcmp(var_bare(id), bare) &&
			     (!known || known->lost);
		}
	}
	return n;
}

/* Under which id the variable ID, which is new, was known until now, or NULL.
 */
static const char *renamed_from(const struct load_set *s, const char *id)
{
	const char *found = NULL;

	for (size_t i = 0; i < s->ngone; i++) {
		if (strcmp(var_bare(s->gone[i]), var_bare(id)) ||
		    !strstr(s->gone[i], "__emutls_v.") !=
			!strstr(id, "__emutls_v."))
			continue;
		if (found)
			return NULL;
		found = s->gone[i];
	}
	return found && strangers(s, var_bare(id)) == 1 ? found : NULL;
}

/* --- types ---------------------------------------------------------------- */

static const struct hw_var *version_var(const struct hw_version *v,
					const char *id)
{
	static uint32_t hint; /* they are asked for in order */

	return v ? base_var(v->image.desc, id, &hint) : NULL;
}

struct hw_version *judge_describer(const struct load_set *s,
				   const struct part *p, const char *id,
				   const struct hw_var **var)
{
	struct hw_version *v = p->item->mod->current;

	*var = version_var(v, id);
	for (size_t i = 0; !*var && i < s->n; i++) {
		v = s->parts[i].item->mod->current;
		*var = version_var(v, id);
	}
	for (size_t i = 0; !*var && i < hw_guest.nmods; i++) {
		v = hw_guest.mods[i].current;
		*var = version_var(v, id);
	}
	return *var ? v : NULL;
}

static int refuse_memory(struct hw_failure *f)
{
	return failure_set(f, "badfile", NULL, NULL,
			   "the program is out of memory; nothing was loaded");
}

/* The plan from A to B. 1: there is none, and the code_change takes care. */
static int var_plan(const struct part *p, struct part_var *pv,
		    const struct layout *was, const struct layout_var *a,
		    const struct layout_var *b, struct hw_failure *f)
{
	const char *name = var_bare(layout_str(&p->is, b->id));

	pv->plan = calloc(1, sizeof(*pv->plan));
	if (!pv->plan)
		return refuse_memory(f);
	if (layout_plan(was, a, &p->is, b, pv->plan) == 0)
		return 0;
	if (b->flags & LAYOUT_VAR_TLS)
		return failure_set(f, "unsafe", p->item->module, name,
				   "variable %s: %s; each thread has its own, "
				   "which no code_change can reach: change it "
				   "back, or restart",
				   name, pv->plan->refusal);
	if (!p->cares)
		return failure_set(f, "unsafe", p->item->module, name,
				   "variable %s: %s; change it back, write a "
				   "HOT_CODE_CHANGE, or restart",
				   name, pv->plan->refusal);
	plan_free(pv->plan);
	free(pv->plan);
	pv->plan = NULL;
	return 1;
}

/* Without types: what size and hash say. */
static int var_fits(const struct part *p, const struct hw_var *v,
		    const struct hw_variable *was, struct hw_failure *f)
{
	const char *name = var_bare(desc_str(p->checked.desc, v->name));
	bool tls = v->flags & HW_VAR_TLS;
	uint64_t from = tls ? was->tls_size : was->size;
	uint64_t to = tls ? v->tls_size : v->size;

	if (from != to)
		return failure_set(f, "unsafe", p->item->module, name,
				   "variable %s: its size changed from %llu to "
				   "%llu bytes, and its live value would be "
				   "lost; change it back, or restart",
				   name, (unsigned long long)from,
				   (unsigned long long)to);
	if (was->type && v->type && was->type != v->type)
		return failure_set(f, "unsafe", p->item->module, name,
				   "variable %s: its type changed, or that of "
				   "something it points to; its live value "
				   "would be misread; change it back, or "
				   "restart",
				   name);
	if (v->align && (uintptr_t)was->addr % v->align)
		return failure_set(f, "unsafe", p->item->module, name,
				   "variable %s: it asks for an alignment of "
				   "%u bytes now, and lives where it has less; "
				   "restart",
				   name, v->align);
	return 0;
}

static bool nothing_changed(const struct hw_var *v,
			    const struct hw_variable *was)
{
	return v->size == was->size && v->tls_size == was->tls_size &&
	       v->type && v->type == was->type &&
	       !(v->align && (uintptr_t)was->addr % v->align);
}

/* --- one variable --------------------------------------------------------- */

static int var_compare(struct load_set *s, struct part *p, uint32_t k,
		       const struct hw_variable *was, struct hw_failure *f)
{
	const struct hw_module *d = p->checked.desc;
	const struct hw_var *v = &desc_vars(d)[k], *from;
	struct part_var *pv = &p->vars[k];
	struct hw_version *then = judge_describer(s, p, pv->was, &from);
	const struct layout *types = then ? types_of(then) : NULL;
	const struct layout_var *a, *b;
	int r;

	a = types ? layout_var(types, pv->was) : NULL;
	b = p->has_types ? layout_var(&p->is, desc_str(d, v->name)) : NULL;
	if (!a || !b)
		return var_fits(p, v, was, f);
	r = var_plan(p, pv, types, a, b, f);
	if (r < 0)
		return -1;
	pv->moves = r > 0 || !pv->plan->same || v->size != was->size ||
		    v->tls_size != was->tls_size ||
		    (v->align && (uintptr_t)was->addr % v->align);
	return 0;
}

/* One that was lost is taken up again where it is, if it is as it was. */
static const char *known_as(const struct load_set *s, const struct hw_var *v,
			    const char *id)
{
	const struct hw_variable *was = registry_var(id);
	const char *other;

	if (was && !was->lost)
		return was->id;
	other = renamed_from(s, id);
	if (other)
		return registry_var(other) ? registry_var(other)->id : NULL;
	return was && nothing_changed(v, was) ? was->id : NULL;
}

static int var_judge(struct load_set *s, struct part *p, uint32_t k,
		     struct hw_failure *f)
{
	const struct hw_module *d = p->checked.desc;
	const struct hw_var *v = &desc_vars(d)[k];
	const char *id = desc_str(d, v->name);
	struct part_var *pv = &p->vars[k];
	const struct hw_variable *was = registry_var(id);

	if (var_private(d, v, was) || (was && (was->flags & HW_VAR_CONST)))
		return 0;
	pv->was = known_as(s, v, id);
	was = pv->was ? registry_var(pv->was) : NULL;
	if (!was || nothing_changed(v, was))
		return 0;
	if (var_compare(s, p, k, was, f) == 0)
		return 0;
	if (!strcmp(pv->was, id))
		return -1;
	f->reason = NULL; /* so it is not the one that is gone */
	judge_forget_var(pv);
	return 0;
}

static bool says(const struct hw_module *d, const char *what)
{
	for (uint32_t k = 0; k < d->nvars; k++)
		if (!strcmp(var_bare(desc_str(d, desc_vars(d)[k].name)), what))
			return true;
	return false;
}

/* On the way back it is the newer version that knows both: the one that is
 * left. */
static bool migrates(const struct part *p)
{
	const struct hw_version *v = p->item->mod->current;

	return says(p->checked.desc, "hw.migrates") ||
	       (v && says(v->image.desc, "hw.migrates"));
}

static bool cares(const struct load_set *s, const struct part *p)
{
	const struct hw_module *is = p->checked.desc;
	const struct hw_version *v = p->item->mod->current;

	return migrates(p) ||
	       (s->down ? v && says(v->image.desc, "hw.code_change")
			: says(is, "hw.code_change"));
}

/* A type is many modules', and the objects are converted once: one code_change
 * of a set takes care of all that is behind pointers. */
static bool set_cares(const struct load_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct part *p = &s->parts[i];

		if (!p->item->unchanged && p->checked.desc && cares(s, p) &&
		    !migrates(p))
			return true;
	}
	return false;
}

/* --- behind pointers ------------------------------------------------------ */

/* A server's code_change runs while it is suspended: one that runs would go on
 * in the new code with the old state. */
static int refuse_awake(const struct load_set *s, const struct part *p,
			const struct layout_reached *r, struct hw_failure *f)
{
	hw_pid pid = s->ahead ? 0 : process_awake(p->item->mod);

	if (!pid)
		return 0;
	return failure_set(f, "unsafe", p->item->module, r->type,
			   "%s; process %llu keeps such a state and runs: "
			   "suspend it, load, change its code, and resume it",
			   r->text, (unsigned long long)pid);
}

static int part_reach(const struct load_set *s, struct part *p,
		      struct hw_failure *f)
{
	struct hw_version *v = p->item->mod->current;
	const struct layout *was = v ? types_of(v) : NULL;
	struct layout_reached r;
	int found;

	if (!was || !p->has_types ||
	    (!migrates(p) && (p->cares || set_cares(s))))
		return 0;
	found = layout_reach(was, &p->is, &r);
	if (found < 0)
		return refuse_memory(f);
	if (!found)
		return 0;
	p->far = r.far + 1;
	if (p->cares)
		return refuse_awake(s, p, &r, f);
	return failure_set(f, "unsafe", p->item->module, r.type,
			   "%s; there may be a %s in memory that was "
			   "allocated; change it back, write a "
			   "HOT_CODE_CHANGE, or restart",
			   r.text, r.type);
}

int judge_part(struct load_set *s, struct part *p, struct hw_failure *f)
{
	const struct hw_module *d = p->checked.desc;

	judge_forget(p);
	p->nvars = d->nvars;
	p->vars = calloc(d->nvars + 1, sizeof(*p->vars));
	if (!p->vars)
		return refuse_memory(f);
	p->cares = cares(s, p);
	p->far = 0;
	for (uint32_t k = 0; k < d->nvars; k++)
		if (var_judge(s, p, k, f) < 0)
			return -1;
	return part_reach(s, p, f);
}

void judge_forget(struct part *p)
{
	for (uint32_t k = 0; p->vars && k < p->nvars; k++)
		judge_forget_var(&p->vars[k]);
	free(p->vars);
	p->vars = NULL;
}
