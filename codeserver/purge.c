/* SPDX-License-Identifier: MIT
 *
 * A version that is not current goes in this order:
 *
 * 1. Something holds its code (holders.h): it stays. After a publish no call
 *    can enter it, so a look that finds nothing is final,
 * 2. if it also found no thread in a stub with a replaced table: while there is
 *    one a call may be on its way into any old version, and none goes. Without
 *    one those tables are freed.
 * 3. Functions that the newer version lacks lead to undef from now on; then a
 *    second look, because until then they could be called. If that finds
 *    somebody, they are put back: a soft purge changes nothing or all.
 * 4. Its code becomes inaccessible, and if nothing points to its constants it
 *    is unmapped altogether. Else it is fenced: constants stay readable (a
 *    string that was handed out lives on, like a literal in Erlang), counted
 *    and shown, until nothing points to them.
 *
 * A version of the start is always fenced, never unmapped: its variables are
 * the program's, and the dynamic linker does not give it back. A fenced image
 * can be published again (load.c), which is why its pages are protected and not
 * given away: clean ones are the page cache's in any case.
 *
 * What is said is what /proc/self/maps shows afterwards, not what was asked of
 * the kernel.
 */
#include "codeserver/purge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/arena.h"
#include "codeserver/badfun.h"
#include "codeserver/holders-methods.h"
#include "codeserver/image.h"
#include "codeserver/load.h"
#include "codeserver/registry.h"
#include "codeserver/table.h"
#include "codeserver/undef.h"

#define TABLES 64

/* One pass over the program: versions that are looked at together. */
struct pass {
	struct holders_of of[HOLDERS_VERSIONS];
	size_t n;
	bool gentle;
	struct fates *fates;
	bool (*busy)(void *);
	void *arg;
};

/* --- tables --------------------------------------------------------------- */

/* How many may still be in use, or -1: it could not be seen. */
static int tables_free(void)
{
	struct hw_span all[TABLES], gone[TABLES];
	bool held[TABLES];
	int left = 0;

	while (left == 0 && table_retired_count()) {
		size_t n = table_retired(all, TABLES), free_ones = 0;

		if (holders_tables(all, n, held) < 0)
			return -1;
		for (size_t i = 0; i < n; i++) {
			if (held[i])
				left++;
			else
				gone[free_ones++] = all[i];
		}
		table_free_retired(gone, free_ones);
	}
	return left;
}

/* --- what the newer version lacks ----------------------------------------- */

/* Whether a current version calls one of V's removed functions by name. */
static bool removed_named(const struct hw_version *v)
{
	for (size_t i = 0; i < hw_guest.nmods; i++) {
		const struct hw_version *o = hw_guest.mods[i].current;

		for (size_t k = 0; o && k < o->image.nrela + o->image.njmprel;
		     k++) {
			const ElfW(Rela) *r =
			    k < o->image.nrela
				? &o->image.rela[k]
				: &o->image.jmprel[k - o->image.nrela];
			const char *id = image_symbol(&o->image, r);
			int64_t index = id ? registry_func(id) : -1;

			for (size_t n = 0; index >= 0 && n < v->nremoved; n++)
				if (v->removed[n] == (uint32_t)index)
					return true;
		}
	}
	return false;
}

/* Whether memory holds the address of one: a callback that was registered. */
static bool removed_pointed(const struct hw_version *v)
{
	uintptr_t stubs[HOLDERS_VERSIONS];
	bool found[HOLDERS_VERSIONS] = {false};
	size_t n = 0;

	for (; n < v->nremoved && n < HOLDERS_VERSIONS; n++)
		stubs[n] = (uintptr_t)stub_addr(v->removed[n]);
	if (n < v->nremoved || holders_words(stubs, n, found) < 0)
		return true; /* so many: they are not all forgotten */
	for (size_t i = 0; i < n; i++)
		if (found[i])
			return true;
	return false;
}

static const char *kept_by_names(const struct pass *p,
				 const struct hw_version *v)
{
	if (!p->gentle || !v->nremoved)
		return NULL;
	if (removed_named(v))
		return "other modules call functions of it that the newer "
		       "version lacks";
	if (removed_pointed(v))
		return "memory points to functions of it that the newer "
		       "version lacks";
	return NULL;
}

/* --- one version goes ----------------------------------------------------- */

static bool constant_in(const struct hw_image *i)
{
	struct hw_variable *v;
	size_t n = registry_vars(&v);

	for (size_t k = 0; k < n; k++)
		if (image_has(i, (uintptr_t)v[k].addr))
			return true;
	return false;
}

/* Why its constants must stay; NULL: they need not. */
static const char *data_needed(const struct hw_version *v, bool pointed)
{
	if (!v->image.handle)
		return "its variables are the program's";
	if (v->users || constant_in(&v->image))
		return "newer code uses its constants";
	return pointed ? "memory points to its constants" : NULL;
}

static struct fate *fate_add(struct fates *fates, const struct hw_mod *m,
			     const struct hw_version *v)
{
	struct fate *f =
	    realloc(fates->list, (fates->n + 1) * sizeof(*fates->list));

	if (!f)
		return NULL;
	fates->list = f;
	f += fates->n++;
	*f = (struct fate){.mod = m,
			   .version = v->number,
			   .base = v->image.base,
			   .size = v->image.size};
	memcpy(f->hash, v->image.desc->hash, HW_HASH_SIZE);
	return f;
}

static void list_take(struct hw_version **list, const struct hw_version *v)
{
	while (*list != v)
		list = &(*list)->older;
	*list = v->older;
}

/* V is in no list any more. */
static void version_unmap(struct hw_version *v, struct fate *f)
{
	if (f) {
		f->outcome = FATE_UNMAPPED;
		f->unmapped = v->image.size;
	}
	version_free(v);
}

static void version_fence(struct hw_mod *m, struct hw_version *v,
			  struct fate *f, const char *why)
{
	long code = image_fence(&v->image);

	v->kept = why;
	v->older = m->fenced;
	m->fenced = v;
	if (!f)
		return;
	f->outcome = code < 0 ? FATE_KEPT : FATE_FENCED;
	f->kept = v->image.size - (code < 0 ? 0 : (size_t)code);
	f->why = code < 0 ? "mprotect was refused" : why;
}

static void version_retire(struct holders_of *of, struct fates *fates)
{
	struct hw_mod *m = (struct hw_mod *)(uintptr_t)of->mod;
	struct hw_version *v = (struct hw_version *)(uintptr_t)of->version;
	const char *why = data_needed(v, of->data);
	struct fate *f = fate_add(fates, m, v);

	list_take(&m->old, v);
	badfun_remember(m, v);
	if (why)
		version_fence(m, v, f, why);
	else
		version_unmap(v, f);
}

/* --- a pass --------------------------------------------------------------- */

static struct hw_version *version_in(const struct pass *p, size_t i)
{
	return (struct hw_version *)(uintptr_t)p->of[i].version;
}

static void pass_keep(struct pass *p, size_t i, const char *why)
{
	version_in(p, i)->kept = why;
	p->of[i] = p->of[--p->n];
}

static bool all_held(const struct pass *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->of[i].code)
			return false;
	return true;
}

/*
 * Looks, and frees the replaced tables. If the look saw a thread in a stub, or
 * not every thread, what it says of those that it found free means nothing: one
 * may have gone from the stub into them since. Where all are held and somebody
 * waits to hear it, tables are left to the next look that nobody waits for.
 * -1: it could not be seen.
 */
static int look_past_tables(struct pass *p, const char **why)
{
	bool clear;
	int left;

	if (holders_look(p->of, p->n, p->busy, p->arg) < 0)
		return -1;
	if (!p->gentle && all_held(p))
		return 0;
	clear = holders_stubs_clear();
	left = tables_free();
	if (left > 0)
		*why = "a call into it may be under way";
	if (left != 0)
		return left < 0 ? -1 : 0;
	return clear || all_held(p)
		   ? 0
		   : holders_look(p->of, p->n, p->busy, p->arg);
}

/* Leaves those in the pass that nothing holds. 0, or -1. */
static int pass_look(struct pass *p)
{
	const char *why = NULL;

	if (!p->n)
		return 0;
	if (look_past_tables(p, &why) < 0)
		return -1;
	for (size_t i = p->n; why && i-- > 0;)
		pass_keep(p, i, why);
	holders_looked(p->of, p->n);
	for (size_t i = p->n; i-- > 0;)
		if (p->of[i].code)
			pass_keep(p, i, "something holds its code");
	return 0;
}

/* Puts back what undef_version took. Nothing more can be done if memory is
 * out: then calls are undef, and the version stays for those who are in it. */
static void entries_restore(const struct hw_version *v)
{
	const struct hw_module *d = v->image.desc;
	struct table_change *c = calloc(v->nremoved + 1, sizeof(*c));
	size_t n = 0;

	for (uint32_t k = 0; c && k < d->nfuncs; k++) {
		int64_t index =
		    registry_func(desc_str(d, desc_funcs(d)[k].name));

		for (size_t i = 0; i < v->nremoved; i++)
			if (index == (int64_t)v->removed[i]) {
				c[n].index = v->removed[i];
				c[n++].entry = desc_at(&desc_funcs(d)[k].entry);
				break;
			}
	}
	if (c && n)
		table_publish(c, n, hw_guest.nfuncs);
	if (c)
		explicit_bzero(c, n * sizeof(*c));
	free(c);
}

/* Those with entries of their own lose them, and are looked at again. */
static int pass_undef(struct pass *p)
{
	struct pass again = {.gentle = p->gentle, .busy = NULL};
	int r = 0;

	for (size_t i = p->n; i-- > 0;) {
		struct hw_version *v = version_in(p, i);
		const char *why = kept_by_names(p, v);

		if (why) {
			pass_keep(p, i, why);
		} else if (v->nremoved) {
			if (undef_version(v) < 0) {
				pass_keep(p, i, "the program is out of memory");
				continue;
			}
			again.of[again.n++] = p->of[i];
		}
	}
	if (!again.n)
		return 0;
	r = tables_free() == 0 ? holders_look(again.of, again.n, NULL, NULL)
			       : -1;
	for (size_t i = 0; i < again.n; i++) {
		size_t k = 0;

		if (r == 0 && !again.of[i].code)
			continue;
		entries_restore(version_in(&again, i));
		while (p->of[k].version != again.of[i].version)
			k++;
		pass_keep(p, k, "something holds its code");
	}
	return 0;
}

static int pass_run(struct pass *p)
{
	if (pass_look(p) < 0 || pass_undef(p) < 0)
		return -1;
	for (size_t i = 0; i < p->n; i++)
		version_retire(&p->of[i], p->fates);
	p->n = 0;
	return 0;
}

static int pass_add(struct pass *p, const struct hw_mod *m,
		    const struct hw_version *v)
{
	int r = 0;

	if (v->pinned)
		return 0;
	p->of[p->n++] = (struct holders_of){.mod = m, .version = v};
	if (p->n == HOLDERS_VERSIONS)
		r = pass_run(p);
	return r;
}

/* --- what the kernel says ------------------------------------------------- */

static void fate_check(struct fate *f, uintptr_t from, uintptr_t to,
		       const char *mode)
{
	if (to <= f->base || from >= f->base + f->size ||
	    f->outcome == FATE_KEPT)
		return;
	if (f->outcome == FATE_UNMAPPED) {
		f->outcome = FATE_KEPT;
		f->unmapped = 0;
		f->why = "the dynamic linker did not unmap it";
	} else if (mode[2] == 'x') {
		f->outcome = FATE_KEPT;
		f->why = "its code is still executable";
	}
	if (f->outcome == FATE_KEPT)
		f->kept += to - from;
}

/* From the N-th fate on. Lines come in order of address, and the arena is low:
 * most of the file need not be read. */
static void fates_check(struct fates *fates, size_t n)
{
	FILE *maps = n < fates->n ? fopen("/proc/self/maps", "re") : NULL;
	uintptr_t from = 0, to;
	char line[512], mode[5], buf[8192];

	if (!maps)
		return;
	setvbuf(maps, buf, _IOFBF, sizeof(buf));
	while (from < HW_ARENA_BASE + HW_ARENA_SIZE &&
	       fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3)
			continue;
		for (size_t i = n; i < fates->n; i++)
			fate_check(&fates->list[i], from, to, mode);
	}
	fclose(maps);
}

void fates_free(struct fates *fates)
{
	free(fates->list);
	*fates = (struct fates){0};
}

/* --- all together --------------------------------------------------------- */

static int old_count(struct hw_mod *const *mods, size_t n)
{
	int left = 0;

	for (size_t i = 0; i < n; i++)
		for (struct hw_version *v = mods[i]->old; v; v = v->older)
			left += !v->pinned;
	return left;
}

int purge_mods(struct hw_mod *const *mods, size_t n, bool gentle,
	       struct fates *fates, bool (*busy)(void *), void *arg)
{
	struct pass p = {.gentle = gentle,
			 .fates = fates,
			 .busy = busy,
			 .arg = arg};
	size_t first = fates->n;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct hw_version *v = mods[i]->old, *next;

		for (; r == 0 && v; v = next) {
			next = v->older; /* V may be gone */
			r = pass_add(&p, mods[i], v);
		}
	}
	if (r == 0 && p.n)
		r = pass_run(&p);
	if (r == 0 && gentle && tables_free() < 0) /* nothing may be old */
		r = -1;
	fates_check(fates, first);
	return r < 0 ? -1 : old_count(mods, n);
}

/* --- constants of versions purged before ---------------------------------- */

static bool fenced_may_go(const struct hw_version *v)
{
	return !v->pinned && !data_needed(v, false);
}

/* Up to a call's worth of them; the rest is for the next time. */
static int fenced_look(struct fates *fates, bool (*busy)(void *), void *arg)
{
	struct holders_of of[HOLDERS_VERSIONS];
	size_t n = 0;

	for (size_t i = 0; i < hw_guest.nmods; i++)
		for (struct hw_version *v = hw_guest.mods[i].fenced;
		     v && n < HOLDERS_VERSIONS; v = v->older)
			if (fenced_may_go(v))
				of[n++] =
				    (struct holders_of){.mod =
							    &hw_guest.mods[i],
							.version = v};
	if (n && holders_look(of, n, busy, arg) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct hw_mod *m = (struct hw_mod *)(uintptr_t)of[i].mod;
		struct hw_version *v =
		    (struct hw_version *)(uintptr_t)of[i].version;

		if (of[i].code || of[i].data)
			continue;
		list_take(&m->fenced, v);
		version_unmap(v, fate_add(fates, m, v));
	}
	return 0;
}

int purge_all(bool fenced, struct fates *fates, bool (*busy)(void *), void *arg)
{
	struct hw_mod **mods = calloc(hw_guest.nmods + 1, sizeof(*mods));
	size_t n = 0, first = fates->n;
	int r;

	if (!mods)
		return -1;
	for (size_t i = 0; i < hw_guest.nmods; i++)
		if (hw_guest.mods[i].old && !hw_guest.mods[i].busy)
			mods[n++] = &hw_guest.mods[i];
	r = purge_mods(mods, n, true, fates, busy, arg);
	free(mods);
	if (fenced && r >= 0 && fenced_look(fates, busy, arg) < 0)
		r = -1;
	fates_check(fates, first);
	return r;
}

bool purge_wanted(bool fenced)
{
	if (table_retired_count())
		return true;
	for (size_t i = 0; i < hw_guest.nmods; i++) {
		if (hw_guest.mods[i].old)
			return true;
		for (struct hw_version *v = hw_guest.mods[i].fenced;
		     fenced && v; v = v->older)
			if (fenced_may_go(v))
				return true;
	}
	return false;
}
