/* SPDX-License-Identifier: MIT
 *
 * The first step of a load: every file is whole, every module known, every
 * variable fits its live storage. Nothing is changed. Each module of the set is
 * judged, whatever became of the others, because who gave the set wants to
 * know of all that is wrong with it.
 */
#include <string.h>
#include <unistd.h>

#include "codeserver/load-internal.h"
#include "codeserver/path.h"
#include "codeserver/registry.h"

static bool is_current(const struct part *p)
{
	const struct hw_version *v = p->item->mod->current;

	return v && !memcmp(p->checked.desc->hash, v->image.desc->hash,
			    HW_HASH_SIZE);
}

static int part_read(struct part *p, const char *name, struct hw_failure *f)
{
	const struct load_item *i = p->item;

	return i->data ? image_check_data(&p->checked, i->file, i->data,
					  i->size, name, f)
		       : image_check(&p->checked, i->file, name, f);
}

static int part_check(const struct load_set *s, struct part *p,
		      struct hw_failure *f)
{
	const char *name = p->item->module;

	if (!p->item->mod && access(p->item->file, F_OK) < 0)
		return failure_set(f, "nofile", name, NULL,
				   "%s: no module of that name, nor a file",
				   name);
	if (!p->item->mod)
		return failure_set(f, "unknown_module", name, NULL,
				   "%s: no module of that name here", name);
	name = p->item->mod->name;
	if (!p->checked.map && part_read(p, name, f) < 0)
		return -1;
	p->item->unchanged = !s->force && is_current(p);
	if (p->item->unchanged)
		return 0;
	p->has_types = types_of_file(&p->is, &p->checked) == 0;
	if (p->item->mod->current && path_is_sticky(p->item->mod))
		return failure_set(f, "sticky_directory", name, NULL,
				   "%s: lies in a sticky directory; unstick "
				   "it to load over it",
				   name);
	return 0;
}

static bool named_before(const struct load_set *s, size_t i)
{
	const struct load_item *item = s->parts[i].item;

	for (size_t k = 0; k < i; k++)
		if (item->mod ? s->parts[k].item->mod == item->mod
			      : !strcmp(s->parts[k].item->module, item->module))
			return true;
	return false;
}

static void item_check(struct load_set *s, size_t i)
{
	struct load_item *item = s->parts[i].item;
	struct hw_failure *f = &item->failure;

	f->reason = NULL;
	item->mod = mod_named(item->module);
	if (named_before(s, i))
		failure_set(f, "duplicated", item->module, NULL,
			    "%s: named twice in one set", item->module);
	else
		part_check(s, &s->parts[i], f);
}

/* The first that failed is told; of those that lead to a type which changed,
 * usually one for all, the one that says best where that is. */
static bool tells_better(const struct part *p, const struct part *told)
{
	return !told || (p->far && p->far < told->far);
}

/* Variables are judged when all files are there: one may have moved from one
 * module of the set to another. */
int load_check(struct load_set *s)
{
	const struct part *told = NULL;

	for (size_t i = 0; i < s->n; i++)
		item_check(s, i);
	if (judge_gone(s) < 0)
		return load_no_memory(s->f);
	for (size_t i = 0; i < s->n; i++) {
		struct part *p = &s->parts[i];
		struct load_item *item = p->item;

		if (!item->failure.reason && !item->unchanged)
			judge_part(s, p, &item->failure);
		if (item->failure.reason && tells_better(p, told))
			told = p;
	}
	if (!told)
		return 0;
	*s->f = told->item->failure;
	return -1;
}
