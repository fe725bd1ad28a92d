/* SPDX-License-Identifier: MIT
 *
 * The loop of a gen_server: see the header. It keeps to three rules:
 *
 *   - no frame and no register of it has an address of a version's code or
 *     constants while it waits: what calls back is a function of its own that
 *     has returned by then;
 *   - what it needs lies on its own stack, and what a callback may leave behind
 *     when it is ended there (the message) is freed by a cleanup handler;
 *   - a process may be ended in a callback, and in hw_receive, and nowhere else
 *     in here: the loop's own functions lie in a section by which
 *     process-stop.c knows that they hold nothing while they call back.
 *
 * A start is a call like others: the new process has its order in its mailbox
 * from the beginning, and answers it when init has returned. So an end before
 * that is told as any end is, and nothing is lost with a starter that is ended.
 */
#include <errno.h>
#include <string.h>

#include "codeserver/include/hotwatch/gen_server.h"
#include "codeserver/sys-internal.h"

#define PUBLIC __attribute__((visibility("default")))

/* What init is started with: the first message of the process. */
struct start {
	hw_gen_server_module *module;
	void *arg;
};

struct started {
	int result; /* 0, HW_IGNORE, or an error of REASON */
	char reason[HW_REASON_MAX];
};

struct server {
	hw_gen_server_module *module;
	void *state;
	struct hw_message *m; /* in a callback */
	bool begun;           /* init has returned: terminate is to be called */
	/* What the callback said. */
	bool exits, ignored, continues;
	int timeout_ms; /* -1: none */
	void *continue_arg;
	char reason[HW_REASON_MAX];
};

static __thread struct server *self __attribute__((tls_model("initial-exec")));

/* --- what callbacks say --------------------------------------------------- */

PUBLIC void hw_gen_server_ignore(void)
{
	if (self)
		self->ignored = true;
}

PUBLIC void hw_gen_server_exit(const char *reason)
{
	if (!self)
		return;
	self->exits = true;
	reason_copy(self->reason, reason);
}

PUBLIC void hw_gen_server_timeout(int ms)
{
	if (self)
		self->timeout_ms = ms;
}

PUBLIC void hw_gen_server_continue(void *arg)
{
	if (!self)
		return;
	self->continues = true;
	self->continue_arg = arg;
}

/* --- calling back --------------------------------------------------------- */

static void message_done(struct server *s)
{
	hw_message_free(s->m);
	s->m = NULL;
}

#pragma clang section text = "hw_loop"

static __attribute__((noinline)) void server_message(struct server *s)
{
	const struct hw_gen_server *callbacks = s->module();
	void *(*fn)(void *state, const struct hw_message *m) =
	    s->m->kind == HW_CALL   ? callbacks->handle_call
	    : s->m->kind == HW_CAST ? callbacks->handle_cast
				    : callbacks->handle_info;

	if (fn)
		s->state = fn(s->state, s->m);
	else if (s->m->kind == HW_CALL || s->m->kind == HW_CAST)
		hw_gen_server_exit("undef");
}

static __attribute__((noinline)) void server_timeout(struct server *s)
{
	const struct hw_gen_server *callbacks = s->module();

	if (callbacks->handle_timeout)
		s->state = callbacks->handle_timeout(s->state);
}

static __attribute__((noinline)) void server_continue(struct server *s)
{
	const struct hw_gen_server *callbacks = s->module();

	s->continues = false;
	if (callbacks->handle_continue)
		s->state =
		    callbacks->handle_continue(s->state, s->continue_arg);
	else
		hw_gen_server_exit("undef");
}

static __attribute__((noinline)) void server_terminate(struct server *s)
{
	const struct hw_gen_server *callbacks = s->module();

	s->begun = false;
	if (callbacks->sys.terminate)
		callbacks->sys.terminate(s->state, s->reason);
}

static __attribute__((noinline)) void server_obey(struct server *s)
{
	struct hw_message *m = s->m;

	s->m = NULL;
	if (!sys_obey(m, &s->module()->sys, &s->state, s->reason))
		s->exits = true;
}

static __attribute__((noinline)) void server_init(struct server *s, void *arg)
{
	const struct hw_gen_server *callbacks = s->module();

	s->state = callbacks->init ? callbacks->init(arg) : arg;
}

/* --- the loop ------------------------------------------------------------- */

static void server_take(struct server *s)
{
	if (s->m->kind == HW_SYSTEM) {
		server_obey(s);
		return;
	}
	sys_count_in();
	s->timeout_ms = -1;
	if (sys_is_parents_exit(s->m))
		hw_gen_server_exit(s->m->reason);
	else
		server_message(s);
	message_done(s);
}

static void server_loop(struct server *s)
{
	while (!s->exits) {
		if (s->continues) {
			server_continue(s);
			continue;
		}
		s->m = sys_receive(s->timeout_ms);
		if (s->m) {
			server_take(s);
			continue;
		}
		s->timeout_ms = -1;
		server_timeout(s);
	}
}

/* It is being unwound out of a callback. If that exited by itself, the server
 * is told of its end; if it is killed, or a link ends it, it is not. */
static void server_left(void *arg)
{
	struct server *s = arg;

	message_done(s);
	if (!s->begun || !process_self->exits_itself)
		return;
	memcpy(s->reason, process_self->reason, sizeof(s->reason));
	server_terminate(s);
}

/* Its name is free again before the starter hears that it failed. */
static void start_answer(struct server *s, hw_ref ref)
{
	struct mail *mail = mail_make(NULL, sizeof(struct started));
	struct started *answer;

	if ((s->exits || s->ignored) && process_self->name[0])
		hw_unregister(process_self->name);
	if (!mail) {
		hw_gen_server_exit("system_limit"); /* which is told */
		return;
	}
	answer = (struct started *)(void *)mail->m.data;
	answer->result = s->exits ? -ECONNRESET : s->ignored ? HW_IGNORE : 0;
	reason_copy(answer->reason, s->reason);
	call_answer(ref, mail);
}

static void server_run(struct server *s)
{
	const struct start *start;
	hw_ref ref;

	s->m = hw_receive(-1);
	start = (const struct start *)(const void *)s->m->data;
	s->module = start->module;
	ref = s->m->ref;
	server_init(s, start->arg);
	message_done(s);
	start_answer(s, ref);
	if (s->exits || s->ignored)
		return;
	s->begun = true;
	server_loop(s);
	server_terminate(s);
}

static void gen_main(void *arg)
{
	struct server s = {.timeout_ms = -1, .reason = "normal"};

	(void)arg;
	self = &s;
	pthread_cleanup_push(server_left, &s);
	server_run(&s);
	pthread_cleanup_pop(0);
	if (strcmp(s.reason, "normal") != 0)
		hw_exit_self(s.reason);
}

#pragma clang section text = ""

/* --- starting and stopping ------------------------------------------------ */

static struct mail *start_mail(hw_gen_server_module *module, void *arg,
			       hw_ref ref)
{
	const struct start start = {module, arg};
	struct mail *mail = mail_make(&start, sizeof(start));

	if (!mail)
		return NULL;
	mail->m.kind = HW_SYSTEM;
	mail->m.ref = ref;
	return mail;
}

/* It was spawned; what has become of it. */
static int start_result(struct call *c, hw_pid pid, int timeout_ms)
{
	int r = call_wait(c, timeout_ms);
	const struct started *s;

	if (r == -ETIMEDOUT) {
		hw_exit(pid, "kill");
		hw_wait(pid, -1);
	}
	if (r)
		return r;
	s = (const struct started *)(const void *)c->answer->m.data;
	r = s->result;
	if (r < 0)
		call_failed(r, s->reason);
	mail_free(c->answer);
	return r;
}

static int start_failed(int e, const struct hw_spawn_options *o, hw_pid *pid)
{
	if (e == -EEXIST) {
		*pid = hw_whereis(o->name);
		return call_failed(e, "already_started");
	}
	return call_failed(e, e == -EINVAL || e == -EPERM ? "badarg"
							  : "system_limit");
}

int gen_server_start(hw_gen_server_module *module, void *arg,
		     const struct hw_spawn_options *options, int timeout_ms,
		     hw_pid *pid, void (*named)(void))
{
	struct hw_spawn_options o =
	    options ? *options : (struct hw_spawn_options){.name = NULL};
	struct spawning s = {.fn = gen_main,
			     .options = &o,
			     .named = named,
			     .library = named != (void (*)(void))module};
	struct call c;
	hw_pid started = 0;
	int r;

	o.system = true;
	if (pid)
		*pid = 0;
	if (!module)
		return call_failed(-EINVAL, "badarg");
	call_init(&c);
	s.call = &c;
	s.first = start_mail(module, arg, c.ref);
	r = s.first ? process_spawn(&s, &started) : -ENOMEM;
	if (r)
		return start_failed(r, &o, pid ? pid : &started);
	r = start_result(&c, started, timeout_ms);
	if (!r && pid)
		*pid = started;
	return r;
}

PUBLIC int hw_gen_server_start(hw_gen_server_module *module, void *arg,
			       const struct hw_spawn_options *options,
			       int timeout_ms, hw_pid *pid)
{
	return gen_server_start(module, arg, options, timeout_ms, pid,
				(void (*)(void))module);
}

PUBLIC int hw_gen_server_stop(hw_pid pid, const char *reason, int timeout_ms)
{
	return hw_sys_terminate(pid, reason ? reason : "normal", timeout_ms);
}

/* --- talking to one ------------------------------------------------------- */

PUBLIC int hw_gen_server_call(hw_pid pid, const void *request, size_t size,
			      int timeout_ms, struct hw_message **answer)
{
	struct mail *mail;
	struct call c;
	int r = mail_of(request, size, HW_CALL, 0, &mail);

	if (r == -EINVAL)
		return call_failed(r, "badarg");
	r = call_ask(&c, pid, mail, timeout_ms);
	if (r)
		return r;
	if (answer)
		*answer = &c.answer->m;
	else
		mail_free(c.answer);
	return 0;
}

PUBLIC int hw_gen_server_cast(hw_pid pid, const void *request, size_t size)
{
	struct mail *mail;
	int r = mail_of(request, size, HW_CAST, 0, &mail);

	return r ? r : mailbox_send(pid, mail);
}

PUBLIC int hw_gen_server_reply(hw_ref ref, const void *data, size_t size)
{
	struct mail *mail;
	int r = mail_of(data, size, HW_MESSAGE, ref, &mail);

	if (r)
		return r;
	sys_count_out();
	call_answer(ref, mail);
	return 0;
}
