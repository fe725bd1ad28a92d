/* SPDX-License-Identifier: MIT
 *
 * bench-layout [OLD.so NEW.so]: what the comparison of types costs. Of two
 * generated modules with 1 000 variables whose types all changed; or of the
 * two that are given. Medians of 21 rounds.
 */
#include <time.h>

#include "tests/unit/layout-fixture.h"
#include "watcher/types.h"

#define ROUNDS 21

static bool over;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Prints the median of what WORK takes on ARG. LIMIT 0: none. */
static void measure(const char *name, void (*work)(void *), void *arg,
		    double limit)
{
	double ms[ROUNDS];
	char more[40] = "";

	for (int i = 0; i < ROUNDS; i++) {
		double from = now();

		work(arg);
		ms[i] = now() - from;
	}
	qsort(ms, ROUNDS, sizeof(*ms), compare);
	if (limit > 0)
		snprintf(more, sizeof(more), "limit %g%s", limit,
			 ms[ROUNDS / 2] > limit ? "  OVER" : "");
	over = over || (limit > 0 && ms[ROUNDS / 2] > limit);
	printf("%-46s %10.3f %-6s%s\n", name, ms[ROUNDS / 2], "ms", more);
}

/* --- what is measured ----------------------------------------------------- */

struct pair {
	struct sample was, is;
	const char *path; /* of the new file */
	size_t planned, refused;
};

static void open_new(void *arg)
{
	struct pair *p = arg;

	layout_open(&p->is.layout, p->is.section, p->is.section_size);
}

static void plan_all(void *arg)
{
	struct pair *p = arg;
	const struct layout *was = &p->was.layout, *is = &p->is.layout;

	p->planned = p->refused = 0;
	for (uint32_t i = 0; i < was->nvars; i++) {
		const struct layout_var *b =
		    layout_var(is, layout_str(was, was->vars[i].id));
		struct plan plan;

		if (!b)
			continue;
		p->planned++;
		p->refused += layout_plan(was, &was->vars[i], is, b, &plan) < 0;
		plan_free(&plan);
	}
}

static void reach(void *arg)
{
	struct pair *p = arg;
	struct layout_reached r;

	layout_reach(&p->was.layout, &p->is.layout, &r);
}

static void reach_same(void *arg)
{
	struct pair *p = arg;
	struct layout_reached r;

	layout_reach(&p->is.layout, &p->is.layout, &r);
}

static void whole(void *arg)
{
	open_new(arg);
	plan_all(arg);
	reach_same(arg);
}

static void read_types(void *arg)
{
	struct pair *p = arg;
	struct text section = {0};

	types_read(p->path, NULL, 0, &p->is.layout, &section, NULL);
	text_free(&section);
}

static void pair_measure(struct pair *p, double limit)
{
	struct layout_reached r = {.text = "nothing"};

	measure("  a section opened", open_new, p, 0);
	measure("  every variable planned", plan_all, p, 0);
	printf("    %zu variables, %zu refused\n", p->planned, p->refused);
	measure("  the search, to its end", reach_same, p, 0);
	measure("  the search, with a finding", reach, p, 0);
	layout_reach(&p->was.layout, &p->is.layout, &r);
	printf("    %s\n", r.text);
	measure("  opened, planned, searched", whole, p, limit);
	if (p->path)
		measure("  the section made, after the link", read_types, p, 0);
	printf("%-46s %10zu bytes of %zu\n", "  the section",
	       p->is.section_size, p->is.len);
}

/* --- of what -------------------------------------------------------------- */

static char *generated(const char *member)
{
	struct text t = {0};

	for (int i = 0; i < 1000; i++)
		text_printf(&t,
			    "struct s%d { int a; long b; char name[%d];"
			    " struct { short x, y; %s z; } in[4]; void *p; };\n"
			    "struct s%d v%d = {%d};\n",
			    i, i % 50 + 1, member, i, i, i);
	return text_take(&t);
}

static void thousand(void)
{
	struct pair p = {0};
	char *old = generated("int"), *new = generated("int more; long");

	puts("1 000 variables, each of a struct that grew");
	p.was = sample_build(old, "-O2");
	p.is = sample_build(new, "-O2");
	pair_measure(&p, 5);
	sample_free(&p.was);
	sample_free(&p.is);
	free(old);
	free(new);
}

static bool sample_read(struct sample *s, const char *path)
{
	if (file_read(path, &s->data, &s->len, NULL) < 0)
		return false;
	sample_find(s);
	return layout_open(&s->layout, s->section, s->section_size) == 0;
}

int main(int argc, char **argv)
{
	struct pair p = {0};

	if (argc < 3) {
		thousand();
		return over;
	}
	p.path = argv[2];
	if (!sample_read(&p.was, argv[1]) || !sample_read(&p.is, argv[2]))
		return 2;
	pair_measure(&p, 5);
	sample_free(&p.was);
	sample_free(&p.is);
	return over;
}
