/* SPDX-License-Identifier: MIT
 *
 * The verdict before a load: what was linked is compared with what each target
 * runs (check.h), in a worker thread, and a target that it would harm is not
 * asked. The code server refuses what would lose state whatever is said here;
 * this comes earlier, knows the lines, and sees what is between modules: a
 * caller that was not built again, a callback that is called in another way.
 *
 * A module that must come along with the others is added (round-along.c), and
 * all is judged once more.
 *
 * Targets that run the same files are judged once: a hundred forked workers
 * cost as much as one. What cannot be compared is loaded, as it would be
 * without a verdict.
 */
#include "watcher/round.h"

#include <stdlib.h>
#include <string.h>

#include "watcher/check.h"

/* What one kind of target would get; all strings are its own, because a worker
 * reads them. */
struct verdict {
	struct verdict *next;
	char *key;
	struct strv strings;
	struct check_side was, is;
	struct check_result result;
};

struct verdicts {
	struct round *round;
	struct verdict *first;
	struct verdict **of_peer; /* by index */
	uv_work_t work;
};

/* --- what is compared ----------------------------------------------------- */

static const char *own(struct verdict *v, const char *s)
{
	strv_add(&v->strings, s);
	return v->strings.v[v->strings.n - 1];
}

/* The file that P would have of M after the load; NULL: what it has. */
static const char *file_after(const struct round_peer *p,
			      const struct module *m)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->round->items[p->items[i]].m == m)
			return p->round->items[p->items[i]].a.file;
	return NULL;
}

static void module_add(struct verdict *v, const struct module *m,
		       const char *was, const char *is)
{
	struct check_module side = {.name = own(v, m->m->name)};
	struct strv command = {0};

	strv_addv(&command, (const char *const *)m->m->command);
	side.command = strv_take(&command);
	side.file = own(v, was);
	v->was.modules[v->was.n++] = side;
	side.file = own(v, is);
	v->is.modules[v->is.n++] = side;
}

static struct verdict *verdict_make(const struct round_peer *p)
{
	const struct program *program = p->peer->program;
	struct verdict *v = xcalloc(1, sizeof(*v));
	struct text key = {0};

	v->was.whole = v->is.whole = v->is.files = true;
	v->was.modules =
	    xcalloc(program->nmodules + 1, sizeof(*v->was.modules));
	v->is.modules = xcalloc(program->nmodules + 1, sizeof(*v->is.modules));
	for (size_t i = 0; i < program->nmodules; i++) {
		const struct module *m = program->modules[i];
		const struct session_module *has =
		    session_module(p->peer->session, m->m->name);
		const char *after = file_after(p, m);

		if (!has || !has->file)
			continue;
		after = after ? after : has->file;
		module_add(v, m, has->file, after);
		text_printf(&key, "%s\n%s\n", has->file, after);
	}
	v->key = text_take(&key);
	return v;
}

static void verdict_free(struct verdict *v)
{
	for (size_t i = 0; i < v->was.n; i++)
		freev((char **)v->was.modules[i].command);
	free(v->was.modules);
	free(v->is.modules);
	check_result_free(&v->result);
	strv_free(&v->strings);
	free(v->key);
	free(v);
}

static void verdicts_free(struct verdicts *all)
{
	while (all->first) {
		struct verdict *v = all->first;

		all->first = v->next;
		verdict_free(v);
	}
	free(all->of_peer);
	free(all);
}

/* --- what becomes of it --------------------------------------------------- */

static void diagnose(struct event *ev, const struct check_finding *f,
		     bool refused)
{
	char *message = xasprintf("%s [%s]", f->message, f->rule->id);
	struct diagnostic one = {.file = f->file,
				 .line = f->line,
				 .severity = refused ? "error" : "warning",
				 .message = message};
	struct diagnostics d = {.v = &one, .n = 1};

	diagnostics_merge(&ev->diagnostics, &d);
	free(message);
}

static void refuse(struct round_peer *p, const struct check_finding *f,
		   size_t more)
{
	char *others = more ? xasprintf(" (and %zu more)", more) : xstrdup("");
	char *message = xasprintf("%s [%s]%s; %s", f->message, f->rule->id,
				  others, f->rule->advice);
	struct session_answer a = {.reason = "unsafe",
				   .module = f->module,
				   .symbol = f->symbol,
				   .message = message};

	round_result(p, &a);
	p->judged = true;
	free(others);
	free(message);
}

static bool is_error(const struct check_finding *f)
{
	return f->severity == CHECK_ERROR && !f->suppressed;
}

/* Of several types behind pointers the one that is nearest to a variable, as
 * the load tells it. */
static bool tells_better(const struct check_finding *f,
			 const struct check_finding *told)
{
	return is_error(f) && f->rule == told->rule && f->far < told->far;
}

/* The findings are sorted: errors come first. */
static void verdict_apply(struct round_peer *p, struct verdict *v, bool force)
{
	const struct check_result *r = &v->result;
	size_t errors = check_result_count(r, CHECK_ERROR);
	const struct check_finding *first = r->findings;

	while (errors && !is_error(first))
		first++;
	for (size_t i = 0; errors && i < r->n; i++)
		if (tells_better(&r->findings[i], first))
			first = &r->findings[i];
	for (size_t i = 0; i < r->n; i++)
		if (is_error(&r->findings[i]))
			diagnose(p->round->ev, &r->findings[i], !force);
	if (errors && !force)
		refuse(p, first, errors - 1);
	else if (errors)
		engine_notice(p->round->e, EVENT_NOTICE,
			      "%s is loaded into pid %d although it is unsafe: "
			      "%s [%s]",
			      first->module, p->pid, first->message,
			      first->rule->id);
}

static void suppress(struct round *r, struct verdict *v)
{
	char *path = path_join(r->e->root, "hotwatch.json");

	check_suppress(&v->result, &r->e->settings, path, check_today(), false);
	free(path);
}

/* What goes by itself once all that must come along does. */
static bool is_mended(const struct check_finding *f)
{
	return f->rule == &check_rules[RULE_VARIABLE_SHARED];
}

static bool may_load(const struct verdict *v, bool force)
{
	for (size_t i = 0; !force && i < v->result.n; i++)
		if (is_error(&v->result.findings[i]) &&
		    !is_mended(&v->result.findings[i]))
			return false;
	return true;
}

/* True: some module comes along, and all is judged once more. */
static bool more_needed(struct verdicts *all, bool force)
{
	struct round *r = all->round;
	bool more = false;

	for (size_t i = 0; r->set && i < r->npeers; i++)
		if (r->peers[i].peer && all->of_peer[i] &&
		    may_load(all->of_peer[i], force))
			more |=
			    round_along(&r->peers[i], &all->of_peer[i]->result);
	return more;
}

static void judged(uv_work_t *work, int status)
{
	struct verdicts *all = work->data;
	struct round *r = all->round;
	bool force = r->e->settings.unsafe == UNSAFE_WARN ||
		     (r->set && r->set->flags & ENGINE_FORCE);
	bool more;

	(void)status;
	for (struct verdict *v = all->first; v; v = v->next)
		suppress(r, v);
	more = !r->e->closing && more_needed(all, force);
	for (size_t i = 0; i < r->npeers && !more; i++)
		if (r->peers[i].peer && all->of_peer[i] && !r->e->closing)
			verdict_apply(&r->peers[i], all->of_peer[i], force);
	verdicts_free(all);
	r->judged = !more || r->stale;
	if (r->judged)
		round_load(r);
	else
		round_link(r);
}

static void judge(uv_work_t *work)
{
	struct verdicts *all = work->data;

	for (struct verdict *v = all->first; v; v = v->next)
		check_compare(&v->was, &v->is, &v->result, NULL);
}

/* The verdict about what P would get; the one of another, if that is alike. */
static struct verdict *verdict_for(struct verdicts *all,
				   const struct round_peer *p)
{
	struct verdict *v = verdict_make(p);

	for (struct verdict *other = all->first; other; other = other->next) {
		if (strcmp(other->key, v->key) != 0)
			continue;
		verdict_free(v);
		return other;
	}
	v->next = all->first;
	all->first = v;
	return v;
}

bool round_judge(struct round *r)
{
	struct verdicts *all = xcalloc(1, sizeof(*all));

	all->round = r;
	all->of_peer = xcalloc(r->npeers + 1, sizeof(struct verdict *));
	for (size_t i = 0; i < r->npeers; i++)
		if (r->peers[i].peer && peer_usable(r->peers[i].peer))
			all->of_peer[i] = verdict_for(all, &r->peers[i]);
	all->work.data = all;
	if (all->first &&
	    uv_queue_work(r->e->loop, &all->work, judge, judged) == 0)
		return true;
	verdicts_free(all);
	return false;
}
