/* SPDX-License-Identifier: MIT
 *
 * .hw.types is not loaded into memory, so the file stays mapped as long as its
 * version is here: clean pages, that cost nothing while nobody looks. They are
 * made read-only, because a search for holders passes over what cannot be
 * written, and a file is full of addresses of its code. A version of the start
 * is mapped when it is first compared with; its file may be gone by then, and
 * nothing is known of its types.
 */
#include "codeserver/types.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Not all of hw_checked: it has addresses of the image, and no trace of those
 * may be in the heap (purge.c). */
struct hw_types {
	void *map;
	size_t len;
	struct layout layout;
	bool known, pinned;
};

int types_of_file(struct layout *l, const struct hw_checked *c)
{
	return c->types ? layout_open(l, c->types, c->types_size) : -1;
}

int types_keep(struct hw_version *v, struct hw_checked *c)
{
	struct hw_types *t = v->types ? NULL : calloc(1, sizeof(*t));

	if (v->types)
		return 0;
	if (!t)
		return -1;
	t->map = (void *)(uintptr_t)c->map;
	t->len = c->len;
	t->known = types_of_file(&t->layout, c) == 0;
	*c = (struct hw_checked){.file = c->file};
	v->types = t;
	return 0;
}

static void types_open(struct hw_version *v)
{
	const struct hw_module *d = v->image.desc;
	struct hw_checked c;
	struct hw_failure ignored;

	if (image_check(&c, v->image.file, desc_str(d, d->name), &ignored) < 0)
		return;
	if (c.desc->checksum == d->checksum)
		types_keep(v, &c);
	image_unmap(&c);
}

const struct layout *types_of(struct hw_version *v)
{
	if (!v->types)
		types_open(v);
	return v->types && v->types->known ? &v->types->layout : NULL;
}

void types_pin(struct hw_version *v)
{
	if (v->types)
		v->types->pinned = true;
}

void types_forget(struct hw_version *v)
{
	if (v->types && !v->types->pinned) {
		munmap(v->types->map, v->types->len);
		free(v->types);
	}
	v->types = NULL;
}
