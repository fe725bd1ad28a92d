/* SPDX-License-Identifier: MIT
 *
 * hotwatch log: what the watcher saw and did, newest last; with -f also what
 * it does from now on.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "watcher/ask.h"
#include "watcher/jsonget.h"
#include "watcher/report.h"

struct log {
	const struct options *o;
	struct ui ui;
	double seen; /* seq of the last event printed */
	bool follow;
};

static void put_time(struct text *t, const struct ui *ui, double ms)
{
	time_t s = (time_t)(ms / 1000);
	char buf[32];
	struct tm tm;

	localtime_r(&s, &tm);
	strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S", &tm);
	ui_put(t, ui, UI_DIM, "%s.%03d", buf, (int)((long long)ms % 1000));
	text_puts(t, " ");
}

static void print_event(struct log *l, const cJSON *event)
{
	double seq = json_num(event, "seq", 0);
	struct text t = {0}, line = {0};

	if (seq <= l->seen)
		return; /* also what has no seq: progress */
	l->seen = seq;
	if (l->o->json) {
		ask_print_json(event);
		return;
	}
	report_event(&line, &l->ui, event, false);
	if (line.len) {
		put_time(&t, &l->ui, json_num(event, "time", 0));
		text_add(&t, line.s, line.len);
	}
	text_free(&line);
	ask_print(&t);
}

static void on_notified(const char *method, const cJSON *event, void *arg)
{
	struct log *l = arg;

	/* until the log was read, an event would come before older ones */
	if (l->follow && !strcmp(method, "watch/event"))
		print_event(l, event);
}

static int read_log(struct log *l, struct client *c, struct client_error *e)
{
	const cJSON *event;
	cJSON *log = NULL, *ok = NULL;
	int r = 0;

	if (options_given(l->o, "follow"))
		r = client_call(c, "watch/subscribe", NULL, &ok, e);
	if (r == 0)
		r = client_call(c, "watch/log", NULL, &log, e);
	cJSON_ArrayForEach(event, json_at(log, "events")) print_event(l, event);
	cJSON_Delete(log);
	cJSON_Delete(ok);
	return r;
}

static int exec_log(struct options *o)
{
	struct log l = {.o = o};
	struct client_error e = {0};
	struct client *c = NULL;
	int status;

	ui_open(&l.ui, STDOUT_FILENO, o->color);
	status = ask_attach(o, &c, on_notified, &l);
	if (status != 0)
		return status;
	if (read_log(&l, c, &e) < 0)
		status = ask_fail(o, ask_status(e.reason), e.reason, "%s",
				  e.message);
	l.follow = true;
	while (status == 0 && options_given(o, "follow"))
		if (client_read(c) < 0)
			status = ask_fail(o, STATUS_UNASKED, "closed",
					  "the watcher has ended");
	client_error_free(&e);
	client_close(c);
	return status;
}

static const struct option_spec log_options[] = {
    {"follow", 'f', NULL, "go on with what happens from now on"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_log_entry = {
    .name = "log",
    .help = "what happened, newest last",
    .about =
	"Prints what the project's watcher has seen and done: reloads with\n"
	"their times, compile errors, refusals, processes that came and went.\n"
	"The watcher keeps the last 512. With --json each event is one line.",
    .options = log_options,
    .exec = exec_log,
};
