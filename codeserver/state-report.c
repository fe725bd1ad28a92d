/* SPDX-License-Identifier: MIT
 *
 * See state-report.h. What is told is built as the JSON it will be sent as:
 * nobody else reads it. Values are printed here and not by the watcher, because
 * here a pointer's function and a string's text are at hand, and nobody
 * reads the program's memory a second time, when it says something else.
 */
#include "codeserver/state-report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/arena.h"
#include "codeserver/layout.h"
#include "codeserver/load-internal.h"
#include "codeserver/memory.h"
#include "protocol/json.h"

/* --- entries -------------------------------------------------------------- */

static cJSON *entry_add(struct report_var *v, cJSON **list)
{
	char name[256];
	cJSON *o;

	if (!*list)
		*list = cJSON_CreateArray();
	o = cJSON_CreateObject();
	if (v->var)
		layout_var_name(v->types, v->var, name, sizeof(name));
	else
		snprintf(name, sizeof(name), "%s", var_bare(v->id));
	cJSON_AddStringToObject(o, "variable", name);
	if (v->var && v->var->line) {
		cJSON_AddStringToObject(o, "file",
					layout_str(v->types, v->var->file));
		cJSON_AddNumberToObject(o, "line", v->var->line);
	}
	cJSON_AddItemToArray(*list, o);
	return o;
}

static void names_add(cJSON *o, const char *key, const struct plan_names *n)
{
	cJSON *a = cJSON_AddArrayToObject(o, key);

	for (size_t i = 0; n && i < n->n && i < REPORT_MEMBERS; i++)
		cJSON_AddItemToArray(a, cJSON_CreateString(n->v[i]));
}

void report_merged(struct report_var *v, const char *member)
{
	cJSON *a;

	if (v->told == 0) {
		v->entry = entry_add(v, &v->item->merged);
		cJSON_AddArrayToObject(v->entry, "members");
	}
	if (v->told++ >= REPORT_MEMBERS)
		return;
	a = cJSON_GetObjectItemCaseSensitive(v->entry, "members");
	if (a && *member)
		cJSON_AddItemToArray(a, cJSON_CreateString(member));
}

void report_conflict(struct report_var *v, const char *member, const char *live,
		     const char *now)
{
	cJSON *list = v->item->conflicts;
	cJSON *o;

	if (list && cJSON_GetArraySize(list) >= 4 * REPORT_MEMBERS)
		return;
	o = entry_add(v, &v->item->conflicts);
	cJSON_AddStringToObject(o, "member", member);
	cJSON_AddStringToObject(o, "live", live);
	cJSON_AddStringToObject(o, "new", now);
}

void report_migrated(struct report_var *v, const struct plan *p, uint64_t from,
		     uint64_t to)
{
	cJSON *o = entry_add(v, &v->item->migrated);

	cJSON_AddNumberToObject(o, "from", (double)from);
	cJSON_AddNumberToObject(o, "to", (double)to);
	names_add(o, "added", p ? &p->added : NULL);
	names_add(o, "removed", p ? &p->removed : NULL);
}

void report_renamed(struct load_item *item, const char *from, const char *to)
{
	cJSON *o = cJSON_CreateObject();

	if (!item->renamed)
		item->renamed = cJSON_CreateArray();
	cJSON_AddStringToObject(o, "variable", to);
	cJSON_AddStringToObject(o, "from", from);
	cJSON_AddItemToArray(item->renamed, o);
}

void report_clear(struct load_item *item)
{
	cJSON **all[] = {&item->merged, &item->conflicts, &item->migrated,
			 &item->renamed};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (*all[i])
			cJSON_Delete(*all[i]);
		*all[i] = NULL;
	}
}

/* --- values --------------------------------------------------------------- */

/* As a C string, if it is one: printable, and ended soon. */
static bool string_print(uintptr_t at, char *buf, size_t size)
{
	char text[64];
	size_t n = 0;

	while (n < sizeof(text) && memory_peek(at + n, &text[n], 1) == 0 &&
	       text[n] >= ' ' && text[n] != 127)
		n++;
	if (n == sizeof(text) || text[n] != '\0')
		return false;
	snprintf(buf, size, "\"%s\"", text);
	return true;
}

static bool function_print(uintptr_t at, char *buf, size_t size)
{
	int64_t index = stub_index(at);
	const char *id = index >= 0 ? registry_func_id((uint32_t)index) : NULL;

	if (id)
		snprintf(buf, size, "%s", var_bare(id));
	return id != NULL;
}

static bool variable_print(uintptr_t at, char *buf, size_t size)
{
	struct hw_variable *v;
	size_t n = registry_vars(&v);

	for (size_t i = 0; i < n; i++) {
		uintptr_t off = at - (uintptr_t)v[i].addr;

		if (off >= v[i].size || v[i].lost)
			continue;
		if (off)
			snprintf(buf, size, "&%s + %zu", var_bare(v[i].id),
				 (size_t)off);
		else
			snprintf(buf, size, "&%s", var_bare(v[i].id));
		return true;
	}
	return false;
}

static bool to_char(const struct layout *l, uint32_t type)
{
	const struct layout_type *t = &l->types[type];

	return t->kind == LAYOUT_POINTER &&
	       (l->types[t->to].flags & LAYOUT_CHAR);
}

void report_value(const struct plan *p, const struct plan_leaf *leaf,
		  const unsigned char *bytes, bool now, char *buf, size_t size)
{
	const struct plan_side *side =
	    now ? &leaf->step->to : &leaf->step->from;
	uintptr_t at = 0;

	if (leaf->step->kind == PLAN_POINTER ||
	    leaf->step->kind == PLAN_FUNCTION)
		raw_copy(&at, bytes + (now ? leaf->to : leaf->from),
			 sizeof(at));
	if (at &&
	    ((leaf->step->kind == PLAN_POINTER &&
	      to_char(now ? p->is : p->was, side->type) &&
	      string_print(at, buf, size)) ||
	     function_print(at, buf, size) || variable_print(at, buf, size)))
		return;
	if (now)
		layout_print_new(p, leaf, bytes, buf, size);
	else
		layout_print_old(p, leaf, bytes, buf, size);
}
