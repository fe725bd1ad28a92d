/* SPDX-License-Identifier: MIT
 *
 * What a comparison leaves for a release: the objects of the modules that
 * differ, both sides', and what must be known to write its instructions: which
 * of them keep state that only their code_change can convert, which have an
 * on_load, and who needs whom.
 *
 * That a module says it migrates is not enough: a code_change that is called
 * with a state which is of the new layout already would ruin it. So types that
 * may be in memory are compared once more, as the load does it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/check-internal.h"
#include "watcher/manifest.h"

/* --- one module ----------------------------------------------------------- */

static bool has_hook(const struct check_image *im, const char *end)
{
	for (size_t i = 0; im && i < im->nvars; i++)
		if (ends_with(im->vars[i].id, end))
			return true;
	return false;
}

static bool heap_differs(const struct check_image *was,
			 const struct check_image *is)
{
	struct layout_reached r;

	return was && is && was->typed && is->typed &&
	       layout_reach(&was->types, &is->types, &r) > 0;
}

static void hash_put(const struct check_image *im, char hex[33])
{
	for (size_t i = 0; im && i < HW_HASH_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", im->desc->hash[i]);
}

static void names_add(struct check_kept_module *m, const struct check_image *im)
{
	for (size_t i = 0; im && i < im->undefined.cap; i++)
		if (im->undefined.slots[i].key && im->undefined.slots[i].value)
			strv_add(&m->needs, im->undefined.slots[i].key);
	for (size_t i = 0; im && i < im->nfuncs; i++)
		strv_add(&m->gives, im->funcs[i].id);
	for (size_t i = 0; im && i < im->nvars; i++)
		strv_add(&m->gives, im->vars[i].id);
}

static int object_copy(const struct check_kept *k, const char *object,
		       const char *name, const char *hash, char **err)
{
	char *to = xasprintf("%s/%s-%s.o", k->folder, path_base(name), hash);
	char *data;
	size_t len;
	int r = file_read(object, &data, &len, err);

	if (r == 0) {
		r = file_write(to, data, len, err);
		free(data);
	}
	free(to);
	return r;
}

static struct check_kept_module *module_add(struct check_kept *k,
					    const char *name,
					    const struct check_image *was,
					    const struct check_image *is)
{
	struct check_kept_module *m;

	k->v = xrealloc(k->v, (k->n + 1) * sizeof(*k->v));
	m = &k->v[k->n++];
	*m = (struct check_kept_module){
	    .name = xstrdup(name),
	    .on_load =
		has_hook(was, ":hw.on_load") || has_hook(is, ":hw.on_load"),
	    .migrates = (has_hook(was, ":hw.migrates") ||
			 has_hook(is, ":hw.migrates")) &&
			heap_differs(was, is),
	};
	hash_put(was, m->from);
	hash_put(is, m->to);
	names_add(m, was);
	names_add(m, is);
	return m;
}

static int images_take(struct check_kept *k, const char *name,
		       const struct check_image *was, const char *was_object,
		       const struct check_image *is, const char *is_object,
		       char **err)
{
	const struct check_kept_module *m;

	if (was && is && check_same_content(was, is) &&
	    !strv_has(&k->along, name))
		return 0;
	m = module_add(k, name, was, is);
	if (was && object_copy(k, was_object, name, m->from, err) < 0)
		return -1;
	return is ? object_copy(k, is_object, name, m->to, err) : 0;
}

void check_kept_along(struct check_kept *k, const struct check_result *r)
{
	for (size_t i = 0; i < r->nalong; i++)
		if (r->along[i].includes &&
		    !strv_has(&k->along, r->along[i].module))
			strv_add(&k->along, r->along[i].module);
}

int check_kept_take(struct check_kept *k, const struct check_module *was,
		    const char *was_object, const struct check_module *is,
		    const char *is_object, char **err)
{
	struct check_image a, b;
	int r = 0;

	if (was)
		r = check_image_open(&a, was, err);
	if (is && r == 0) {
		r = check_image_open(&b, is, err);
		if (r == 0)
			r = images_take(k, is->name, was ? &a : NULL,
					was_object, &b, is_object, err);
		check_image_close(&b);
	} else if (was && r == 0) {
		r = images_take(k, was->name, &a, was_object, NULL, NULL, err);
	}
	if (was)
		check_image_close(&a);
	return r;
}

/* --- two programs --------------------------------------------------------- */

static const struct check_module *side_find(const struct check_side *side,
					    const char *name)
{
	for (size_t i = 0; i < side->n; i++)
		if (!strcmp(side->modules[i].name, name))
			return &side->modules[i];
	return NULL;
}

int check_kept_programs(struct check_kept *k, const struct check_operand *was,
			const struct check_operand *is, char **err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < is->side.n; i++) {
		const struct check_module *b = &is->side.modules[i];
		const struct check_module *a = side_find(&was->side, b->name);

		if (a && !strcmp(path_base(a->file), path_base(b->file)) &&
		    !strv_has(&k->along, b->name))
			continue;
		r = check_kept_take(k, a, a ? a->object : NULL, b, b->object,
				    err);
	}
	for (size_t i = 0; r == 0 && i < was->side.n; i++) {
		const struct check_module *a = &was->side.modules[i];

		if (!side_find(&is->side, a->name))
			r = check_kept_take(k, a, a->object, NULL, NULL, err);
	}
	check_kept_sort(k);
	return r;
}

/* --- their order ---------------------------------------------------------- */

static bool gives_any(const struct check_kept_module *to,
		      const struct check_kept_module *of)
{
	for (size_t i = 0; i < to->needs.n; i++)
		if (strv_has(&of->gives, to->needs.v[i]))
			return true;
	return false;
}

/* Depth first: whom it needs, then itself. In a circle anyone is first. */
static void place(const struct check_kept *k, size_t i, bool *seen,
		  struct check_kept_module *out, size_t *n)
{
	if (seen[i])
		return;
	seen[i] = true;
	for (size_t j = 0; j < k->n; j++)
		if (!seen[j] && gives_any(&k->v[i], &k->v[j]))
			place(k, j, seen, out, n);
	out[(*n)++] = k->v[i];
}

void check_kept_sort(struct check_kept *k)
{
	struct check_kept_module *out = xcalloc(k->n + 1, sizeof(*out));
	bool *seen = xcalloc(k->n + 1, sizeof(*seen));
	size_t n = 0;

	for (size_t i = 0; i < k->n; i++)
		place(k, i, seen, out, &n);
	free(seen);
	free(k->v);
	k->v = out;
}

void check_kept_free(struct check_kept *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->v[i].name);
		strv_free(&k->v[i].needs);
		strv_free(&k->v[i].gives);
	}
	strv_free(&k->along);
	free(k->v);
	free(k->program);
	free(k->old);
	free(k->from);
	free(k->to);
	*k = (struct check_kept){0};
}
