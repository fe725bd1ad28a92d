/* SPDX-License-Identifier: MIT
 *
 * Variables and types as people write them, for messages. A C type is written
 * around its name, so it is made from the inside out: what is known of the
 * declarator ("*[4]") is handed down to where the basic type stands.
 */
#include <stdio.h>
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

void layout_var_name(const struct layout *l, const struct layout_var *v,
		     char *buf, size_t size)
{
	static const char tls[] = "__emutls_v.";
	const char *id = layout_str(l, v->id), *name = strrchr(id, ':'), *dot;
	size_t n;

	name = name ? name + 1 : id;
	if (!strncmp(name, tls, sizeof(tls) - 1))
		name += sizeof(tls) - 1;
	dot = *name == '[' ? NULL : strchr(name, '.');
	n = dot ? strcspn(dot + 1, ".") : 0;
	if (n)
		snprintf(buf, size, "%.*s in %.*s()", (int)n, dot + 1,
			 (int)(dot - name), name);
	else
		snprintf(buf, size, "%s", name);
}
