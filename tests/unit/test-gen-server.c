/* SPDX-License-Identifier: MIT
 *
 * gen_server: starts, calls from processes and from foreign threads, casts,
 * infos, timeouts, ends. System messages are in test-sys.c.
 */
#include "tests/unit/gen-server-fixture.h"

/* --- starting ------------------------------------------------------------- */

static const char *start_fails(const char *arg, int timeout_ms)
{
	static char text[HW_REASON_MAX + 32];
	hw_pid pid = 77;
	int r = hw_gen_server_start(fx_server, (void *)(uintptr_t)arg,
				    &(struct hw_spawn_options){.name = "named"},
				    timeout_ms, &pid);

	CHECK_INT_EQ(pid, 0);
	CHECK_INT_EQ(hw_whereis("named"), 0);
	if (r >= 0)
		sprintf(text, "%d", r);
	else
		sprintf(text, "%s: %s", strerrorname_np(-r), hw_call_reason());
	return text;
}

static void init_may_refuse(void)
{
	CHECK_STR_EQ(start_fails("exit because", PATIENCE),
		     "ECONNRESET: because");
	CHECK_STR_EQ(start_fails("die so", PATIENCE), "ECONNRESET: so");
	CHECK_STR_EQ(start_fails("ignore", PATIENCE), "1");
	CHECK_STR_EQ(start_fails("hang", 20), "ETIMEDOUT: timeout");
	CHECK_STR_EQ(fx_noted(), "");
}

static void a_name_is_one_servers(void)
{
	struct hw_spawn_options o = {.name = "named"};
	hw_pid pid = fx_start(NULL, &o), other;

	CHECK_INT_EQ(hw_whereis("named"), pid);
	CHECK_INT_EQ(hw_gen_server_start(fx_server, NULL, &o, -1, &other),
		     -EEXIST);
	CHECK_INT_EQ(other, pid);
	CHECK_STR_EQ(hw_call_reason(), "already_started");
	fx_stop(pid);
	CHECK_INT_EQ(hw_whereis("named"), 0);
	pid = fx_start(NULL, &o);
	fx_stop(pid);
}

static void linked_start_body(void)
{
	struct hw_spawn_options o = {.link = true};
	hw_pid pid = 0;

	hw_trap_exit(true);
	CHECK_INT_EQ(hw_gen_server_start(fx_server, (char *)"exit because", &o,
					 -1, &pid),
		     -ECONNRESET);
	CHECK_STR_EQ(next_message(PATIENCE), "exit:because");
	CHECK_INT_EQ(hw_gen_server_start(fx_server, (char *)"ignore", &o, -1,
					 &pid),
		     HW_IGNORE);
	CHECK_STR_EQ(next_message(PATIENCE), "exit:normal");
	pid = fx_start(NULL, &o);
	CHECK_STR_EQ(fx_ask(pid, "get"), "0");
	fx_stop(pid);
	CHECK_STR_EQ(next_message(PATIENCE), "exit:normal");
}

static void a_linked_starter_hears_of_it(void)
{
	in_process(linked_start_body);
}

/* --- talking -------------------------------------------------------------- */

static void talk(void)
{
	hw_pid pid = fx_start(NULL, NULL);

	CHECK_STR_EQ(fx_ask(pid, "add"), "ok");
	CHECK_INT_EQ(hw_gen_server_cast(pid, "add", 4), 0);
	CHECK_INT_EQ(hw_send(pid, "hello", 6), 0);
	CHECK_STR_EQ(fx_ask(pid, "get"), "2");
	CHECK_STR_EQ(fx_noted(), "message:hello");
	CHECK_STR_EQ(fx_ask_within(pid, "silent", 10), "ETIMEDOUT: timeout");
	CHECK_STR_EQ(fx_ask(pid, "get"), "2");
	fx_stop(pid);
	CHECK_STR_EQ(fx_ask(pid, "get"), "ESRCH: noproc");
	CHECK_STR_EQ(fx_ask(0, "get"), "ESRCH: noproc");
	CHECK_INT_EQ(hw_gen_server_cast(pid, "add", 4), 0);
}

static void anybody_can_call(void)
{
	talk();
	in_process(talk);
}

static void nothing_comes_late_body(void)
{
	hw_pid pid = fx_start(NULL, NULL);

	CHECK_STR_EQ(fx_ask_within(pid, "later", 10), "ETIMEDOUT: timeout");
	send_text(pid, "now");
	CHECK_STR_EQ(fx_ask(pid, "get"), "0");
	CHECK_STR_EQ(next_message(0), "none");
	fx_stop(pid);
}

static void a_late_answer_is_dropped(void)
{
	in_process(nothing_comes_late_body);
}

static void *ask_later(void *arg)
{
	return strdup(fx_ask(*(hw_pid *)arg, "later"));
}

static void an_answer_may_come_from_elsewhere(void)
{
	hw_pid pid = fx_start(NULL, NULL);
	pthread_t thread;
	struct hw_process_info info;
	void *answer;

	pthread_create(&thread, NULL, ask_later, &pid);
	do { /* until it has asked */
		send_text(pid, "now");
		hw_process_info(pid, &info);
	} while (pthread_tryjoin_np(thread, &answer) != 0);
	CHECK_STR_EQ(answer, "late");
	free(answer);
	fx_stop(pid);
}

static void call_self(void *arg)
{
	*(int *)arg = hw_gen_server_call(hw_self(), "get", 4, PATIENCE, NULL);
}

static void a_call_of_oneself_is_an_error(void)
{
	int r = 0;
	hw_pid pid = hw_spawn(call_self, &r);

	hw_wait(pid, -1);
	CHECK_INT_EQ(r, -EDEADLK);
}

/* --- ends ----------------------------------------------------------------- */

static const char *ends_with(const char *request)
{
	return fx_ask(fx_start(NULL, NULL), request);
}

static void callers_hear_what_it_ended_of(void)
{
	CHECK_STR_EQ(ends_with("die because"), "ECONNRESET: because");
	CHECK_STR_EQ(fx_noted(), "terminate:because");
}

static hw_pid busy;

static void *ask_compute(void *arg)
{
	return strdup(fx_ask(busy, arg));
}

static void ends_in_a_callback(void)
{
	pthread_t thread;
	void *answer;

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	CHECK_SKIP("a sanitized plain program's end in hw_receive alone");
#endif
	busy = fx_start(NULL, NULL);
	pthread_create(&thread, NULL, ask_compute, (char *)"compute");
	fx_gate_await(&fx_computing, 1);
	hw_exit(busy, "kill");
	pthread_join(thread, &answer);
	CHECK_STR_EQ(answer, "ECONNRESET: killed");
	CHECK_STR_EQ(fx_noted(), "");
	free(answer);
}

static void caller_body(void *arg)
{
	(void)arg;
	fx_ask(busy, "silent");
}

static void a_caller_may_be_ended(void)
{
	struct hw_process_info info;
	hw_pid pid;

	busy = fx_start(NULL, NULL);
	pid = hw_spawn(caller_body, NULL);
	do
		hw_process_info(pid, &info);
	while (!info.waiting);
	hw_exit(pid, "kill");
	CHECK_INT_EQ(hw_wait(pid, PATIENCE), 0);
	CHECK_STR_EQ(fx_ask(busy, "get"), "0");
	fx_stop(busy);
}

static void parent_body(void *arg)
{
	struct hw_spawn_options o = {.link = true};

	busy = fx_start(arg, &o);
	hw_exit_self("gone");
}

static void its_parents_end_is_its_end(void)
{
	hw_wait(hw_spawn(parent_body, (char *)"trap"), -1);
	CHECK_INT_EQ(hw_wait(busy, PATIENCE), 0);
	CHECK_STR_EQ(fx_noted(), "terminate:gone");
	hw_wait(hw_spawn(parent_body, NULL), -1);
	CHECK_INT_EQ(hw_wait(busy, PATIENCE), 0);
	CHECK_STR_EQ(fx_noted(), "");
}

static void a_stop_says_why(void)
{
	hw_pid pid = fx_start(NULL, NULL);

	CHECK_INT_EQ(hw_gen_server_stop(pid, "why", PATIENCE), 0);
	CHECK_STR_EQ(fx_noted(), "terminate:why");
	CHECK_INT_EQ(hw_gen_server_stop(pid, "why", PATIENCE), -ESRCH);
	pid = fx_start(NULL, NULL);
	CHECK_STR_EQ(fx_ask(pid, "exit why"), "ok");
	CHECK_INT_EQ(hw_wait(pid, PATIENCE), 0);
	CHECK_STR_EQ(fx_noted(), "terminate:why");
}

/* --- what callbacks say --------------------------------------------------- */

static void timeouts_and_continues(void)
{
	hw_pid pid = fx_start("continue", NULL);

	CHECK_STR_EQ(fx_ask(pid, "get"), "0");
	CHECK_STR_EQ(fx_noted(), "continue");
	CHECK_STR_EQ(fx_ask(pid, "timeout 100000"), "ok");
	CHECK_STR_EQ(fx_ask(pid, "continue"), "ok");
	CHECK_STR_EQ(fx_ask(pid, "timeout 1"), "ok");
	for (const char *noted = ""; !strstr(noted, "timeout");) {
		noted = fx_noted();
		if (*noted)
			CHECK(!strcmp(noted, "continue timeout") ||
			      !strcmp(noted, "continue") ||
			      !strcmp(noted, "timeout"));
	}
	fx_stop(pid);
}

static const struct hw_gen_server *bare(void)
{
	static const struct hw_gen_server none;

	return &none;
}

static const char *bare_does(int (*what)(hw_pid pid))
{
	static char reason[HW_REASON_MAX];
	hw_pid pid;
	hw_ref ref;
	struct hw_spawn_options o = {.monitor = &ref};

	CHECK_INT_EQ(hw_gen_server_start(bare, NULL, &o, -1, &pid), 0);
	if (what(pid) == 0)
		strcpy(reason, "lives");
	else
		strcpy(reason, down_reason(ref));
	hw_exit(pid, "kill");
	hw_wait(pid, -1);
	return reason;
}

static int bare_call(hw_pid pid)
{
	return hw_gen_server_call(pid, "x", 2, PATIENCE, NULL);
}

static int bare_cast(hw_pid pid)
{
	hw_gen_server_cast(pid, "x", 2);
	return -1;
}

static int bare_info(hw_pid pid)
{
	hw_send(pid, "x", 2);
	return hw_sys_suspend(pid, PATIENCE);
}

static void missing_body(void)
{
	CHECK_STR_EQ(bare_does(bare_call), "undef");
	CHECK_STR_EQ(bare_does(bare_cast), "undef");
	CHECK_STR_EQ(bare_does(bare_info), "lives");
}

static void what_it_lacks_is_undef(void)
{
	in_process(missing_body);
}

/* --- many ----------------------------------------------------------------- */

enum {
	CALLERS = 8,
	CALLS = 2000
};

static void *many_calls(void *arg)
{
	(void)arg;
	for (int i = 0; i < CALLS; i++)
		if (strcmp(fx_ask(busy, "add"), "ok") != 0)
			return (char *)"an answer is wrong";
	return NULL;
}

static void calls_of_many_threads_are_all_answered(void)
{
	pthread_t threads[CALLERS];
	char wanted[32];
	void *wrong;

	busy = fx_start(NULL, NULL);
	for (int i = 0; i < CALLERS; i++)
		pthread_create(&threads[i], NULL, many_calls, NULL);
	for (int i = 0; i < CALLERS; i++) {
		pthread_join(threads[i], &wrong);
		CHECK_STR_EQ(wrong ? wrong : "all right", "all right");
	}
	sprintf(wanted, "%d", CALLERS * CALLS);
	CHECK_STR_EQ(fx_ask(busy, "get"), wanted);
	fx_stop(busy);
}

static const struct check tests[] = {
    {"init may refuse, exit, ignore, hang", init_may_refuse},
    {"a name is one server's", a_name_is_one_servers},
    {"a linked starter hears of it", a_linked_starter_hears_of_it},
    {"anybody can call, cast, send", anybody_can_call},
    {"a late answer is dropped", a_late_answer_is_dropped},
    {"an answer may come later", an_answer_may_come_from_elsewhere},
    {"a call of oneself is an error", a_call_of_oneself_is_an_error},
    {"callers hear what it ended of", callers_hear_what_it_ended_of},
    {"it can be ended in a callback", ends_in_a_callback},
    {"a caller may be ended", a_caller_may_be_ended},
    {"its parent's end is its end", its_parents_end_is_its_end},
    {"a stop says why, and waits", a_stop_says_why},
    {"timeouts and continues", timeouts_and_continues},
    {"a callback that is missing", what_it_lacks_is_undef},
    {"calls of many threads are all answered",
     calls_of_many_threads_are_all_answered},
};
CHECK_MAIN(tests)
