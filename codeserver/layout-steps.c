/* SPDX-License-Identifier: MIT
 *
 * What a plan is made of: steps, the nodes that say where they are, the names
 * of what is new or gone, and the refusal if it cannot be made.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/layout-steps.h"

bool plan_spend(uint32_t *budget, uint32_t n)
{
	if (*budget < n)
		return false;
	*budget -= n;
	return true;
}

/* The first refusal counts. */
int plan_refuse(struct plan *p, uint32_t node, const char *fmt, ...)
{
	size_t n = 0;
	va_list ap;

	if (p->refusal[0])
		return -1;
	if (node && node != UINT32_MAX) {
		snprintf(p->refusal, sizeof(p->refusal), "member ");
		plan_path(p, node, NULL, p->refusal + 7,
			  sizeof(p->refusal) - 100);
		strcat(p->refusal, ": ");
		n = strlen(p->refusal);
	}
	va_start(ap, fmt);
	vsnprintf(p->refusal + n, sizeof(p->refusal) - n, fmt, ap);
	va_end(ap);
	return -1;
}

int plan_too_many(struct plan *p, uint32_t node)
{
	return plan_refuse(p, node, "it has too many members");
}

int plan_no_memory(struct plan *p)
{
	p->refusal[0] = '\0';
	return plan_refuse(p, 0, "out of memory");
}

/* Room for one more of N records of SIZE bytes. */
static void *room(void *v, uint32_t n, uint32_t *cap, size_t size)
{
	uint32_t more = *cap ? *cap * 2 : 8;

	if (n < *cap)
		return v;
	v = realloc(v, more * size);
	if (v)
		*cap = more;
	return v;
}

/* A part NAME (NULL: an element) of node UP; UINT32_MAX: no memory. */
uint32_t plan_node_add(struct plan *p, uint32_t up, const char *name)
{
	void *v = room(p->nodes, p->nnodes, &p->capnodes, sizeof(*p->nodes));

	if (!v)
		return UINT32_MAX;
	p->nodes = v;
	p->nodes[p->nnodes] = (struct plan_node){up, name};
	return p->nnodes++;
}

struct plan_step *plan_step_add(struct plan *p, enum plan_kind kind,
				uint32_t node)
{
	void *v = room(p->steps, p->nsteps, &p->capsteps, sizeof(*p->steps));

	if (!v)
		return NULL;
	p->steps = v;
	p->steps[p->nsteps] =
	    (struct plan_step){.kind = (uint8_t)kind, .node = node};
	return &p->steps[p->nsteps++];
}

struct plan_side plan_side_of(const struct layout *l, struct plan_place at)
{
	const struct layout_type *t = &l->types[at.type];
	struct plan_side s = {.at = at.bit / 8,
			      .type = at.type,
			      .size = t->size,
			      .sign = t->flags & LAYOUT_SIGNED,
			      .bits = (uint16_t)at.width};

	if (at.width) {
		s.bit = (uint8_t)(at.bit % 8);
		s.size = (s.bit + at.width + 7) / 8;
	}
	return s;
}

int plan_leaf_add(struct plan *p, enum plan_kind kind, bool convert,
		  struct plan_place a, struct plan_place b, uint32_t node)
{
	struct plan_step *s = plan_step_add(p, kind, node);

	if (!s)
		return plan_no_memory(p);
	s->from = plan_side_of(p->was, a);
	s->to = plan_side_of(p->is, b);
	s->convert = convert;
	if (convert || a.bit != b.bit || a.width != b.width)
		p->same = false;
	return 0;
}

int plan_name_note(struct plan *p, struct plan_names *names, uint32_t node,
		   const char *member)
{
	uint32_t sub = plan_node_add(p, node, member);
	char path[300], **v;

	if (sub == UINT32_MAX)
		return plan_no_memory(p);
	p->same = false;
	plan_path(p, sub, NULL, path, sizeof(path));
	v = realloc(names->v, (names->n + 1) * sizeof(*v));
	if (!v)
		return plan_no_memory(p);
	names->v = v;
	v[names->n] = strdup(path);
	if (!v[names->n])
		return plan_no_memory(p);
	names->n++;
	return 0;
}

int plan_cannot_become(struct plan *p, struct plan_place a, struct plan_place b,
		       uint32_t node)
{
	char from[100], to[100];

	layout_type_name(p->was, a.type, from, sizeof(from));
	layout_type_name(p->is, b.type, to, sizeof(to));
	if (!strcmp(from, to))
		return plan_refuse(p, node, "%s cannot become another %s", from,
				   to);
	return plan_refuse(p, node, "%s cannot become %s", from, to);
}

static void names_free(struct plan_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
}

void plan_free(struct plan *p)
{
	names_free(&p->removed);
	names_free(&p->added);
	free(p->steps);
	free(p->nodes);
	*p = (struct plan){0};
}
