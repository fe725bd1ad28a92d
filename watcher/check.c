/* SPDX-License-Identifier: MIT
 *
 * Runs the rules over pairs of modules, and keeps what they found.
 */
#include "watcher/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/check-internal.h"

/* --- results -------------------------------------------------------------- */

struct check_finding *check_add(struct check_result *r, enum check_rule_id rule,
				const char *module, const char *symbol,
				struct check_place at, const char *fmt, ...)
{
	struct check_finding *f;
	va_list ap;

	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 16;
		r->findings = xrealloc(r->findings, r->cap * sizeof(*f));
	}
	f = &r->findings[r->n++];
	*f = (struct check_finding){
	    .rule = &check_rules[rule],
	    .severity = check_rules[rule].severity,
	    .module = xstrdup(module),
	    .symbol = xstrdup(symbol),
	    .file = at.file ? xstrdup(at.file) : NULL,
	    .line = at.file ? at.line : 0,
	    .old = at.old,
	};
	va_start(ap, fmt);
	if (vasprintf(&f->message, fmt, ap) < 0)
		f->message = xstrdup(fmt);
	va_end(ap);
	return f;
}

void check_add_told(struct check_result *r, enum check_rule_id rule,
		    const char *module, const char *symbol, const char *file,
		    unsigned line, const char *message)
{
	check_add(r, rule, module, symbol,
		  (struct check_place){.file = file, .line = line}, "%s",
		  message);
}

void check_unknown_add(struct check_result *r, const char *module,
		       const char *fmt, ...)
{
	struct check_unknown *u;
	va_list ap;

	r->unknown =
	    xrealloc(r->unknown, (r->nunknown + 1) * sizeof(*r->unknown));
	u = &r->unknown[r->nunknown++];
	u->module = xstrdup(module);
	va_start(ap, fmt);
	if (vasprintf(&u->why, fmt, ap) < 0)
		u->why = xstrdup(fmt);
	va_end(ap);
}

void check_along_add(struct check_result *r, const char *module,
		     const char *file, bool includes)
{
	r->along = xrealloc(r->along, (r->nalong + 1) * sizeof(*r->along));
	r->along[r->nalong++] =
	    (struct check_along){.module = xstrdup(module),
				 .file = file ? xstrdup(file) : NULL,
				 .includes = includes};
}

static void finding_free(struct check_finding *f)
{
	free(f->module);
	free(f->symbol);
	free(f->file);
	free(f->was);
	free(f->is);
	free(f->message);
}

void check_result_free(struct check_result *r)
{
	for (size_t i = 0; i < r->n; i++)
		finding_free(&r->findings[i]);
	for (size_t i = 0; i < r->nunknown; i++) {
		free(r->unknown[i].module);
		free(r->unknown[i].why);
	}
	for (size_t i = 0; i < r->nalong; i++) {
		free(r->along[i].module);
		free(r->along[i].file);
	}
	free(r->findings);
	free(r->unknown);
	free(r->along);
	free(r->root);
	free(r->old_root);
	*r = (struct check_result){0};
}

static int by_weight(const void *a, const void *b)
{
	const struct check_finding *x = a, *y = b;
	int order = (int)y->severity - (int)x->severity;

	if (!order)
		order = strcmp(x->file ? x->file : "", y->file ? y->file : "");
	if (!order)
		order = (x->line > y->line) - (x->line < y->line);
	if (!order)
		order = (x->rule > y->rule) - (x->rule < y->rule);
	if (!order)
		order = (x->far > y->far) - (x->far < y->far);
	if (!order)
		order = strcmp(x->module, y->module);
	return order ? order : strcmp(x->message, y->message);
}

/* The same type is found in each module that includes it, perhaps on another
 * way: told once, by the way that says best which data is meant. */
static bool is_repeated(const struct check_finding *a,
			const struct check_finding *b)
{
	return a->rule == b->rule && a->line && a->line == b->line &&
	       !strcmp(a->file, b->file) && !strcmp(a->symbol, b->symbol) &&
	       (a->rule == &check_rules[RULE_HEAP_TYPE] ||
		!strcmp(a->message, b->message));
}

void check_result_sort(struct check_result *r)
{
	size_t n = 0;

	if (r->n)
		qsort(r->findings, r->n, sizeof(*r->findings), by_weight);
	for (size_t i = 0; i < r->n; i++) {
		struct check_finding *f = &r->findings[i];

		if (!n || !is_repeated(f, &r->findings[n - 1]))
			r->findings[n++] = *f;
		else
			finding_free(f);
	}
	r->n = n;
}

size_t check_result_count(const struct check_result *r, enum check_severity s)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->findings[i].severity == s && !r->findings[i].suppressed;
	return n;
}

static enum check_verdict verdict_of(const struct check_finding *f)
{
	if (f->suppressed)
		return VERDICT_SAFE;
	if (f->severity == CHECK_ERROR)
		return f->rule->code_change ? VERDICT_CODE_CHANGE
					    : VERDICT_UNSAFE;
	return f->rule == &check_rules[RULE_VARIABLE_MIGRATES]
		   ? VERDICT_MIGRATES
		   : VERDICT_SAFE;
}

enum check_verdict check_result_verdict(const struct check_result *r)
{
	enum check_verdict worst = VERDICT_UNCHANGED;

	if (r->compared > r->unchanged || r->n)
		worst = VERDICT_SAFE;
	for (size_t i = 0; i < r->n; i++)
		if (verdict_of(&r->findings[i]) > worst)
			worst = verdict_of(&r->findings[i]);
	if (r->nunknown && worst < VERDICT_CODE_CHANGE)
		return VERDICT_UNKNOWN;
	return worst;
}

const char *check_verdict_word(enum check_verdict v)
{
	static const char *const words[] = {"unchanged", "safe",
					    "migrates",  "needs code_change",
					    "unsafe",    "could not check"};

	return words[v];
}

const char *check_shown_file(const struct check_result *r, const char *file)
{
	size_t n = r->root ? strlen(r->root) : 0;

	if (file && n && path_under(file, r->root) && file[n] == '/')
		return file + n + 1;
	return file;
}

char *check_text_file(const struct check_result *r,
		      const struct check_finding *f)
{
	const char *below = f->file ? check_shown_file(r, f->file) : NULL;

	if (!f->file)
		return NULL;
	return f->old && r->old_root && *below != '/'
		   ? path_join(r->old_root, below)
		   : xstrdup(f->file);
}

/* --- a pair --------------------------------------------------------------- */

bool check_used(const struct check_pair *p, const char *id)
{
	const struct strv *by;

	if (!p->set)
		return true;
	by = strmap_get(check_users(p->set), id);
	for (size_t i = 0; by && i < by->n; i++)
		if (strcmp(by->v[i], p->is->name) != 0)
			return true;
	return false;
}

bool check_same_content(const struct check_image *a,
			const struct check_image *b)
{
	return !memcmp(a->desc->hash, b->desc->hash, HW_HASH_SIZE);
}

static bool has_var(const struct check_image *im, const char *end)
{
	for (size_t i = 0; i < im->nvars; i++)
		if (ends_with(im->vars[i].id, end))
			return true;
	return false;
}

/* On the way back only the newer side knows both. */
static bool either_has(const struct check_pair *p, const char *end)
{
	return has_var(p->was, end) || has_var(p->is, end);
}

static void pair_compare(struct check_pair *p)
{
	char *why = check_incomparable(p->was, p->is);

	if (why) {
		check_unknown_add(p->r, p->is->name, "%s", why);
		free(why);
		return;
	}
	/* A pointer that HOT_CODE_CHANGE leaves in the object, or the marker of
	 * whatever else takes care of old objects. */
	p->code_change = either_has(p, ":hw.code_change");
	p->r->code_change |= p->code_change;
	p->code_change |= either_has(p, ":hw.migrates");
	check_funcs(p);
	check_vars(p);
	check_types(p);
	check_data(p);
	check_loops(p);
	check_moves(p);
	strv_free(&p->moves);
}

void check_images(const struct check_image *was, const struct check_image *is,
		  struct check_set *set, struct check_result *r)
{
	struct check_pair p = {.was = was, .is = is, .r = r, .set = set};

	r->compared++;
	if (check_same_content(was, is))
		r->unchanged++;
	else
		pair_compare(&p);
}
