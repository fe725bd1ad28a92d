/* SPDX-License-Identifier: MIT
 *
 * The way to a type that changed, as a person would write it: the variable,
 * member by member, what a pointer leads to as its first element, and the last
 * pointer as an arrow, "server.db[0].dict → dictEntry: member v moved 8 → 16".
 * Locals, parameters and a function's statics begin with the function: "f(): ".
 */
#include <stdio.h>
#include <string.h>

#include "codeserver/layout-reach.h"

static void put(char *buf, size_t size, const char *what, const char *more)
{
	size_t at = strlen(buf);

	snprintf(buf + at, size - at, "%s%s", what, more);
}

/* What has no name has a number, if it is a parameter. */
static void put_local(const struct reach_node *n, char *buf, size_t size)
{
	char number[20];

	put(buf, size, n->func, "(): ");
	snprintf(number, sizeof(number), "%u", n->nth);
	if (*n->name)
		put(buf, size, n->name, "");
	else if (n->nth)
		put(buf, size, "parameter ", number);
	else
		put(buf, size, "a local", "");
}

static void put_root(const struct reach_node *n, char *buf, size_t size)
{
	buf[0] = '\0';
	switch (n->step) {
	case STEP_VARIABLE:
		put(buf, size, n->name, "");
		break;
	case STEP_FUNCTION:
		put(buf, size, n->func, "()");
		break;
	case STEP_LOCAL:
		put_local(n, buf, size);
		break;
	default: /* of every pointer type there is one: no step follows */
		put(buf, size, "a cast", "");
		break;
	}
}

static void put_step(const struct reach_node *n, const struct reach_node *next,
		     char *buf, size_t size)
{
	switch (n->step) {
	case STEP_MEMBER:
		put(buf, size, *n->name ? "." : "", n->name);
		break;
	case STEP_TARGET: /* of a function: the call says it */
		if (next->step == STEP_PARAMETER || next->step == STEP_RESULT)
			break;
		/* fall through */
	case STEP_ELEMENT:
		put(buf, size, "[0]", "");
		break;
	case STEP_PARAMETER:
		put(buf, size, "(...)", "");
		break;
	case STEP_RESULT:
		put(buf, size, "()", "");
		break;
	}
}

static bool is_root(const struct reach_node *n)
{
	return n->step <= STEP_CAST;
}

#define STEPS 256 /* of a longer way the last ones are told */

/* The steps that lead to AT from behind the way's root, or its last. */
static void put_steps(const struct reach *r, uint32_t at, char *buf,
		      size_t size)
{
	uint32_t up[STEPS], n = 0;
	size_t len = 0;

	for (; n < STEPS && !is_root(&r->nodes[at]); at = r->nodes[at].up) {
		const char *name = r->nodes[at].name;

		len += (name ? strlen(name) : 0) + sizeof("(...)");
		if (len >= size)
			break;
		up[n++] = at;
	}
	buf[0] = '\0';
	while (n--)
		put_step(&r->nodes[up[n]],
			 n ? &r->nodes[up[n - 1]] : &r->nodes[up[0]], buf,
			 size);
}

/* The end of STEPS that has room in SIZE bytes and begins with a step. */
static const char *steps_end(const char *steps, size_t size)
{
	size_t n = strlen(steps);

	if (n < size)
		return steps;
	for (steps += n - size + 1; *steps && *steps != '.' && *steps != '[';)
		steps++;
	return steps;
}

/* "server.db[0].dict", which leads to the node AT; a way that is too long
 * without its middle: "server….dict". */
static void put_path(const struct reach *r, uint32_t at, char *buf, size_t size)
{
	static const char cut[] = "…";
	char steps[STEPS * 32];
	const char *end;
	uint32_t root = at;

	/* The last pointer is the arrow. */
	if (r->nodes[at].step == STEP_TARGET)
		at = r->nodes[at].up;
	while (!is_root(&r->nodes[root]))
		root = r->nodes[root].up;
	put_root(&r->nodes[root], buf, size / 2); /* the rest is for the end */
	put_steps(r, at, steps, sizeof(steps));
	if (strlen(buf) + strlen(steps) >= size) {
		end = steps_end(steps, size - strlen(buf) - sizeof(cut) + 1);
		put(buf, size, cut, end);
	} else {
		put(buf, size, steps, "");
	}
}

/* What is in its place now, if that has another name: "struct t is ...: ". */
static void put_other(const struct reach *r, const struct reach_node *n,
		      char *buf, size_t size)
{
	const struct layout_type *a = &r->was->types[n->was];
	const struct layout_type *b = &r->is->types[n->is];
	char name[100];

	buf[0] = '\0';
	if (a->kind != b->kind || !reach_tagged(r->was, n->was) ||
	    !strcmp(layout_str(r->was, a->name), layout_str(r->is, b->name)))
		return;
	layout_type_name(r->is, n->is, name, sizeof(name));
	snprintf(buf, size, "%s is in its place now: ", name);
}

#define FAR_ROOT 10000 /* more than any way has steps */

static unsigned far(const struct reach *r, uint32_t at)
{
	unsigned steps = 0;

	for (; !is_root(&r->nodes[at]); at = r->nodes[at].up)
		steps += steps < FAR_ROOT - 1;
	return r->nodes[at].step * FAR_ROOT + steps;
}

static const char *root_id(const struct reach *r, uint32_t at)
{
	while (!is_root(&r->nodes[at]))
		at = r->nodes[at].up;
	return r->nodes[at].id ? r->nodes[at].id : "";
}

void reach_tell(const struct reach *r, uint32_t at, const char *what,
		struct layout_reached *out)
{
	const struct reach_node *n = &r->nodes[at];
	const char *name = layout_str(r->was, r->was->types[n->was].name);
	char path[250], other[140];

	if (reach_tagged(r->was, n->was))
		snprintf(out->type, sizeof(out->type), "%s", name);
	else
		layout_type_name(r->was, n->was, out->type, sizeof(out->type));
	out->far = far(r, at);
	out->root = root_id(r, at);
	put_path(r, at, path, sizeof(path));
	put_other(r, n, other, sizeof(other));
	snprintf(out->text, sizeof(out->text), "%s → %s: %s%s", path, out->type,
		 other, what);
}
