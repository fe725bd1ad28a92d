/* SPDX-License-Identifier: MIT
 *
 * Variables, and objects in memory that no variable holds. The code server
 * converts a variable whose type changed by the same plan (layout.h) that is
 * made here, so what is said here is what will happen; that depends on the
 * live values only where a type holds less than before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/check-internal.h"

static uint64_t size_of(const struct check_item *v)
{
	return v->flags & HW_VAR_TLS ? v->var->tls_size : v->size;
}

static const char *spelt(const struct check_image *im,
			 const struct check_item *v)
{
	return v->type ? layout_str(&im->types, v->type->spelt) : "";
}

static struct check_finding *found(struct check_pair *p,
				   enum check_rule_id rule,
				   const struct check_item *a,
				   const struct check_item *b, const char *what)
{
	const struct check_image *im = b ? p->is : p->was;
	const struct check_item *v = b ? b : a;
	struct check_place at = check_var_place(im, v);
	struct check_finding *f;
	char name[CHECK_NAME];

	at.old = !b;
	check_var_name(im, v, name);
	f = check_add(p->r, rule, p->is->name, name, at, "%s: %s", name, what);
	f->was = xstrdup(spelt(p->was, a));
	f->is = b ? xstrdup(spelt(p->is, b)) : NULL;
	if (p->code_change && f->rule->code_change &&
	    f->severity == CHECK_ERROR)
		f->severity = CHECK_INFO;
	return f;
}

/* --- under another id ----------------------------------------------------- */

/* The variable that A became: its name with another linkage, or as a
 * thread-local or no longer one. */
static const struct check_item *kin_of(const struct check_image *im,
				       const struct check_item *a)
{
	for (size_t i = 0; i < im->nvars; i++)
		if (check_is_variable(&im->vars[i]) &&
		    !strcmp(check_bare(im->vars[i].id), check_bare(a->id)))
			return &im->vars[i];
	return NULL;
}

/* --- of another type ------------------------------------------------------ */

static void members_add(struct text *t, const char *what,
			const struct plan_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		text_printf(t, "%s%s", i ? ", " : what, names->v[i]);
}

/* The first leaf that may hold less than it did. */
static int narrower(const struct plan_leaf *leaf, void *arg)
{
	const struct plan_step *s = leaf->step;
	unsigned from = s->from.bits ? s->from.bits : 8 * s->from.size;
	unsigned to = s->to.bits ? s->to.bits : 8 * s->to.size;
	bool sign = s->kind == PLAN_INT && s->from.sign && !s->to.sign;

	if (s->kind != PLAN_LOST &&
	    (s->kind == PLAN_POINTER || s->kind == PLAN_FUNCTION ||
	     (to >= from && !sign)))
		return 0;
	*(struct plan_leaf *)arg = *leaf;
	return 1;
}

static void narrowed(struct check_pair *p, const struct plan *plan,
		     const struct check_item *a, const struct check_item *b)
{
	struct plan_leaf leaf;
	char path[CHECK_NAME];
	char *what;

	if (!layout_leaves(plan, narrower, &leaf))
		return;
	layout_path(plan, &leaf, path, sizeof(path));
	if (leaf.step->kind == PLAN_LOST)
		what = xasprintf("from %s on its elements go, and the load is "
				 "refused unless they hold nothing",
				 path);
	else
		what = xasprintf("%s%sholds less than before: a value that "
				 "does not fit refuses the load",
				 path, *path ? " " : "");
	found(p, RULE_VARIABLE_NARROWED, a, b, what);
	free(what);
}

static void migrates(struct check_pair *p, const struct plan *plan,
		     const struct check_item *a, const struct check_item *b)
{
	struct text t = {0};

	strv_add(&p->moves, a->id);
	if (plan->removed.n) {
		members_add(&t, "gone with its value: ", &plan->removed);
		found(p, RULE_MEMBER_REMOVED, a, b, t.s);
		text_free(&t);
	}
	text_printf(&t, "is converted at the load, %llu to %llu bytes",
		    (unsigned long long)size_of(a),
		    (unsigned long long)size_of(b));
	members_add(&t, "; new: ", &plan->added);
	found(p, RULE_VARIABLE_MIGRATES, a, b, t.s);
	text_free(&t);
	narrowed(p, plan, a, b);
}

static void planned(struct check_pair *p, const struct check_item *a,
		    const struct check_item *b)
{
	struct plan plan = {0};

	if (layout_plan(&p->was->types, a->type, &p->is->types, b->type,
			&plan) < 0)
		found(p, RULE_VARIABLE_TYPE, a, b, plan.refusal);
	else if (!plan.same)
		migrates(p, &plan, a, b);
	plan_free(&plan);
}

static void sizes(struct check_pair *p, const struct check_item *a,
		  const struct check_item *b)
{
	char *what;

	if (size_of(a) == size_of(b))
		return;
	what = xasprintf("%llu bytes became %llu, and its type is not known",
			 (unsigned long long)size_of(a),
			 (unsigned long long)size_of(b));
	found(p, RULE_VARIABLE_TYPE, a, b, what);
	free(what);
}

static bool is_known(const struct check_item *v)
{
	return v->type && v->type->type != LAYOUT_UNKNOWN;
}

static void compare(struct check_pair *p, const struct check_item *a,
		    const struct check_item *b)
{
	if ((a->flags ^ b->flags) & HW_VAR_CONST) {
		found(p, RULE_VARIABLE_CONST, a, b,
		      b->flags & HW_VAR_CONST
			  ? "it is a constant now; its live value is not seen"
			  : "it is a variable now, and begins with its "
			    "initial value");
		return;
	}
	if (b->flags & HW_VAR_CONST)
		return;
	if (a->var->type && a->var->type == b->var->type &&
	    size_of(a) == size_of(b))
		return;
	if (!is_known(a) || !is_known(b)) {
		sizes(p, a, b);
		return;
	}
	planned(p, a, b);
}

/* --- gone ----------------------------------------------------------------- */

/* A variable that is there under another id goes on as that. */
static void moved(struct check_pair *p, const struct check_item *a,
		  const struct check_item *b)
{
	found(p, RULE_VARIABLE_LINKAGE, a, b,
	      strchr(b->id, ':')
		  ? "it is static now, and keeps its value"
		  : "it is no longer static, and keeps its value");
	compare(p, a, b);
}

static void gone(struct check_pair *p, const struct check_item *a)
{
	const struct check_item *b = kin_of(p->is, a);
	const char *other = NULL;
	char *what;

	if (!b && p->set)
		other = check_moved(p->set, check_bare(a->id),
				    a->flags & HW_VAR_TLS);
	if (other) {
		what = xasprintf("it is in %s now, and keeps its value", other);
		found(p, RULE_VARIABLE_LINKAGE, a, NULL, what);
		free(what);
	} else if (!b || check_var(p->was, b->id)) {
		found(p, RULE_VARIABLE_REMOVED, a, NULL,
		      "it is gone, and its value is forgotten");
	} else if ((a->flags ^ b->flags) & HW_VAR_TLS) {
		found(p, RULE_THREAD_LOCAL, a, b,
		      b->flags & HW_VAR_TLS
			  ? "it is thread-local now, and begins anew in each "
			    "thread"
			  : "it is no longer thread-local, and begins anew");
	} else if (!(b->flags & HW_VAR_CONST)) {
		moved(p, a, b);
	}
}

/* --- objects in memory ---------------------------------------------------- */

/* Where the function or variable ID is; a local is known by its function's
 * name. */
static struct check_place root_place(const struct check_pair *p, const char *id)
{
	const struct check_item *v = check_var(p->is, id);
	struct check_place at = {0};

	if (v)
		at = check_var_place(p->is, v);
	for (size_t i = 0; i < p->is->nfuncs && !at.file; i++)
		if (!strcmp(p->is->funcs[i].id, id) ||
		    !strcmp(check_bare(p->is->funcs[i].id), id))
			at = check_func_place(p->is, &p->is->funcs[i]);
	return at;
}

/* A function's type has no name: what it is called by is shown. */
static bool is_function(const char *type)
{
	return strchr(type, '(') != NULL;
}

/* The way is told as "f(): p → s" or "all.first → item". */
static void reached(struct check_pair *p)
{
	struct check_place at = {0};
	struct layout_reached r;
	struct check_finding *f;
	char *file = NULL;
	bool function;

	if (layout_reach(&p->was->types, &p->is->types, &r) != 1)
		return;
	function = is_function(r.type);
	check_type_place(p->is, r.type, &file, &at.line);
	at.file = file;
	if (!file)
		at = root_place(p, r.root);
	f = check_add(p->r, function ? RULE_POINTER_CALLBACK : RULE_HEAP_TYPE,
		      p->is->name, function ? check_bare(r.root) : r.type, at,
		      "%s", r.text);
	f->far = r.far;
	if (p->code_change)
		f->severity = CHECK_INFO;
	free(file);
}

void check_vars(struct check_pair *p)
{
	for (size_t i = 0; i < p->was->nvars; i++) {
		const struct check_item *a = &p->was->vars[i], *b;

		if (!check_is_variable(a))
			continue;
		b = check_var(p->is, a->id);
		if (b)
			compare(p, a, b);
		else if (!(a->flags & HW_VAR_CONST))
			gone(p, a);
	}
	reached(p);
}
