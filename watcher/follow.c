/* SPDX-License-Identifier: MIT
 *
 * See follow.h. The engine serves the project's socket whoever opened it, so
 * it does not matter which of several commands came first; and when that one
 * ends, the others race for the project's lock, one gets it, and the rest
 * attach to that one.
 *
 * A watcher in a process of its own, started by whichever command needs one,
 * was tried: what was printed then lagged behind what watch/sync had
 * answered, and one more process had to be kept from being left behind.
 */
#include "watcher/follow.h"

#include <cjson/cJSON.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/client.h"
#include "watcher/engine.h"
#include "watcher/jsonget.h"
#include "watcher/project.h"
#include "watcher/screen.h"

#define ATTEMPTS 500  /* at attaching, while watchers come and go */
#define ATTEMPT_MS 10 /* between two: another's start gives no sign */

static void show(struct follow *f, const cJSON *event)
{
	screen_event(f->screen, event, !f->wanted || f->wanted(event, f->arg));
}

/* --- the engine in this process ------------------------------------------ */

static void on_event(const struct event *e, void *arg)
{
	cJSON *event = event_json(e);

	show(arg, event);
	cJSON_Delete(event);
}

/* 0, or ENGINE_* and *err. */
static int open_engine(struct follow *f, char **err)
{
	static const struct engine_callbacks callbacks = {.event = on_event};
	struct engine_options options = {.serve = true, .programs = true};

	return engine_open(&f->engine, f->loop, f->root, &options, &callbacks,
			   f, err);
}

/* --- another's watcher --------------------------------------------------- */

static void on_notified(const char *method, const cJSON *event, void *arg)
{
	struct follow *f = arg;
	double seq = json_num(event, "seq", 0);

	if (f->catching_up || strcmp(method, "watch/event") != 0 ||
	    (seq > 0 && seq <= f->seen))
		return;
	if (seq > 0)
		f->seen = seq;
	show(f, event);
}

/* Takes note of what the log holds; with PRINT, prints what is new. */
static int ask_log(struct follow *f, bool print, struct client_error *e)
{
	const cJSON *event;
	cJSON *log = NULL;
	int r = client_call(f->client, "watch/log", NULL, &log, e);

	cJSON_ArrayForEach(event, json_at(log, "events"))
	{
		double seq = json_num(event, "seq", 0);

		if (seq <= f->seen)
			continue;
		f->seen = seq;
		if (print)
			show(f, event);
	}
	cJSON_Delete(log);
	return r;
}

/*
 * Subscribed first, and the log read then, nothing falls between the two;
 * what is notified meanwhile is in the log as well.
 */
static int subscribe(struct follow *f, struct client_error *e)
{
	cJSON *result = NULL;
	int r;

	f->seen = 0;
	f->catching_up = true;
	r = ask_log(f, false, e);
	if (r == 0)
		r = client_call(f->client, "watch/subscribe", NULL, &result, e);
	if (r == 0)
		r = ask_log(f, true, e);
	f->catching_up = false;
	cJSON_Delete(result);
	return r < 0 ? -1 : 0;
}

static void poll_closed(uv_handle_t *h)
{
	free(h);
}

static void close_client(struct follow *f)
{
	if (f->poll) {
		uv_poll_stop(f->poll);
		uv_close((uv_handle_t *)f->poll, poll_closed);
	}
	f->poll = NULL;
	client_close(f->client);
	f->client = NULL;
}

static int attach(struct follow *f, const char **reason, char **err);

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct follow *f = poll->data;
	const char *reason;
	char *err = NULL;

	(void)events;
	if (status == 0 && client_read(f->client) == 0)
		return;
	screen_clear(f->screen);
	close_client(f);
	if (attach(f, &reason, &err) < 0 && f->lost)
		f->lost(err, f->arg);
	free(err);
}

/* 0; -1 if it went away; -1 and *err if it does not answer. */
static int open_client(struct follow *f, char **err)
{
	struct client_error e = {0};

	if (project_connect(f->root, &f->client, on_notified, f, NULL) < 0)
		return -1;
	if (subscribe(f, &e) < 0) {
		if (!strcmp(e.reason, "deadline"))
			fail(err, "the watcher of %s: %s", f->root, e.message);
		client_error_free(&e);
		close_client(f);
		return -1;
	}
	client_limit(f->client, -1);
	f->poll = xcalloc(1, sizeof(*f->poll));
	f->poll->data = f;
	uv_poll_init(f->loop, f->poll, client_fd(f->client));
	uv_poll_start(f->poll, UV_READABLE, on_readable);
	return 0;
}

/* --- either -------------------------------------------------------------- */

/* A watcher that is just starting or ending holds the project but does not
 * answer: it is tried again for as long as that may take. */
static int attach(struct follow *f, const char **reason, char **err)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		int r = open_engine(f, err);

		if (r == 0)
			return 0;
		*reason = "no_watcher";
		if (r != ENGINE_BUSY)
			return -1;
		free(*err);
		*err = NULL;
		if (open_client(f, err) == 0)
			return 0;
		if (*err)
			return -1;
		poll(NULL, 0, ATTEMPT_MS);
	}
	*reason = "no_watcher";
	return fail(err,
		    "the watcher of %s does not answer; `hotwatch doctor` "
		    "shows which process it is",
		    f->root);
}

int follow_open(struct follow *f, const char **reason, char **err)
{
	return attach(f, reason, err);
}

void follow_close(struct follow *f)
{
	close_client(f);
	if (f->engine)
		engine_close(f->engine, NULL, NULL);
	f->engine = NULL;
}

/* --- asking -------------------------------------------------------------- */

/* A question to the engine that waits for its answer. */
struct question {
	follow_done *done;
	void *arg;
};

static struct question *question(follow_done *done, void *arg)
{
	struct question *q = xcalloc(1, sizeof(*q));

	q->done = done;
	q->arg = arg;
	return q;
}

static void on_synced(int status, void *arg)
{
	struct question *q = arg;
	cJSON *result = cJSON_CreateObject();

	if (status == 0)
		q->done(result, NULL, NULL, q->arg);
	else
		q->done(NULL, "closed", "the watcher was ended", q->arg);
	cJSON_Delete(result);
	free(q);
}

static void on_loaded(const struct event *e, const char *reason,
		      const char *message, void *arg)
{
	struct question *q = arg;
	cJSON *result = e ? cJSON_CreateObject() : NULL;

	if (e) {
		cJSON_AddBoolToObject(result, "ok", event_ok(e));
		cJSON_AddItemToObject(result, "event", event_json(e));
	}
	q->done(result, reason, message, q->arg);
	cJSON_Delete(result);
	free(q);
}

static void ask_client(struct follow *f, const char *method, cJSON *params,
		       follow_done *done, void *arg)
{
	struct client_error e = {0};
	cJSON *result = NULL;

	if (client_call(f->client, method, params, &result, &e) == 0)
		done(result, NULL, NULL, arg);
	else
		done(NULL, e.reason, e.message, arg);
	cJSON_Delete(result);
	client_error_free(&e);
}

void follow_sync(struct follow *f, follow_done *done, void *arg)
{
	if (f->engine)
		engine_sync(f->engine, on_synced, question(done, arg));
	else
		ask_client(f, "watch/sync", NULL, done, arg);
}

static cJSON *load_params(const char *const *modules, unsigned flags,
			  const char *extra)
{
	cJSON *params = cJSON_CreateObject();
	cJSON *names = cJSON_AddArrayToObject(params, "modules");

	for (; *modules; modules++)
		cJSON_AddItemToArray(names, cJSON_CreateString(*modules));
	cJSON_AddBoolToObject(params, "force", flags & ENGINE_FORCE);
	cJSON_AddBoolToObject(params, "purge", flags & ENGINE_KILL);
	if (extra)
		cJSON_AddStringToObject(params, "extra", extra);
	return params;
}

void follow_load(struct follow *f, const char *const *modules, unsigned flags,
		 const char *extra, follow_done *done, void *arg)
{
	if (f->engine)
		engine_load(f->engine, modules, flags, extra, on_loaded,
			    question(done, arg));
	else
		ask_client(f, "watch/load", load_params(modules, flags, extra),
			   done, arg);
}

cJSON *follow_status(struct follow *f)
{
	struct client_error e = {0};
	cJSON *result = NULL;

	if (f->engine)
		return engine_status(f->engine, 0);
	client_call(f->client, "watch/status", NULL, &result, &e);
	client_error_free(&e);
	return result;
}
