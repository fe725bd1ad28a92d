/* SPDX-License-Identifier: MIT
 *
 * Functions that are called from outside of their module: by others, or by
 * whoever has their address. What only the module itself calls is changed
 * together with its callers and gives no finding.
 *
 * If all modules are known, an error needs somebody who would be harmed: a
 * function that nobody else needs may come and go as it likes, and one that
 * others need, all of them built again, is told as a warning: code that still
 * runs in the old version calls it the old way until it returns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/check-internal.h"

#define TYPE_NAME 200

static bool is_global(const struct check_item *f)
{
	return f->flags & HW_FUNC_GLOBAL;
}

static void spell(const struct check_image *im, const struct check_item *f,
		  char buf[TYPE_NAME])
{
	if (f->func && f->func->type != LAYOUT_UNKNOWN)
		layout_type_name(&im->types, f->func->type, buf, TYPE_NAME);
	else
		buf[0] = '\0';
}

static void spell_both(const struct check_pair *p, const struct check_item *a,
		       const struct check_item *b, struct check_finding *f)
{
	char was[TYPE_NAME], is[TYPE_NAME];

	spell(p->was, a, was);
	spell(p->is, b, is);
	f->was = xstrdup(was);
	f->is = xstrdup(is);
}

/* --- gone ----------------------------------------------------------------- */

static const struct check_item *static_named(const struct check_image *im,
					     const char *name)
{
	for (size_t i = 0; i < im->nfuncs; i++)
		if (strchr(im->funcs[i].id, ':') &&
		    !strcmp(check_bare(im->funcs[i].id), name))
			return &im->funcs[i];
	return NULL;
}

/* Static functions without a stub are not in the descriptor. */
static const struct layout_func *local_named(const struct check_image *im,
					     const char *name)
{
	for (uint32_t i = 0; i < im->types.nfuncs; i++) {
		const char *id = layout_str(&im->types, im->types.funcs[i].id);

		if (strchr(id, ':') && !strcmp(check_bare(id), name))
			return &im->types.funcs[i];
	}
	return NULL;
}

static struct check_place local_place(const struct check_image *im,
				      const struct layout_func *f)
{
	return (struct check_place){.file = layout_str(&im->types, f->file),
				    .line = f->line};
}

/* False: it is not there as a static function either. */
static bool became_static(struct check_pair *p, const struct check_item *a)
{
	const struct layout_func *f = local_named(p->is, a->id);
	const struct check_item *b = static_named(p->is, a->id);
	struct check_place at;

	if (!f && !b)
		return false;
	at = f ? local_place(p->is, f) : check_func_place(p->is, b);
	if (check_used(p, a->id))
		check_add(p->r, RULE_FUNCTION_STATIC, p->is->name, a->id, at,
			  "%s is static now, and other modules call it", a->id);
	return true;
}

static void removed(struct check_pair *p, const struct check_item *a)
{
	const char *name = check_bare(a->id);
	struct check_place at = check_func_place(p->was, a);

	at.old = true;
	if (is_global(a) && became_static(p, a))
		return;
	if (is_global(a) && check_used(p, a->id))
		check_add(p->r, RULE_FUNCTION_REMOVED, p->is->name, name, at,
			  "%s is gone, and other modules call it", name);
	else if (a->flags & HW_FUNC_ADDRESSED)
		check_add(p->r, RULE_CALLBACK_REMOVED, p->is->name, name, at,
			  "%s is gone, and something may still have its "
			  "address",
			  name);
}

/* --- changed -------------------------------------------------------------- */

struct change {
	enum check_rule_id rule;
	char text[120];
};

/* What differs first; false: nothing. */
static bool signature_differs(const struct layout *was,
			      const struct layout_type *a,
			      const struct layout *is,
			      const struct layout_type *b, struct change *c)
{
	if ((a->flags ^ b->flags) & LAYOUT_VARIADIC) {
		c->rule = RULE_FUNCTION_VARIADIC;
		snprintf(c->text, sizeof(c->text), "is %s variadic",
			 b->flags & LAYOUT_VARIADIC ? "now" : "no longer");
		return true;
	}
	if (a->count != b->count) {
		c->rule = RULE_FUNCTION_PARAMETERS;
		snprintf(c->text, sizeof(c->text),
			 "takes %llu parameter%s instead of %llu",
			 (unsigned long long)b->count, b->count == 1 ? "" : "s",
			 (unsigned long long)a->count);
		return true;
	}
	if (!check_same_type(was, a->to, is, b->to)) {
		c->rule = RULE_RESULT_TYPE;
		snprintf(c->text, sizeof(c->text), "has another result");
		return true;
	}
	for (uint64_t i = 0; i < a->count; i++) {
		const struct layout_part *x = &was->parts[a->first + i];
		const struct layout_part *y = &is->parts[b->first + i];

		if (check_same_type(was, x->type, is, y->type))
			continue;
		c->rule = RULE_PARAMETER_TYPE;
		snprintf(c->text, sizeof(c->text),
			 "has another type of parameter %llu%s%s",
			 (unsigned long long)i + 1,
			 *layout_str(is, y->name) ? ", " : "",
			 layout_str(is, y->name));
		return true;
	}
	return false;
}

static void changed(struct check_pair *p, const struct check_item *a,
		    const struct check_item *b, const struct change *c)
{
	bool used = is_global(b) && check_used(p, b->id);
	bool kept = (a->flags | b->flags) & HW_FUNC_ADDRESSED;
	const char *name = check_bare(b->id);
	struct check_finding *f;

	if (!used && !kept)
		return;
	f = check_add(p->r, is_global(b) ? c->rule : RULE_CALLBACK_SIGNATURE,
		      p->is->name, name, check_func_place(p->is, b), "%s %s",
		      name, c->text);
	spell_both(p, a, b, f);
	/* The callers are known, and each that was not built again gets a
	 * finding of its own. */
	if (p->set && !kept)
		f->severity = CHECK_WARNING;
}

static void compare(struct check_pair *p, const struct check_item *a,
		    const struct check_item *b)
{
	const struct layout *was = &p->was->types, *is = &p->is->types;
	struct change c;

	if (!a->func || !b->func || a->func->type == LAYOUT_UNKNOWN ||
	    b->func->type == LAYOUT_UNKNOWN || !strcmp(a->id, "main"))
		return;
	if (signature_differs(was, &was->types[a->func->type], is,
			      &is->types[b->func->type], &c))
		changed(p, a, b, &c);
}

void check_funcs(struct check_pair *p)
{
	for (size_t i = 0; i < p->was->nfuncs; i++) {
		const struct check_item *a = &p->was->funcs[i];
		const struct check_item *b = check_func(p->is, a->id);

		if (b)
			compare(p, a, b);
		else if (!check_made(a->id))
			removed(p, a);
	}
}
