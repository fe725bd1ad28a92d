/* SPDX-License-Identifier: MIT
 *
 * Variables that get another layout are moved, which takes a moment in which
 * nobody uses them (codeserver/gate.h). Told here is what will not let that
 * moment come: a function that does not return and from which the variable may
 * still be reached, and a module that uses it and stays as it is, because it
 * came out the same.
 *
 * What a function uses is what its object says (layout_touchers), which the
 * code server goes by as well. That main is running is certain, so the load
 * would be refused: an error. Whether a thread is in another endless function
 * is not known: a warning.
 */
#include <stdlib.h>
#include <string.h>

#include "watcher/check-internal.h"

struct move {
	struct check_pair *p;
	const struct check_item *var; /* of the old side */
	char name[CHECK_NAME];
	struct check_place at;
};

/* --- who does not leave --------------------------------------------------- */

static void held(const struct move *m, const struct check_image *im,
		 const struct layout_func *f, bool main)
{
	const char *id = layout_str(&im->types, f->id);
	struct check_finding *found = check_add(
	    m->p->r, RULE_VARIABLE_IN_USE, m->p->is->name, m->name, m->at,
	    "%s is converted at the load, and %s in %s, which uses it, %s",
	    m->name, check_bare(id), im->name,
	    main ? "runs as long as the program: the load is refused"
		 : "never returns: the load is refused while a thread is in "
		   "it");

	if (!main)
		found->severity = CHECK_WARNING;
}

/* Nobody is waited for who uses a thread-local: each thread's is converted when
 * that thread asks for it. */
static void held_in(const struct move *m, const struct check_image *im)
{
	const struct layout *l = &im->types;
	bool *touches;

	if (m->var->flags & HW_VAR_TLS)
		return;
	touches = xcalloc(l->nfuncs + 1, sizeof(*touches));
	layout_touchers(l, &m->var->id, 1, touches);
	for (uint32_t i = 0; i < l->nfuncs; i++) {
		const struct layout_func *f = &l->funcs[i];
		bool main = !strcmp(layout_str(l, f->id), "main");

		if (touches[i] &&
		    (main || check_is_endless(im, f->addr, f->size)))
			held(m, im, f, main);
	}
	free(touches);
}

/* --- who is not loaded with it -------------------------------------------- */

#define NAMED 5 /* of those; all of a large program help nobody */

/* The file that who uses M's variable has to include, or NULL. malloc'd. */
static char *type_file(const struct move *m)
{
	const struct layout *l = &m->p->is->types;
	const struct check_item *is = check_var(m->p->is, m->var->id);
	uint32_t type = is && is->type ? is->type->type : LAYOUT_UNKNOWN;
	char *file = NULL;
	unsigned line;

	while (l->types[type].kind == LAYOUT_ARRAY)
		type = l->types[type].to;
	check_type_place(m->p->is, layout_str(l, l->types[type].name), &file,
			 &line);
	return file;
}

static void names_put(struct text *t, const struct strv *by)
{
	for (size_t i = 0; i < by->n && i < NAMED; i++)
		text_printf(t, "%s%s", i ? ", " : "", by->v[i]);
	if (by->n > NAMED)
		text_printf(t, " and %zu more", by->n - NAMED);
}

/* BY came out the same; they come along, or stay. */
static void shared(const struct move *m, const struct strv *by, bool along)
{
	struct check_finding *f;
	struct text names = {0};

	if (!by->n)
		return;
	names_put(&names, by);
	f = check_add(m->p->r, RULE_VARIABLE_SHARED, m->p->is->name, m->name,
		      m->at,
		      "%s is converted at the load, and %s, which use%s it, "
		      "came out the same and %s",
		      m->name, names.s, by->n == 1 ? "s" : "",
		      !along       ? "would go on with the old one"
		      : by->n == 1 ? "is loaded with it"
				   : "are loaded with it");
	if (along)
		f->severity = CHECK_INFO;
	text_free(&names);
}

/* BY are not loaded with M's variable by what they are. */
static void left_behind(const struct move *m, const struct strv *by)
{
	char *file = by->n ? type_file(m) : NULL;
	struct strv along = {0}, stay = {0};

	for (size_t i = 0; i < by->n; i++) {
		bool includes =
		    file && check_set_includes(m->p->set, by->v[i], file);

		check_along_add(m->p->r, by->v[i], file, includes);
		strv_add(includes ? &along : &stay, by->v[i]);
	}
	shared(m, &along, true);
	shared(m, &stay, false);
	strv_free(&along);
	strv_free(&stay);
	free(file);
}

static void users(const struct move *m)
{
	const struct strv *by = strmap_get(check_users(m->p->set), m->var->id);
	const struct check_image *was, *is;
	/* Else they are told as not built again. */
	bool plain = check_is_plain(&m->p->was->types, m->var->type->type);
	struct strv stay = {0};

	for (size_t i = 0; by && i < by->n; i++) {
		if (!strcmp(by->v[i], m->p->is->name) ||
		    !check_set_pair(m->p->set, by->v[i], &was, &is))
			continue;
		held_in(m, was);
		if (!plain && !check_set_loads(m->p->set, was, is))
			strv_add(&stay, by->v[i]);
	}
	left_behind(m, &stay);
	strv_free(&stay);
}

/* --- all ------------------------------------------------------------------ */

void check_moves(struct check_pair *p)
{
	for (size_t i = 0; i < p->moves.n; i++) {
		struct move m = {.p = p};
		const struct check_item *is = check_var(p->is, p->moves.v[i]);

		m.var = check_var(p->was, p->moves.v[i]);
		check_var_name(p->was, m.var, m.name);
		m.at = is ? check_var_place(p->is, is)
			  : check_var_place(p->was, m.var);
		m.at.old = !is;
		held_in(&m, p->was);
		if (p->set && !strchr(m.var->id, ':'))
			users(&m);
	}
}
