/* SPDX-License-Identifier: MIT
 *
 * Which objects of a link become modules: those that hotwatch cc compiled, as
 * their record says, and that can stand alone. What cannot goes into the
 * executable, as an object of another compiler does:
 *
 * - arrays that the linker makes of a section's parts (__start_X, __stop_X):
 *   all objects that have such a part, or look at the whole, stay together;
 * - indirect functions (ifunc): they are resolved while the dynamic linker
 *   relocates, before any stub leads anywhere;
 * - what ld -r made of several: it has several records;
 * - common variables (-fcommon) of several sizes: the linker makes one of the
 *   largest, if it sees them all;
 * - objects of over 65 000 sections (a string table of that many under ASan):
 *   their symbols' sections stand in a table of their own, which rewrite.c does
 *   not write.
 *
 * Making one module of all objects with a common array was rejected: local
 * names repeat in them, and then no name says which function is meant.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/descriptor.h"
#include "watcher/cc-program.h"
#include "watcher/object.h"

/* Objects kept open between the two readings, in all. */
#define OPEN_MAX_BYTES (512u << 20)

/* The last link knew an object of these bytes. */
static void known(struct unit *u)
{
	const struct manifest_module *was = u->was;

	u->m.source = xstrdup(was->source);
	u->m.object = xstrdup(was->object);
	u->m.hash = xstrdup(was->hash);
	u->m.dir = xstrdup(was->dir);
	u->m.depfile = was->depfile ? xstrdup(was->depfile) : NULL;
	u->m.command = was->command; /* shared: neither is freed */
	u->m.env = was->env;
	u->hot = true;
}

/* 0 also for an object that is not ours, whatever is wrong with it. */
static int unknown(struct unit *u, bool keep, char **err)
{
	char hex[33];
	const char *record;

	if (object_open(&u->o, u->path, u->member, u->offset, NULL) < 0) {
		u->o = NULL;
		return 0;
	}
	record = object_record(u->o);
	u->hot = record && cc_record_read(record, &u->m);
	if (u->hot && object_hash(u->o, hex, err) < 0)
		return CC_ERROR;
	if (u->hot)
		u->m.hash = xstrdup(hex);
	if (!u->hot || !keep) {
		object_close(u->o);
		u->o = NULL;
	}
	return 0;
}

struct inspecting {
	struct program *p;
	char **errs; /* by unit: each thread has its own */
	_Atomic uint64_t open_bytes;
};

static int inspect_one(size_t i, void *arg)
{
	struct inspecting *in = arg;
	struct unit *u = &in->p->units[i];
	struct elf_view v;
	char sum[17];

	if (elf_view_open(&v, u->path, u->offset, NULL) < 0)
		return 0;
	u->sum = hw_checksum(v.len, v.data, v.len);
	elf_ties_read(&v, &u->ties);
	in->open_bytes += v.len;
	elf_view_close(&v);
	snprintf(sum, sizeof(sum), "%016" PRIx64, u->sum);
	u->was = strmap_get(&in->p->last, sum);
	if (u->was) {
		known(u);
		return 0;
	}
	return unknown(u, in->open_bytes < OPEN_MAX_BYTES, &in->errs[i]);
}

static bool shares(const struct strv *a, const struct strv *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (strv_has(b, a->v[i]))
			return true;
	return false;
}

/* What joins objects: section arrays, and commons of several sizes. */
struct joints {
	struct strv arrays, commons;
};

static void commons_join(struct program *p, struct strv *uneven)
{
	struct strmap sizes = {0};

	for (size_t i = 0; i < p->nunits; i++) {
		struct elf_ties *t = &p->units[i].ties;

		for (size_t k = 0; k < t->commons.n; k++) {
			const char *name = t->commons.v[k];
			uint64_t *was = strmap_get(&sizes, name);

			if (!was)
				strmap_put(&sizes, name, &t->common_sizes[k]);
			else if (*was != t->common_sizes[k])
				strv_add(uneven, name);
		}
	}
	strmap_free(&sizes);
}

static const char *tied(const struct unit *u, const struct joints *j)
{
	if (u->ties.ifunc)
		return "it has an indirect function (ifunc)";
	if (u->ties.many)
		return "it has over 65 000 sections";
	if (u->ties.bounds.n || shares(&u->ties.sections, &j->arrays))
		return "it has part of a __start_/__stop_ section array";
	if (shares(&u->ties.commons, &j->commons))
		return "a common variable of its has another size in another "
		       "file";
	return NULL;
}

/* The dynamic linker runs one module's constructors after another's. */
static void priorities_tell(struct program *p)
{
	size_t hot = 0;

	for (size_t i = 0; i < p->nunits; i++)
		hot += p->units[i].hot;
	for (size_t i = 0; hot > 1 && i < p->nunits; i++)
		if (p->units[i].hot && p->units[i].ties.priority)
			strv_add_own(
			    &p->cc->notices,
			    xasprintf("%s: its constructors' priorities count "
				      "among themselves only: files are begun "
				      "in the order of the link",
				      p->units[i].m.source));
}

static void tied_exclude(struct program *p)
{
	struct joints joints = {0};

	for (size_t i = 0; i < p->nunits; i++)
		strv_addv(&joints.arrays,
			  (const char *const *)p->units[i].ties.bounds.v);
	commons_join(p, &joints.commons);
	for (size_t i = 0; i < p->nunits; i++) {
		struct unit *u = &p->units[i];
		const char *why = u->hot ? tied(u, &joints) : NULL;

		if (!why)
			continue;
		u->hot = false;
		strv_add_own(&p->cc->notices,
			     xasprintf("%s: will not reload: %s; its code is "
				       "in the executable",
				       u->m.source, why));
	}
	strv_free(&joints.arrays);
	strv_free(&joints.commons);
}

/* Which modules have variables that are another's in truth. */
static void overridden_find(struct program *p)
{
	struct strmap strong = {0};

	for (size_t i = 0; i < p->nunits; i++)
		for (size_t k = 0; k < p->units[i].ties.strong.n; k++)
			strmap_put(&strong, p->units[i].ties.strong.v[k], p);
	for (size_t i = 0; i < p->nunits; i++) {
		struct unit *u = &p->units[i];

		for (size_t k = 0; k < u->ties.weak.n; k++)
			u->overridden |=
			    strmap_get(&strong, u->ties.weak.v[k]) != NULL;
	}
	strmap_free(&strong);
}

int cc_inspect(struct program *p, char **err)
{
	struct inspecting in = {.p = p};
	int r;

	in.errs = xcalloc(p->nunits, sizeof(*in.errs));
	r = cc_parallel(p->nunits, inspect_one, &in);
	for (size_t i = 0; i < p->nunits && r < 0; i++)
		if (in.errs[i])
			*err = in.errs[i];
	free(in.errs);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->nunits; i++) {
		struct unit *u = &p->units[i];

		/* Where it is now, not where it was first written. */
		if (u->hot && !u->member)
			u->m.object = path_absolute(p->cc->dir, u->path);
	}
	tied_exclude(p);
	priorities_tell(p);
	overridden_find(p);
	return 0;
}
