/* SPDX-License-Identifier: MIT
 *
 * Who was not built again: callers of a function that changed, users of a
 * variable that did, and objects that are older than what they include.
 *
 * A module whose content is the same as before was not built again, or came
 * out the same: if a function has another number of parameters now, or one of
 * another size, the same code cannot be right for both. Macros and inline
 * functions leave no trace in what was linked, so for them there is only what
 * make goes by: an object that is older than a header it was made of.
 */
#include <string.h>
#include <sys/stat.h>

#include "watcher/check-internal.h"

/* --- callers that were not built again ------------------------------------ */

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

/* A struct is declared in a header, as are those who use the variable: they
 * were built again, and who came out the same uses nothing that moved. */
bool check_is_plain(const struct layout *l, uint32_t type)
{
	while (l->types[type].kind == LAYOUT_ARRAY)
		type = l->types[type].to;
	return l->types[type].kind != LAYOUT_STRUCT &&
	       l->types[type].kind != LAYOUT_UNION;
}

/* Its own bytes; not what it points to, which its users' own types tell. */
static bool variable_differs(const struct check_image *was,
			     const struct check_item *a,
			     const struct check_image *is,
			     const struct check_item *b)
{
	const struct layout_var *x, *y;
	struct plan p;
	bool differs;

	if (!a->var->type || !b->var->type || a->var->type == b->var->type ||
	    (b->flags & HW_VAR_CONST))
		return false;
	x = layout_var(&was->types, a->id);
	y = layout_var(&is->types, b->id);
	if (!x || !y)
		return true;
	if (!check_is_plain(&was->types, x->type) &&
	    !check_is_plain(&is->types, y->type))
		return false;
	differs = layout_plan(&was->types, x, &is->types, y, &p) < 0 || !p.same;
	plan_free(&p);
	return differs;
}

/* The module NAME needs ID of IS, and is what it was. */
static void stale_user(struct check_set *s, enum check_rule_id rule,
		       const char *name, const struct check_image *is,
		       const char *id, struct check_place at)
{
	const struct check_image *a, *b;

	if (!strcmp(name, is->name) || !check_set_pair(s, name, &a, &b) ||
	    !check_same_content(a, b) || !strmap_get(&b->undefined, id))
		return;
	check_add(check_set_result(s), rule, name, id, at,
		  "%s changed in %s, and %s, which uses it, is what it was", id,
		  is->name, name);
}

static void stale_users(struct check_set *s, enum check_rule_id rule,
			const struct check_image *is, const char *id,
			struct check_place at)
{
	const struct strv *by = strmap_get(check_users(s), id);

	for (size_t i = 0; by && i < by->n; i++)
		stale_user(s, rule, by->v[i], is, id, at);
}

void check_stale_users(struct check_set *s, const struct check_image *was,
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

		if (a && (b->flags & HW_VAR_GLOBAL) &&
		    variable_differs(was, a, is, b))
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

void check_stale_module(const struct check_module *m, struct check_result *r)
{
	struct stat object, dep;

	if (!m->object || !m->deps || stat(m->object, &object) < 0)
		return;
	for (char *const *d = m->deps; *d; d++) {
		if (stat(*d, &dep) < 0 || !is_newer(&dep, &object))
			continue;
		check_add(r, RULE_HEADER_NOT_REBUILT, m->name, "",
			  (struct check_place){.file = *d, .line = 1},
			  "%s was not built again since %s changed", m->name,
			  path_base(*d));
		return;
	}
}
