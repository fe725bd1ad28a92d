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
 *
 * A save changes one module of a hundred, and most saves change nothing that
 * others see; so a file is opened when a rule wants to look into it. Files of
 * a hot build are named by their content: the same name is the same file.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "watcher/check-internal.h"

struct opened {
	struct check_image image;
	bool tried, good;
};

struct check_set {
	const struct check_side *was_side, *is_side;
	struct opened *was, *is; /* by index in the side */
	struct strmap users;     /* name -> struct strv of modules */
	bool users_known;
	struct check_result *r;
};

/* --- opening -------------------------------------------------------------- */

/* Module I, opened; NULL: it cannot be, which is told once. */
static const struct check_image *image_of(struct check_set *s,
					  const struct check_side *side,
					  struct opened *opened, size_t i)
{
	struct opened *o = &opened[i];
	char *err = NULL;

	if (o->tried)
		return o->good ? &o->image : NULL;
	o->tried = true;
	o->good = check_image_open(&o->image, &side->modules[i], &err) == 0;
	if (!o->good)
		check_unknown_add(s->r, side->modules[i].name, "%s", err);
	free(err);
	return o->good ? &o->image : NULL;
}

static const struct check_image *was_of(struct check_set *s, size_t i)
{
	return image_of(s, s->was_side, s->was, i);
}

static const struct check_image *is_of(struct check_set *s, size_t i)
{
	return image_of(s, s->is_side, s->is, i);
}

static void users_add(struct check_set *s, const struct check_image *im)
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

const struct strmap *check_users(struct check_set *s)
{
	const struct check_image *im;

	if (s->users_known)
		return &s->users;
	s->users_known = true;
	for (size_t i = 0; i < s->was_side->n; i++)
		if ((im = was_of(s, i)) != NULL)
			users_add(s, im);
	for (size_t i = 0; i < s->is_side->n; i++)
		if ((im = is_of(s, i)) != NULL)
			users_add(s, im);
	return &s->users;
}

static void side_close(const struct check_side *side, struct opened *opened)
{
	for (size_t i = 0; i < side->n; i++)
		if (opened[i].tried)
			check_image_close(&opened[i].image);
	free(opened);
}

static void set_close(struct check_set *s)
{
	void *by;

	side_close(s->was_side, s->was);
	side_close(s->is_side, s->is);
	for (size_t i = 0; strmap_next(&s->users, &i, &by);) {
		strv_free(by);
		free(by);
	}
	strmap_free(&s->users);
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
	differs = layout_plan(&was->types, x, &is->types, y, &p) < 0 || !p.same;
	plan_free(&p);
	return differs;
}

/* The module NAME needs ID of IS, and is what it was. */
static void stale_user(struct check_set *s, enum check_rule_id rule,
		       const char *name, const struct check_image *is,
		       const char *id, struct check_place at)
{
	size_t i = module_of(s->was_side, name);
	size_t k = module_of(s->is_side, name);
	const struct check_image *a, *b;

	if (i == s->was_side->n || k == s->is_side->n ||
	    !strcmp(name, is->name))
		return;
	a = was_of(s, i);
	b = is_of(s, k);
	if (!a || !b || !same_content(a, b) || !strmap_get(&b->undefined, id))
		return;
	check_add(s->r, rule, name, id, at,
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

static void users_check(struct check_set *s, const struct check_image *was,
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

static void stale_module(struct check_set *s, const struct check_module *m)
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

static bool same_file(const struct check_set *s, size_t i, size_t k)
{
	const char *was = s->was_side->modules[i].file;
	const char *is = s->is_side->modules[k].file;

	return s->was_side->whole && s->is_side->whole &&
	       !strcmp(path_base(was), path_base(is));
}

static bool has_new(const struct check_image *was, const struct check_image *is,
		    const char *name, bool tls)
{
	for (size_t i = 0; i < is->nvars; i++)
		if (!strcmp(check_bare(is->vars[i].id), name) &&
		    !(is->vars[i].flags & HW_VAR_TLS) == !tls &&
		    !check_var(was, is->vars[i].id))
			return true;
	return false;
}

const char *check_moved(struct check_set *s, const char *name, bool tls)
{
	for (size_t k = 0; k < s->is_side->n; k++) {
		const char *module = s->is_side->modules[k].name;
		size_t i = module_of(s->was_side, module);
		const struct check_image *was, *is;

		if (i == s->was_side->n || same_file(s, i, k))
			continue;
		was = was_of(s, i);
		is = is_of(s, k);
		if (was && is && has_new(was, is, name, tls))
			return module;
	}
	return NULL;
}

static void pair_compare(struct check_set *s, size_t i, size_t k)
{
	bool whole = s->was_side->whole && s->is_side->whole;
	const struct check_image *was, *is;

	if (same_file(s, i, k)) {
		s->r->compared++;
		s->r->unchanged++;
		return;
	}
	was = was_of(s, i);
	is = is_of(s, k);
	if (!was || !is)
		return;
	check_images(was, is, whole ? s : NULL, s->r);
	if (whole && !same_content(was, is))
		users_check(s, was, is);
}

static void module_compare(struct check_set *s, size_t k)
{
	const struct check_module *m = &s->is_side->modules[k];
	size_t i = module_of(s->was_side, m->name);

	if (i == s->was_side->n) {
		check_add(s->r, RULE_MODULE_ADDED, m->name, "",
			  (struct check_place){0},
			  "%s is new: a running program does not have it",
			  m->name);
		return;
	}
	pair_compare(s, i, k);
	stale_module(s, m);
}

static void modules_gone(struct check_set *s)
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

/* Objects are converted once, by one of the modules that share their type. */
static void heap_types_cared(struct check_result *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->findings[i].rule == &check_rules[RULE_HEAP_TYPE])
			r->findings[i].severity = CHECK_INFO;
}

int check_compare(const struct check_side *was, const struct check_side *is,
		  struct check_result *r, char **err)
{
	struct check_set s = {.was_side = was, .is_side = is, .r = r};

	if (!was->n || !is->n)
		return fail(err, "there is no module to compare");
	s.was = xcalloc(was->n, sizeof(*s.was));
	s.is = xcalloc(is->n, sizeof(*s.is));
	for (size_t k = 0; k < is->n; k++)
		module_compare(&s, k);
	if (was->whole)
		modules_gone(&s);
	if (r->code_change)
		heap_types_cared(r);
	set_close(&s);
	check_result_sort(r);
	return 0;
}
