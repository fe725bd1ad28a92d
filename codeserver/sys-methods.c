/* SPDX-License-Identifier: MIT
 *
 * System messages from the socket. The code server's thread waits for nobody:
 * it makes the call and goes on; the answer, or the end of the process, comes
 * back as a job, and a timer gives up.
 *
 * Words: what a process or a callback ended of may be anything, so it stands in
 * the message; the reason is one of a few words.
 */
#include "codeserver/sys-methods.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/methods.h"
#include "codeserver/server.h"
#include "codeserver/sys-internal.h"

#define TIMEOUT_MS 5000

struct asked {
	struct call call; /* first */
	struct server_job job;
	struct server_timer timer;
	struct hw_request *req;
	hw_pid pid;
	struct sys_request request;
};

/* --- answers -------------------------------------------------------------- */

/* The sentence, and the word for an error that sys.h lists. */
static const struct {
	int error;
	const char *reason, *message;
} words[] = {
    {-ESRCH, "noproc", "there is no such process"},
    {-EOPNOTSUPP, "not_special",
     "it takes no system messages: it is neither a gen_server nor a supervisor "
     "nor a special process (hotwatch/sys.h)"},
    {-ETIMEDOUT, "timeout", "it did not answer in time; it may still obey"},
    {-EBUSY, "not_suspended",
     "its code can be changed while it is suspended; suspend it first"},
    {-ENOSYS, "undef", "its module has no callback for that"},
    {-ENODATA, "no_statistics", "it does not count; switch that on first"},
    {-ECANCELED, "callback_failed",
     "the callback failed, and the state is what it was"},
    {-ECONNRESET, "noproc", "it ended before it answered"},
    {0, "system_limit", "there is no memory, or its mailbox is full"},
};

/* WHY: what it ended of, or NULL. */
static void refuse_word(struct hw_request *req, hw_pid pid, int error,
			const char *why)
{
	struct hw_failure f;
	size_t i = 0;

	while (words[i].error && words[i].error != error)
		i++;
	if (why && (error == -ECANCELED || error == -ECONNRESET))
		failure_set(&f, words[i].reason, NULL, NULL,
			    "process %llu: %s (%s)", (unsigned long long)pid,
			    words[i].message, why);
	else
		failure_set(&f, words[i].reason, NULL, NULL, "process %llu: %s",
			    (unsigned long long)pid, words[i].message);
	refuse(req, &f);
}

static void add_statistics(cJSON *o, const struct hw_sys_statistics *s)
{
	cJSON_AddNumberToObject(o, "started", (double)s->started_ms);
	cJSON_AddNumberToObject(o, "now", (double)s->now_ms);
	cJSON_AddNumberToObject(o, "messages_in", (double)s->messages_in);
	cJSON_AddNumberToObject(o, "messages_out", (double)s->messages_out);
	cJSON_AddNumberToObject(o, "cpu_us", (double)s->cpu_us);
}

static cJSON *result_json(const struct asked *a, const struct sys_answer *got)
{
	cJSON *o = cJSON_CreateObject();
	char name[PROCESS_NAME_MAX];

	process_name(a->pid, name, sizeof(name));
	cJSON_AddNumberToObject(o, "process", (double)a->pid);
	cJSON_AddStringToObject(o, "name", name);
	if (a->request.op == SYS_GET_STATE)
		cJSON_AddStringToObject(o, "state", got->text);
	if (a->request.op == SYS_STATISTICS &&
	    a->request.count == HW_SYS_COUNT_GET)
		add_statistics(o, &got->statistics);
	return o;
}

static void over(struct server_job *job)
{
	struct asked *a =
	    (struct asked *)(void *)((char *)job - offsetof(struct asked, job));
	const struct sys_answer *got =
	    a->call.answer ? (const struct sys_answer *)(const void *)
				 a->call.answer->m.data
			   : NULL;

	server_never(&a->timer);
	if (!got)
		refuse_word(a->req, a->pid, -ECONNRESET, a->call.reason);
	else if (got->error)
		refuse_word(a->req, a->pid, got->error, got->reason);
	else
		hw_rpc_reply(a->req, result_json(a, got));
	mail_free(a->call.answer);
	free(a);
}

/* Under the processes' lock. */
static void settled(struct call *c)
{
	server_post(&((struct asked *)(void *)c)->job);
}

static void too_late(struct server_timer *timer)
{
	struct asked *a =
	    (struct asked *)(void *)((char *)timer -
				     offsetof(struct asked, timer));

	if (!call_leave(&a->call))
		return; /* its job is on the way */
	refuse_word(a->req, a->pid, -ETIMEDOUT, NULL);
	free(a);
}

/* --- questions ------------------------------------------------------------ */

/* By number or by name; 0: the request was refused. */
static hw_pid process_param(struct hw_request *req, const cJSON *params)
{
	const cJSON *p = cJSON_GetObjectItemCaseSensitive(params, "process");
	const char *name = cJSON_GetStringValue(p);
	struct hw_failure f;
	hw_pid pid;

	if (cJSON_IsNumber(p) && p->valuedouble >= 1)
		return (hw_pid)p->valuedouble;
	if (!name) {
		hw_rpc_fail(req, HW_RPC_INVALID_PARAMS,
			    "\"process\" is missing: a number or a name", NULL);
		return 0;
	}
	pid = hw_whereis(name);
	if (pid)
		return pid;
	failure_set(&f, "noproc", NULL, NULL,
		    "%s: no process of that name here; process/list lists them",
		    name);
	refuse(req, &f);
	return 0;
}

static void ask(struct hw_request *req, const cJSON *params,
		const struct sys_request *request, const char *const texts[3])
{
	hw_pid pid = process_param(req, params);
	struct asked *a = pid ? calloc(1, sizeof(*a)) : NULL;
	struct mail *mail = a ? sys_mail(request, texts) : NULL;
	int r;

	if (!pid)
		return;
	if (!mail) {
		refuse_word(req, pid, -ENOMEM, NULL);
		free(a);
		return;
	}
	call_init(&a->call);
	a->call.done = settled;
	a->job.run = over;
	a->timer.run = too_late;
	a->req = req;
	a->pid = pid;
	a->request = *request;
	server_later(&a->timer,
		     (unsigned)member_number(params, "timeout_ms", TIMEOUT_MS));
	r = call_send(&a->call, pid, mail);
	if (r == 0)
		return;
	server_never(&a->timer);
	refuse_word(req, pid, r, NULL);
	free(a);
}

void method_sys_suspend(struct hw_request *req, const cJSON *params, void *user)
{
	const struct sys_request r = {.op = SYS_SUSPEND};

	(void)user;
	ask(req, params, &r, NULL);
}

void method_sys_resume(struct hw_request *req, const cJSON *params, void *user)
{
	const struct sys_request r = {.op = SYS_RESUME};

	(void)user;
	ask(req, params, &r, NULL);
}

void method_sys_change_code(struct hw_request *req, const cJSON *params,
			    void *user)
{
	const struct hw_mod *m = module_param(req, params);
	const struct sys_request r = {
	    .op = SYS_CHANGE_CODE,
	    .down =
		cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(params, "down"))};

	(void)user;
	if (m)
		ask(req, params, &r,
		    (const char *[3]){m->name, member_string(params, "vsn"),
				      member_string(params, "extra")});
}

void method_sys_get_state(struct hw_request *req, const cJSON *params,
			  void *user)
{
	const struct sys_request r = {.op = SYS_GET_STATE};

	(void)user;
	ask(req, params, &r, NULL);
}

void method_sys_replace_state(struct hw_request *req, const cJSON *params,
			      void *user)
{
	const struct sys_request r = {.op = SYS_PARSE_STATE};
	const char *state = member_string(params, "state");

	(void)user;
	if (state)
		ask(req, params, &r, (const char *[3]){state});
	else
		hw_rpc_fail(req, HW_RPC_INVALID_PARAMS,
			    "\"state\" is missing: the new state's text", NULL);
}

void method_sys_statistics(struct hw_request *req, const cJSON *params,
			   void *user)
{
	static const char *const names[] = {"off", "on", "get"};
	const char *word = member_string(params, "count");
	struct sys_request r = {.op = SYS_STATISTICS,
				.count = HW_SYS_COUNT_GET};

	(void)user;
	for (int i = 0; word && i < 3; i++)
		if (!strcmp(word, names[i]))
			r.count = (enum hw_sys_count)i;
	ask(req, params, &r, NULL);
}
