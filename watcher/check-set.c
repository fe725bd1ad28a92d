/* SPDX-License-Identifier: MIT
 *
 * Two sides module by module, and what is asked between modules: who needs a
 * global, where a variable went.
 *
 * Who needs a global is told by the linked objects' undefined symbols, of both
 * sides: what only the old callers needed may be running still.
 *
 * A save changes one module of a hundred, and most saves change nothing that
 * others see; so a file is opened when a rule wants to look into it. Files of
 * a hot build are named by their content: the same name is the same file.
 */
#include <stdlib.h>
#include <string.h>

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

/* --- pairs ---------------------------------------------------------------- */

/* The module of the other side with the same name; its N if there is none. */
static size_t module_of(const struct check_side *side, const char *name)
{
	size_t i = 0;

	while (i < side->n && strcmp(side->modules[i].name, name) != 0)
		i++;
	return i;
}

bool check_set_pair(struct check_set *s, const char *name,
		    const struct check_image **was,
		    const struct check_image **is)
{
	size_t i = module_of(s->was_side, name);
	size_t k = module_of(s->is_side, name);

	if (i == s->was_side->n || k == s->is_side->n)
		return false;
	*was = was_of(s, i);
	*is = is_of(s, k);
	return *was && *is;
}

bool check_set_loads(const struct check_set *s, const struct check_image *was,
		     const struct check_image *is)
{
	return s->is_side->files ? strcmp(was->file, is->file) != 0
				 : !check_same_content(was, is);
}

bool check_set_includes(const struct check_set *s, const char *name,
			const char *file)
{
	size_t i = module_of(s->is_side, name);
	char *const *deps =
	    i < s->is_side->n ? s->is_side->modules[i].deps : NULL;

	/* The first is the source itself. */
	for (deps = deps && *deps ? deps + 1 : NULL; deps && *deps; deps++)
		if (!strcmp(*deps, file))
			return true;
	return false;
}

struct check_result *check_set_result(struct check_set *s)
{
	return s->r;
}

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
		if (check_set_pair(s, module, &was, &is) &&
		    has_new(was, is, name, tls))
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
	if (whole && !check_same_content(was, is))
		check_stale_users(s, was, is);
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
	check_stale_module(m, s->r);
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
