/* SPDX-License-Identifier: MIT
 *
 * Two sides module by module, and what only shows between modules: who calls
 * a function that changed and was not built again, who is older than what it
 * includes.
 *
 * Who needs a global is told by the linked objects' undefined symbols, of both
 * sides: what only the old callers needed may be running still. A module whose
 * content is the same as before was not built again, or came out the same: if
 * a function has another number of parameters now, or one of another size, the
 * same code cannot be right for both.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "watcher/check-internal.h"
#include "watcher/check-set.h"

struct set {
	const struct check_side *was_side, *is_side;
	struct check_image *was, *is; /* by index in the side */
	bool *was_open, *is_open;
	struct strmap users; /* name -> struct strv of modules */
	struct check_result *r;
};

/* --- opening -------------------------------------------------------------- */

static void users_add(struct set *s, const struct check_image *im)
{
	for (size_t i = 0; i < im->undefined.cap; i++) {
		const struct strmap_slot *slot = &im->undefined.slots[i];
		struct strv *by;

		if (!slot->key || !slot->value)
			continue;
		by = strmap_get(&s->users, slot->key);
		if (!by) {
			by = xcalloc(1, sizeof(*by));
			strmap_put(&s->users, slot->key, by);
		}
		if (!strv_has(by, im->name))
			strv_add(by, im->name);
	}
}

static bool *side_open(struct set *s, const struct check_side *side,
		       struct check_image *images)
{
	bool *open = xcalloc(side->n + 1, sizeof(*open));

	for (size_t i = 0; i < side->n; i++) {
		char *err = NULL;

		open[i] =
		    check_image_open(&images[i], &side->modules[i], &err) == 0;
		if (open[i])
			users_add(s, &images[i]);
		else
			check_unknown_add(s->r, side->modules[i].name, "%s",
					  err);
		free(err);
	}
	return open;
}

static void set_close(struct set *s)
{
	void *by;

	for (size_t i = 0; i < s->was_side->n; i++)
		check_image_close(&s->was[i]);
	for (size_t i = 0; i < s->is_side->n; i++)
		check_image_close(&s->is[i]);
	for (size_t i = 0; strmap_next(&s->users, &i, &by);) {
		strv_free(by);
		free(by);
	}
	strmap_free(&s->users);
	free(s->was);
	free(s->is);
	free(s->was_open);
	free(s->is_open);
}

/* The module of the other side with the same name; its N if there is none. */
static size_t module_of(const struct check_side *side, const char *name)
{
	size_t i = 0;

	while (i < side->n && strcmp(side->modules[i].name, name) != 0)
		i++;
	return i;
}

/* --- callers that were not built again ------------------------------------ */

static bool same_content(const struct check_image *a,
			 const struct check_image *b)
{
	return !memcmp(a->desc->hash, b->desc->hash, HW_HASH_SIZE);
}

static uint64_t type_size(const struct layout *l, uint32_t type)
{
	return l->types[type].size;
}

/* Code that calls the one right cannot call the other right. */
static bool calls_differ(const struct check_image *was,
			 const struct layout_type *a,
			 const struct check_image *is,
			 const struct layout_type *b)
{
	const struct layout *x = &was->types, *y = &is->types;

	if (a->count != b->count || type_size(x, a->to) != type_size(y, b->to))
		return true;
	for (uint64_t i = 0; i < a->count; i++) {
		uint32_t t = x->parts[a->first + i].type;
		uint32_t u = y->parts[b->first + i].type;

		if (type_size(x, t) != type_size(y, u) ||
		    (x->types[t].kind == LAYOUT_FLOAT) !=
			(y->types[u].kind == LAYOUT_FLOAT))
			return true;
	}
	return false;
}

static bool function_differs(const struct check_image *was,
			     const struct check_item *a,
			     const struct check_image *is,
			     const struct check_item *b)
{
	return a->func && b->func && a->func->type != LAYOUT_UNKNOWN &&
	       b->func->type != LAYOUT_UNKNOWN &&
	       calls_differ(was, &was->types.types[a->func->type], is,
			    &is->types.types[b->func->type]);
}

static bool variable_differs(const struct check_item *a,
			     const struct check_item *b)
{
	return a->var->type && b->var->type && a->var->type != b->var->type &&
	       !(b->flags & HW_VAR_CONST);
}

/* The module NAME needs ID of IS, and is what it was. */
static void stale_user(struct set *s, enum check_rule_id rule, const char *name,
		       const struct check_image *is, const char *id,
		       struct check_place at)
{
	size_t i = module_of(s->was_side, name);
	size_t k = module_of(s->is_side, name);

	if (i == s->was_side->n || k == s->is_side->n || !s->was_open[i] ||
	    !s->is_open[k] || !same_content(&s->was[i], &s->is[k]) ||
	    !strmap_get(&s->is[k].undefined, id) || !strcmp(name, is->name))
		return;
	check_add(s->r, rule, name, id, at,
		  "%s changed in %s, and %s, which uses it, is what it was", id,
		  is->name, name);
}

static void stale_users(struct set *s, enum check_rule_id rule,
			const struct check_image *is, const char *id,
			struct check_place at)
{
	const struct strv *by = strmap_get(&s->users, id);

	for (size_t i = 0; by && i < by->n; i++)
		stale_user(s, rule, by->v[i], is, id, at);
}

static void users_check(struct set *s, const struct check_image *was,
			const struct check_image *is)
{
	for (size_t i = 0; i < is->nfuncs; i++) {
		const struct check_item *b = &is->funcs[i];
		const struct check_item *a = check_func(was, b->id);

		if (a && (b->flags & HW_FUNC_GLOBAL) &&
		    function_differs(was, a, is, b))
			stale_users(s, RULE_CALLER_NOT_REBUILT, is, b->id,
				    check_func_place(is, b));
	}
	for (size_t i = 0; i < is->nvars; i++) {
		const struct check_item *b = &is->vars[i];
		const struct check_item *a = check_var(was, b->id);

		if (a && (b->flags & HW_VAR_GLOBAL) && variable_differs(a, b))
			stale_users(s, RULE_VARIABLE_NOT_REBUILT, is, b->id,
				    check_var_place(is, b));
	}
}

/* --- what is older than its sources --------------------------------------- */

static bool is_newer(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec != b->st_mtim.tv_sec
		   ? a->st_mtim.tv_sec > b->st_mtim.tv_sec
		   : a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

static void stale_module(struct set *s, const struct check_module *m)
{
	struct stat object, dep;

	if (!m->object || !m->deps || stat(m->object, &object) < 0)
		return;
	for (char *const *d = m->deps; *d; d++) {
		if (stat(*d, &dep) < 0 || !is_newer(&dep, &object))
			continue;
		check_add(s->r, RULE_HEADER_NOT_REBUILT, m->name, "",
			  (struct check_place){*d, 1},
			  "%s was not built again since %s changed", m->name,
			  path_base(*d));
		return;
	}
}

/* --- all ------------------------------------------------------------------ */

static void module_compare(struct set *s, size_t k)
{
	const struct check_module *m = &s->is_side->modules[k];
	size_t i = module_of(s->was_side, m->name);
	bool whole = s->was_side->whole && s->is_side->whole;

	if (i == s->was_side->n) {
		check_add(s->r, RULE_MODULE_ADDED, m->name, "",
			  (struct check_place){0},
			  "%s is new: a running program does not have it",
			  m->name);
		return;
	}
	if (s->was_open[i] && s->is_open[k]) {
		check_images(&s->was[i], &s->is[k], whole ? &s->users : NULL,
			     s->r);
		if (whole)
			users_check(s, &s->was[i], &s->is[k]);
	}
	stale_module(s, m);
}

static void modules_gone(struct set *s)
{
	for (size_t i = 0; i < s->was_side->n; i++) {
		const char *name = s->was_side->modules[i].name;

		if (module_of(s->is_side, name) == s->is_side->n)
			check_add(s->r, RULE_MODULE_REMOVED, name, "",
				  (struct check_place){0},
				  "%s is gone: a running program keeps it",
				  name);
	}
}

int check_compare(const struct check_side *was, const struct check_side *is,
		  struct check_result *r, char **err)
{
	struct set s = {.was_side = was, .is_side = is, .r = r};

	if (!was->n || !is->n)
		return fail(err, "there is no module to compare");
	s.was = xcalloc(was->n, sizeof(*s.was));
	s.is = xcalloc(is->n, sizeof(*s.is));
	s.was_open = side_open(&s, was, s.was);
	s.is_open = side_open(&s, is, s.is);
	for (size_t k = 0; k < is->n; k++)
		module_compare(&s, k);
	if (was->whole)
		modules_gone(&s);
	set_close(&s);
	check_result_sort(r);
	return 0;
}
