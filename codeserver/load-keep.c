/* SPDX-License-Identifier: MIT
 *
 * The books of a publish: what is new, gone, and where variables are. What
 * needs memory is done before it, because after it nothing may fail.
 */
#include <stdlib.h>
#include <string.h>

#include "codeserver/load-internal.h"
#include "codeserver/state-report.h"

static int list_add(const char ***list, size_t *n, const char *id)
{
	const char **p = realloc(*list, (*n + 1) * sizeof(*p));

	if (!p)
		return -1;
	*list = p;
	p[*n] = strdup(id);
	if (!p[*n])
		return -1;
	(*n)++;
	return 0;
}

/* As base_var. */
static bool desc_has_func(const struct hw_module *d, const char *id,
			  uint32_t *hint)
{
	for (uint32_t i = 0; i < d->nfuncs; i++) {
		uint32_t k = (*hint + i) % d->nfuncs;

		if (strcmp(desc_str(d, desc_funcs(d)[k].name), id))
			continue;
		*hint = k + 1;
		return true;
	}
	return false;
}

/* The id that the variable ID of the current versions has from now on. */
static const char *new_id(const struct load_set *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct part *p = &s->parts[i];

		for (uint32_t k = 0; p->version && k < p->nvars; k++) {
			const struct hw_module *d = p->version->image.desc;

			if (p->vars[k].was && !strcmp(p->vars[k].was, id))
				return desc_str(d, desc_vars(d)[k].name);
		}
	}
	return NULL;
}

static void gone_tell(struct load_set *s, struct load_item *item,
		      const struct hw_module *was, const char *id)
{
	const char *now;
	uint32_t hint = 0;

	if (!base_var(was, id, &hint))
		return;
	now = new_id(s, id);
	if (now)
		report_renamed(item, id, now);
	else
		list_add(&item->lost, &item->nlost, id);
}

/* What the user must hear of: names that are gone. Told, not decisive: when
 * memory is out the list is short. */
static void part_differences(struct load_set *s, struct part *p)
{
	const struct hw_version *v = p->item->mod->current;
	const struct hw_module *was = v ? v->image.desc : NULL;
	const struct hw_module *is = p->version->image.desc;
	struct load_item *item = p->item;
	uint32_t hint = 0;

	for (uint32_t i = 0; was && i < was->nfuncs; i++) {
		const char *id = desc_str(was, desc_funcs(was)[i].name);

		if (!desc_has_func(is, id, &hint))
			list_add(&item->removed, &item->nremoved, id);
	}
	for (size_t i = 0; was && i < s->ngone; i++)
		gone_tell(s, item, was, s->gone[i]);
	hint = 0;
	for (size_t i = 0; i < s->nvars; i++)
		if (!s->vars[i].kept && base_var(is, s->vars[i].id, &hint))
			list_add(&item->added, &item->nadded, s->vars[i].id);
}

/* Another set has brought a variable of the same name since this one was
 * bound: this one's code is bound to a storage that nobody else uses. */
static int vars_still_fresh(struct load_set *s)
{
	for (size_t i = 0; i < s->nvars; i++) {
		const struct hw_variable *v = registry_var(s->vars[i].id);

		if (v && !v->lost && !(v->flags & HW_VAR_CONST))
			return failure_set(s->f, "unsafe", NULL, s->vars[i].id,
					   "variable %s: another load brought "
					   "it meanwhile; load again",
					   s->vars[i].id);
	}
	return 0;
}

/* Names must outlive the images they came with. */
static int vars_remember(struct load_set *s)
{
	for (size_t i = 0; i < s->nvars; i++) {
		struct hw_variable v = {.id = s->vars[i].id,
					.addr = s->vars[i].addr,
					.size = s->vars[i].var->size,
					.type = s->vars[i].var->type,
					.tls_size = s->vars[i].var->tls_size,
					.flags = s->vars[i].var->flags};

		if (registry_var_add(&v) < 0)
			return load_no_memory(s->f);
		s->vars[i].id = NULL;
	}
	return 0;
}

/* Where the code of V, which is about to be replaced, has its variables. */
static int storage_note(struct hw_version *v)
{
	const struct hw_module *d = v->image.desc;

	if (v->not_storage)
		return 0;
	v->not_storage = calloc(d->nvars + 1, sizeof(*v->not_storage));
	if (!v->not_storage)
		return -1;
	for (uint32_t k = 0; k < d->nvars; k++) {
		const char *id = desc_str(d, desc_vars(d)[k].name);
		const struct hw_variable *was = registry_var(id);

		v->not_storage[k] = ~(uintptr_t)(was ? was->addr : NULL);
	}
	return 0;
}

int load_keep_prepare(struct load_set *s)
{
	if (vars_still_fresh(s) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		const struct part *p = &s->parts[i];
		struct hw_version *was = p->item->mod->current;

		if (!p->version)
			continue;
		if (was && storage_note(was) < 0)
			return load_no_memory(s->f);
		if (!p->again &&
		    types_keep(p->version, &s->parts[i].checked) < 0)
			return load_no_memory(s->f);
		part_differences(s, &s->parts[i]);
	}
	if (vars_remember(s) == 0)
		return 0;
	hw_guest.unfit = "the program ran out of memory during a load; restart "
			 "it to reload again";
	return -1;
}

void load_keep_vars(struct load_set *s)
{
	for (size_t i = 0; i < s->ngone; i++) {
		struct hw_variable *v = registry_var(s->gone[i]);

		if (v)
			v->lost = true;
	}
	for (size_t i = 0; i < s->n; i++) {
		const struct part *p = &s->parts[i];

		for (uint32_t k = 0; p->version && k < p->nvars; k++) {
			const struct hw_module *d = p->version->image.desc;
			struct hw_variable *v =
			    registry_var(desc_str(d, desc_vars(d)[k].name));

			if (v)
				v->lost = false;
		}
	}
}
