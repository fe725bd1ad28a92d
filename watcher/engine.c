/* SPDX-License-Identifier: MIT
 *
 * The engine's life, and the pump: the one place where anything is decided.
 *
 * Whoever learnt something (a file's content, a compiler's end, a target's
 * answer) notes it and calls engine_pump. The pump starts what the difference
 * between wanted and loaded asks for and returns; it is never nested, and
 * calling it once too often does nothing. There is no other place where work
 * begins, so nothing can be begun twice or forgotten.
 */
#include "watcher/engine-internal.h"

#include "watcher/paths.h"
#include "watcher/symbolize.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAVE_MS 200     /* of quiet, before state.json is written */
#define GIT_LOOK_MS 50  /* between looks at a git that holds us up */
#define ANSWER_MS 10000 /* a load takes 3 ms; a stopped process, for ever */

/* --- telling ------------------------------------------------------------- */

void engine_tell(struct engine *e, struct event *ev)
{
	eventlog_add(e->log, ev);
	if (e->callbacks.event)
		e->callbacks.event(ev, e->arg);
	if (e->daemon)
		daemon_event(e->daemon, ev);
	if (ev->kind == EVENT_BUILDING)
		event_free(ev);
}

void engine_notice(struct engine *e, enum event_kind kind, const char *fmt, ...)
{
	struct event *ev = event_new(kind);
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&ev->message, fmt, ap) < 0)
		ev->message = NULL;
	va_end(ap);
	engine_tell(e, ev);
}

static void watch_notice(const char *text, bool fatal, void *arg)
{
	engine_notice(arg, EVENT_NOTICE, "%s%s", fatal ? "not watched: " : "",
		      text);
}

/* --- the pump ------------------------------------------------------------ */

static bool unit_due(const struct unit *u)
{
	return u->state == UNIT_DIRTY && u->set && unit_needed(u);
}

static void step_programs(struct engine *e)
{
	for (struct program *p = e->programs; p; p = p->next)
		if (p->reread && !round_of_program(p))
			program_reread(p);
}

static void step_units(struct engine *e)
{
	for (struct unit *u = e->unit_list; u; u = u->next)
		if (unit_due(u))
			unit_build(u);
	for (struct set *s = e->sets; s; s = s->next)
		if (s->begun)
			set_progress(s);
}

static void step_sets(struct engine *e)
{
	struct set *next;

	for (struct set *s = e->sets; s; s = next) {
		next = s->next;
		set_step(s);
	}
}

static void git_due(uv_timer_t *timer)
{
	engine_pump(timer->data);
}

/*
 * While git is at work in the tree, what is compiled is half of one commit and
 * half of another. The watch holds its events back; what is due already is
 * held back here. The watch says nothing at git's end if no file of ours was
 * touched, hence the timer.
 */
static bool git_holds(struct engine *e)
{
	bool busy = watch_git_busy(e->watch);

	if (busy && !uv_is_active((uv_handle_t *)&e->git_timer))
		uv_timer_start(&e->git_timer, git_due, GIT_LOOK_MS, 0);
	return busy && (e->sets || e->asks);
}

bool engine_idle(const struct engine *e)
{
	if (peers_joining(e) || build_jobs(e->build) || e->rounds ||
	    e->absent.n || e->finding || own_busy(e))
		return false;
	for (const struct unit *u = e->unit_list; u; u = u->next)
		if (unit_due(u))
			return false;
	for (const struct program *p = e->programs; p; p = p->next)
		if (p->reread)
			return false;
	return true;
}

static void save_due(uv_timer_t *timer)
{
	struct engine *e = timer->data;

	for (struct program *p = e->programs; p; p = p->next)
		if (p->unsaved)
			state_save(p);
}

static void step_idle(struct engine *e)
{
	bool unsaved = false;

	if (!engine_idle(e))
		return;
	e->ready = true;
	for (struct program *p = e->programs; p; p = p->next) {
		if (!p->swept)
			files_sweep(p);
		unsaved |= p->unsaved;
	}
	if (unsaved)
		uv_timer_start(&e->save_timer, save_due, SAVE_MS, 0);
	asks_idle(e);
}

static void engine_ended(struct engine *e);

void engine_pump(struct engine *e)
{
	e->pump_again = true;
	if (e->pumping)
		return;
	e->pumping = true;
	while (e->pump_again && !e->closing) {
		e->pump_again = false;
		step_programs(e);
		asks_step(e);
		if (git_holds(e))
			break;
		step_units(e);
		step_sets(e);
		step_idle(e);
	}
	e->pumping = false;
	if (e->closing)
		engine_ended(e);
}

/* --- opening ------------------------------------------------------------- */

static int settings_open(struct engine *e, char **err)
{
	char *path = path_join(e->root, "hotwatch.json");
	int r;

	settings_init(&e->settings);
	r = settings_read(&e->settings, path, err);
	free(path);
	return r;
}

static int paths_open(struct engine *e, const char *root,
		      const struct engine_options *o, char **err)
{
	e->root = path_real(root);
	if (o->runtime)
		e->runtime = xstrdup(o->runtime);
	else if (runtime_dir(&e->runtime, err) < 0)
		return -1;
	e->codeserver =
	    o->codeserver ? xstrdup(o->codeserver) : path_codeserver(err);
	return e->codeserver ? 0 : -1;
}

static int watch_start(struct engine *e, const struct engine_options *o,
		       char **err)
{
	const struct watch_callbacks on = {change_files, watch_notice};
	struct watch_options wo = {
	    .settle_ms = o->settle_ms,
	    .ignore = (const char *const *)e->settings.ignore,
	};

	return watch_open(&e->watch, e->loop, e->root, &wo, &on, e, err);
}

static void target_gone(void *arg)
{
	engine_pump(arg);
}

static const struct targets_callbacks targets_on = {peer_found, target_gone};

/* In the order in which each needs the one before. */
static int parts_open(struct engine *e, const struct engine_options *o,
		      char **err)
{
	int r;

	if (o->serve && (r = daemon_open(&e->daemon, e, err)) < 0)
		return r;
	if (watch_start(e, o, err) < 0)
		return ENGINE_ERROR;
	if (targets_open(&e->targets, e->loop, e->runtime, &targets_on, e,
			 err) < 0)
		return ENGINE_ERROR;
	return 0;
}

/* libuv writes to a socket whose other end is gone without MSG_NOSIGNAL. */
static void ignore_sigpipe(void)
{
	struct sigaction now;

	if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

int engine_open(struct engine **out, uv_loop_t *loop, const char *root,
		const struct engine_options *options,
		const struct engine_callbacks *callbacks, void *arg, char **err)
{
	static const struct engine_options none;
	const struct engine_options *o = options ? options : &none;
	struct engine *e = xcalloc(1, sizeof(*e));
	int r;

	ignore_sigpipe();
	e->loop = loop;
	e->arg = arg;
	e->answer_ms = o->answer_ms ? o->answer_ms : ANSWER_MS;
	if (callbacks)
		e->callbacks = *callbacks;
	e->log = eventlog_new();
	e->files = depgraph_new();
	e->build = build_new(loop, o->jobs);
	e->own = own_new(e);
	uv_timer_init(loop, &e->absent_timer);
	uv_timer_init(loop, &e->git_timer);
	uv_timer_init(loop, &e->save_timer);
	uv_timer_init(loop, &e->held_timer);
	uv_timer_init(loop, &e->loop_timer);
	e->absent_timer.data = e->git_timer.data = e->save_timer.data = e;
	e->held_timer.data = e->loop_timer.data = e;
	e->handles = 5;
	e->symbolizer = symbolizer_new();
	uv_mutex_init(&e->naming);
	r = paths_open(e, root, o, err);
	if (r == 0)
		r = settings_open(e, err);
	if (r == 0)
		r = parts_open(e, o, err);
	if (r < 0) {
		engine_close(e, NULL, NULL);
		return r;
	}
	if (o->programs)
		programs_find(e);
	*out = e;
	return 0;
}

/* --- closing ------------------------------------------------------------- */

static void engine_free(struct engine *e)
{
	struct program *p;

	while (e->sets)
		set_free(e->sets);
	while ((p = e->programs)) {
		e->programs = p->next;
		program_free(p);
	}
	while (e->unit_list)
		unit_free(e->unit_list);
	strmap_free(&e->units);
	strmap_free(&e->dirs);
	depgraph_free(e->files);
	build_free(e->build);
	own_free(e->own);
	eventlog_free(e->log);
	settings_free(&e->settings);
	free(e->settings_error);
	strv_free(&e->absent);
	symbolizer_free(e->symbolizer);
	uv_mutex_destroy(&e->naming);
	place_free(&e->avoid);
	free(e->root);
	free(e->runtime);
	free(e->codeserver);
	if (e->closed)
		e->closed(e->closed_arg);
	free(e);
}

static void engine_ended(struct engine *e)
{
	if (e->closing && !e->handles && !build_jobs(e->build) && !e->rounds &&
	    !e->pumping)
		engine_free(e);
}

void engine_handle_closed(struct engine *e)
{
	e->handles--;
	engine_ended(e);
}

static void handle_closed(uv_handle_t *h)
{
	engine_handle_closed(h->data);
}

static void daemon_closed(void *arg)
{
	engine_handle_closed(arg);
}

void engine_close(struct engine *e, void (*done)(void *arg), void *arg)
{
	struct daemon *d = e->daemon;

	if (e->closing)
		return;
	e->closing = true;
	e->closed = done;
	e->closed_arg = arg;
	asks_close(e);
	e->daemon = NULL;
	if (d) {
		e->handles++;
		daemon_close(d, daemon_closed, e);
	}
	while (e->peers)
		peer_close(e->peers);
	if (e->targets)
		targets_close(e->targets);
	if (e->watch)
		watch_close(e->watch);
	uv_close((uv_handle_t *)&e->absent_timer, handle_closed);
	uv_close((uv_handle_t *)&e->git_timer, handle_closed);
	uv_close((uv_handle_t *)&e->save_timer, handle_closed);
	uv_close((uv_handle_t *)&e->held_timer, handle_closed);
	uv_close((uv_handle_t *)&e->loop_timer, handle_closed);
	own_close(e->own);
	build_cancel(e->build);
}
