/* SPDX-License-Identifier: MIT
 *
 * A linker that is started beside a unit's compiler (warm.h): for which module,
 * at which place, and when it is worth it.
 *
 * Only small sets get one. With many modules to compile the cores are busy
 * anyway, and the first of a hundred to fail would end a hundred linkers.
 */
#include "watcher/engine-internal.h"

#include "watcher/object.h"
#include "watcher/warm.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SET_SMALL 2             /* units */
#define ROOM_MORE 0x40000ull    /* that a module may grow by in one save */
#define ROOM_MOST (64ull << 20) /* not worth to be set aside */

/* The module that will be linked first: of a program that runs. */
static struct module *module_due(const struct unit *u)
{
	for (size_t i = 0; i < u->nmodules; i++)
		if (u->modules[i]->program->attached)
			return u->modules[i];
	return NULL;
}

static size_t units_under_way(const struct set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->units[i]->state == UNIT_BUILDING ||
		     s->units[i]->state == UNIT_DIRTY;
	return n;
}

static uint64_t room_for(const struct module *m)
{
	uint64_t size = m->artifact.size ? m->artifact.size : m->m->size;

	size = 3 * size + ROOM_MORE;
	return (size + PLACE_ALIGN - 1) & ~(PLACE_ALIGN - 1);
}

void unit_warm(struct unit *u)
{
	struct module *m = module_due(u);
	struct program *p = m ? m->program : NULL;
	struct modlink link;
	char *name;

	if (!m || !u->compile->started || units_under_way(u->set) > SET_SMALL ||
	    room_for(m) > ROOM_MOST)
		return;
	unit_cool(u);
	u->warm_room = room_for(m);
	u->warm_base = round_place(u->e, u->warm_room);
	if (!u->warm_base)
		return;
	name = xasprintf("watch/%d-%u.so", (int)getpid(), ++u->e->serial);
	u->warm_out = program_folder(p, name);
	u->warm_for = m;
	link = (struct modlink){
	    .linker = p->linker,
	    .codeserver = u->e->codeserver,
	    .libs = (const char *const *)p->manifest->libs,
	    .nlibs = lenv(p->manifest->libs),
	    .base = u->warm_base,
	    .out = u->warm_out,
	};
	u->warm = warm_start(u->e->loop, &link);
	free(name);
}

static void forget(struct unit *u)
{
	free(u->warm_out);
	u->warm = NULL;
	u->warm_for = NULL;
	u->warm_out = NULL;
}

void unit_cool(struct unit *u)
{
	if (!u->warm)
		return;
	warm_drop(u->warm);
	unlink(u->warm_out);
	forget(u);
}

void unit_warm_take(struct unit *u, const struct module *m, struct link *l)
{
	if (!u->warm || u->warm_for != m)
		return;
	l->warm = u->warm;
	l->out = u->warm_out;
	l->base = u->warm_base;
	l->room = l->reserved = u->warm_room;
	u->warm_out = NULL;
	forget(u);
}
