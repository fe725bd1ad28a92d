/* SPDX-License-Identifier: MIT
 *
 * The code server's side of a call that found no code (undef.c): which module
 * it meant, and loading that. The many who call at once wait for one load,
 * because loads of a module wait for one another (order.c), and the second
 * finds it done. Where a module is found is path.c's business.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/loading.h"
#include "codeserver/methods.h"
#include "codeserver/path.h"
#include "codeserver/registry.h"
#include "codeserver/table.h"
#include "codeserver/undef.h"

struct autoload {
	struct loading loading;
	struct load_item item;
	struct undef_call *call;
};

static void answer(struct undef_call *c)
{
	void *entry = table_entry(c->index);

	c->entry = undef_is((uintptr_t)entry) ? NULL : entry;
	c->done(c);
}

static void loaded(struct loading *l, int result)
{
	struct autoload *a = (struct autoload *)(void *)l;

	loading_tell(l, result);
	answer(a->call);
	free((void *)(uintptr_t)a->item.file);
	load_item_free(&a->item);
	loading_free(l);
	free(a);
}

/* The module whose versions, by what the program started with or by any that
 * is still here, have the function. */
static struct hw_mod *module_of(const char *id)
{
	for (size_t i = 0; i < hw_guest.nmods; i++) {
		const struct hw_program_module *p =
		    &hw_guest.program->modules[i];
		struct hw_mod *m = &hw_guest.mods[i];
		size_t len = strlen(m->name);

		if (!strncmp(id, m->name, len) && id[len] == ':')
			return m;
		for (uint32_t k = 0; k < p->desc->nfuncs; k++)
			if (!strcmp(desc_str(p->desc,
					     desc_funcs(p->desc)[k].name),
				    id))
				return m;
	}
	return NULL;
}

static bool autoload(struct undef_call *c, struct hw_mod *m)
{
	struct autoload *a;
	char *file = path_find(m);

	if (m->current && !m->busy) {
		free(file);
		return false; /* it is loaded, and lacks the function */
	}
	a = file ? calloc(1, sizeof(*a)) : NULL;
	if (!a) {
		free(file);
		return false;
	}
	a->call = c;
	a->item.module = m->name;
	a->item.file = file;
	a->loading = (struct loading){.items = &a->item,
				      .n = 1,
				      .only_first = true,
				      .on_held = HELD_LINGER,
				      .done = loaded};
	loading_submit(&a->loading);
	return true;
}

void undef_call_serve(struct undef_call *c)
{
	const char *id = registry_func_id(c->index);
	const char *colon = id ? strrchr(id, ':') : NULL;
	struct hw_mod *m = id ? module_of(id) : NULL;

	snprintf(c->module, sizeof(c->module), "%s", m ? m->name : "");
	snprintf(c->function, sizeof(c->function), "%s",
		 colon ? colon + 1
		 : id  ? id
		       : "");
	if (!undef_is((uintptr_t)table_entry(c->index)) || !m ||
	    on_load_runs(m, c->tid) || !autoload(c, m))
		answer(c);
}
