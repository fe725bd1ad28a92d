/* SPDX-License-Identifier: MIT
 *
 * Variables and types as people write them, for messages. A C type is written
 * around its name, so it is made from the inside out: what is known of the
 * declarator ("*[4]") is handed down to where the basic type stands.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/layout.h"

#define DECLARATOR 160

static void put_type(const struct layout *l, uint32_t type, int depth,
		     const char *inner, char *buf, size_t size);

static void put_named(const struct layout *l, const struct layout_type *t,
		      const char *inner, char *buf, size_t size)
{
	static const char *const words[LAYOUT_KINDS] = {
	    [LAYOUT_STRUCT] = "struct ",
	    [LAYOUT_UNION] = "union ",
	    [LAYOUT_ENUM] = "enum ",
	};
	const char *name = layout_str(l, t->name), *word = words[t->kind];

	if (t->kind == LAYOUT_NOTHING)
		name = "void";
	else if (!*name)
		name = word ? "{...}" : "unknown type";
	if (!word || t->flags & LAYOUT_TYPEDEF)
		word = "";
	snprintf(buf, size, "%s%s%s%s", word, name,
		 *inner == '*' || *inner == '(' ? " " : "", inner);
}

/* "(int, char *)" behind INNER. */
static void put_params(const struct layout *l, const struct layout_type *t,
		       int depth, const char *inner, char *buf, size_t size)
{
	const struct layout_part *p = l->parts + t->first;
	char one[DECLARATOR];
	size_t at;

	snprintf(buf, size, "%s(", inner);
	for (uint64_t i = 0; i < t->count && strlen(buf) + 1 < size; i++) {
		put_type(l, p[i].type, depth, "", one, sizeof(one));
		at = strlen(buf);
		snprintf(buf + at, size - at, "%s%s", i ? ", " : "", one);
	}
	at = strlen(buf);
	snprintf(buf + at, size - at, "%s)",
		 t->flags & LAYOUT_VARIADIC ? t->count ? ", ..." : "..."
		 : t->count                 ? ""
					    : "void");
}

static void put_type(const struct layout *l, uint32_t type, int depth,
		     const char *inner, char *buf, size_t size)
{
	const struct layout_type *t = &l->types[type];
	char more[DECLARATOR];
	uint8_t to = l->types[t->to].kind;

	if (depth > 8) { /* pointers to pointers, perhaps without end */
		snprintf(buf, size, "...%s", inner);
		return;
	}
	switch (t->kind) {
	case LAYOUT_POINTER:
		snprintf(more, sizeof(more),
			 to == LAYOUT_ARRAY || to == LAYOUT_FUNCTION ? "(*%s)"
								     : "*%s",
			 inner);
		break;
	case LAYOUT_ARRAY:
		if (t->flags & LAYOUT_FLEXIBLE)
			snprintf(more, sizeof(more), "%s[]", inner);
		else
			snprintf(more, sizeof(more), "%s[%llu]", inner,
				 (unsigned long long)t->count);
		break;
	case LAYOUT_FUNCTION:
		put_params(l, t, depth + 1, inner, more, sizeof(more));
		break;
	default:
		put_named(l, t, inner, buf, size);
		return;
	}
	put_type(l, t->to, depth + 1, more, buf, size);
}

void layout_type_name(const struct layout *l, uint32_t type, char *buf,
		      size_t size)
{
	put_type(l, type, 0, "", buf, size);
}

struct var_name {
	const char *func, *name; /* func: of a function's static; else NULL */
	int nfunc, nname;
};

static struct var_name var_name(const struct layout *l,
				const struct layout_var *v)
{
	static const char tls[] = "__emutls_v.";
	const char *id = layout_str(l, v->id), *name = strrchr(id, ':'), *dot;
	size_t n;

	name = name ? name + 1 : id;
	if (!strncmp(name, tls, sizeof(tls) - 1))
		name += sizeof(tls) - 1;
	dot = *name == '[' ? NULL : strchr(name, '.');
	n = dot ? strcspn(dot + 1, ".") : 0;
	if (!n)
		return (struct var_name){.name = name,
					 .nname = (int)strlen(name)};
	return (struct var_name){.func = name,
				 .nfunc = (int)(dot - name),
				 .name = dot + 1,
				 .nname = (int)n};
}

void layout_var_name(const struct layout *l, const struct layout_var *v,
		     char *buf, size_t size)
{
	struct var_name n = var_name(l, v);

	if (n.func)
		snprintf(buf, size, "%.*s in %.*s()", n.nname, n.name, n.nfunc,
			 n.func);
	else
		snprintf(buf, size, "%s", n.name);
}

void layout_var_root(const struct layout *l, const struct layout_var *v,
		     char *buf, size_t size)
{
	struct var_name n = var_name(l, v);

	if (n.func)
		snprintf(buf, size, "%.*s(): %.*s", n.nfunc, n.func, n.nname,
			 n.name);
	else
		snprintf(buf, size, "%s", n.name);
}

/* --- values --------------------------------------------------------------- */

static void print_integer(struct layout_number n, char *buf, size_t size)
{
	if (!n.huge && n.i > 0 && n.i <= UINT64_MAX)
		snprintf(buf, size, "%llu", (unsigned long long)n.i);
	else if (n.huge || n.i != (long long)n.i)
		snprintf(buf, size, "0x%llx%016llx",
			 (unsigned long long)((unsigned __int128)n.i >> 64),
			 (unsigned long long)n.i);
	else
		snprintf(buf, size, "%lld", (long long)n.i);
}

static bool print_named(const struct layout *l, const struct layout_type *t,
			struct layout_number n, char *buf, size_t size)
{
	const struct layout_part *e = l->parts + t->first;

	for (uint64_t i = 0; t->kind == LAYOUT_ENUM && i < t->count; i++)
		if (e[i].at == n.i) {
			snprintf(buf, size, "%s", layout_str(l, e[i].name));
			return true;
		}
	if (t->flags & LAYOUT_BOOL && (n.i == 0 || n.i == 1)) {
		snprintf(buf, size, n.i ? "true" : "false");
		return true;
	}
	if (t->flags & LAYOUT_CHAR && n.i >= ' ' && n.i < 127) {
		snprintf(buf, size, "'%c'", (char)n.i);
		return true;
	}
	return false;
}

/* As few digits as give the same number again. */
static void print_float(long double f, uint64_t bytes, char *buf, size_t size)
{
	for (int digits = 6; digits <= 21; digits += 3) {
		snprintf(buf, size, "%.*Lg", digits, f);
		if ((bytes == sizeof(float) && strtof(buf, NULL) == (float)f) ||
		    (bytes == sizeof(double) &&
		     strtod(buf, NULL) == (double)f) ||
		    strtold(buf, NULL) == f)
			break;
	}
	if (strchr(buf, ',')) /* the program's locale, not the language's */
		*strchr(buf, ',') = '.';
}

static void print_string(const char *s, uint64_t n, char *buf, size_t size)
{
	size_t at = 0;

	at += (size_t)snprintf(buf, size, "\"");
	for (uint64_t i = 0; i < n && s[i] && at + 8 < size; i++)
		at += (size_t)snprintf(buf + at, size - at,
				       s[i] >= ' ' && s[i] < 127 ? "%c"
								 : "\\x%02x",
				       (unsigned char)s[i]);
	snprintf(buf + at, size - at, "\"");
}

static void print_bytes(const unsigned char *p, uint64_t n, char *buf,
			size_t size)
{
	size_t at = (size_t)snprintf(buf, size, "{");

	for (uint64_t i = 0; i < n && at + 8 < size; i++) {
		if (i == 16) {
			at += (size_t)snprintf(buf + at, size - at, " ...");
			break;
		}
		at += (size_t)snprintf(buf + at, size - at,
				       i ? " %02x" : "%02x", p[i]);
	}
	snprintf(buf + at, size - at, "}");
}

static void print(const struct layout *l, enum plan_kind kind,
		  const struct plan_side *s, const void *at, char *buf,
		  size_t size)
{
	const struct layout_type *t = &l->types[s->type];
	struct layout_number n;
	uintptr_t pointer;

	if (kind == PLAN_POINTER || kind == PLAN_FUNCTION) {
		memcpy(&pointer, at, sizeof(pointer));
		if (pointer)
			snprintf(buf, size, "%#lx", (unsigned long)pointer);
		else
			snprintf(buf, size, "NULL");
	} else if (kind == PLAN_STRING) {
		print_string(at, s->size, buf, size);
	} else if (kind == PLAN_BYTES || kind == PLAN_LOST) {
		print_bytes(at, s->size, buf, size);
	} else {
		n = layout_load(l, s, at);
		if (n.is_float)
			print_float(n.f, s->size, buf, size);
		else if (!print_named(l, t, n, buf, size))
			print_integer(n, buf, size);
	}
}

void layout_print_old(const struct plan *p, const struct plan_leaf *leaf,
		      const void *old, char *buf, size_t size)
{
	print(p->was, leaf->step->kind, &leaf->step->from,
	      (const char *)old + leaf->from, buf, size);
}

void layout_print_new(const struct plan *p, const struct plan_leaf *leaf,
		      const void *new, char *buf, size_t size)
{
	print(p->is, leaf->step->kind, &leaf->step->to,
	      (const char *)new + leaf->to, buf, size);
}
