/* SPDX-License-Identifier: MIT
 *
 * System messages: what gen_servers do with them, and processes that have a
 * loop of their own.
 */
#include "tests/unit/gen-server-fixture.h"

/* How the last call of sys came out: "0" or its errno and its word. */
static const char *outcome(long r)
{
	static char text[HW_REASON_MAX + 32];

	if (r >= 0)
		sprintf(text, "%ld", r);
	else
		sprintf(text, "%s: %s", strerrorname_np((int)-r),
			hw_call_reason());
	return text;
}

static const char *change(hw_pid pid, const char *extra, bool down)
{
	const struct hw_sys_change c = {.module = "m",
					.vsn = "1",
					.extra = extra,
					.down = down};

	return outcome(hw_sys_change_code(pid, &c, PATIENCE));
}

static const char *state(hw_pid pid)
{
	static char text[64];
	long r = hw_sys_get_state(pid, text, sizeof(text), PATIENCE);

	return r < 0 ? outcome(r) : text;
}

/* --- suspend, resume ------------------------------------------------------ */

static bool is_suspended(hw_pid pid)
{
	struct hw_sys_status s = {.suspended = false};

	CHECK_STR_EQ(outcome(hw_sys_get_status(pid, &s, PATIENCE)), "0");
	return s.suspended;
}

static void suspend_and_resume(void)
{
	hw_pid pid = fx_start(NULL, NULL);

	CHECK(!is_suspended(pid));
	for (int i = 0; i < 2; i++) {
		CHECK_STR_EQ(outcome(hw_sys_suspend(pid, PATIENCE)), "0");
		CHECK(is_suspended(pid));
	}
	CHECK_STR_EQ(fx_ask_within(pid, "get", 10), "ETIMEDOUT: timeout");
	for (int i = 0; i < 2; i++) {
		CHECK_STR_EQ(outcome(hw_sys_resume(pid, PATIENCE)), "0");
		CHECK(!is_suspended(pid));
	}
	CHECK_STR_EQ(fx_ask(pid, "get"), "0");
	fx_stop(pid);
}

static hw_pid asked;

static void *ask_get(void *arg)
{
	(void)arg;
	return strdup(fx_ask(asked, "get"));
}

static void what_waits_is_answered(void)
{
	struct hw_process_info info;
	pthread_t thread;
	void *answer;

	asked = fx_start(NULL, NULL);
	CHECK_INT_EQ(hw_sys_suspend(asked, PATIENCE), 0);
	hw_gen_server_cast(asked, "add", 4);
	pthread_create(&thread, NULL, ask_get, NULL);
	do
		hw_process_info(asked, &info);
	while (info.messages < 2);
	CHECK_STR_EQ(change(asked, "x", false), "0");
	CHECK_INT_EQ(hw_sys_resume(asked, PATIENCE), 0);
	pthread_join(thread, &answer);
	CHECK_STR_EQ(answer, "101");
	free(answer);
	fx_stop(asked);
}

/* --- change_code ---------------------------------------------------------- */

static void changes(void)
{
	hw_pid pid = fx_start(NULL, NULL);

	CHECK_STR_EQ(change(pid, "x", false), "EBUSY: not_suspended");
	hw_sys_suspend(pid, PATIENCE);
	CHECK_STR_EQ(change(pid, "x", false), "0");
	CHECK_STR_EQ(change(pid, "y", true), "0");
	CHECK_STR_EQ(fx_noted(), "change:m:1:x:up change:m:1:y:down");
	CHECK_STR_EQ(state(pid), "n = 200");
	CHECK_STR_EQ(change(pid, "fail", false), "ECANCELED: callback_failed");
	CHECK_STR_EQ(change(pid, "die", false), "ECANCELED: because");
	CHECK_STR_EQ(state(pid), "n = 200");
	CHECK(is_suspended(pid));
	hw_sys_resume(pid, PATIENCE);
	CHECK_STR_EQ(fx_ask(pid, "get"), "200");
	fx_stop(pid);
}

static const struct hw_gen_server *without(void)
{
	static const struct hw_gen_server lacks = {.init = fx_init,
						   .handle_call = fx_call};

	return &lacks;
}

static void missing_callbacks(void)
{
	hw_pid pid;

	CHECK_INT_EQ(hw_gen_server_start(without, NULL, NULL, -1, &pid), 0);
	CHECK_STR_EQ(state(pid), "ENOSYS: undef");
	CHECK_STR_EQ(outcome(hw_sys_parse_state(pid, "n = 1", PATIENCE)),
		     "ENOSYS: undef");
	hw_sys_suspend(pid, PATIENCE);
	CHECK_STR_EQ(change(pid, "x", false), "ENOSYS: undef");
	CHECK(is_suspended(pid));
	hw_exit(pid, "kill");
	hw_wait(pid, -1);
}

static void *change_hang(void *arg)
{
	(void)arg;
	return strdup(change(asked, "hang", false));
}

/* The process that runs the callback: the youngest. */
static hw_pid youngest(size_t than)
{
	hw_pid all[64];
	size_t n;

	do
		n = hw_processes(all, 64);
	while (n <= than);
	return all[n - 1];
}

static void a_callback_that_is_ended(void)
{
	size_t before;
	pthread_t thread;
	void *answer;

	asked = fx_start(NULL, NULL);
	before = hw_processes(NULL, 0);
	hw_sys_suspend(asked, PATIENCE);
	pthread_create(&thread, NULL, change_hang, NULL);
	hw_exit(youngest(before), "kill");
	pthread_join(thread, &answer);
	CHECK_STR_EQ(answer, "ECANCELED: killed");
	free(answer);
	CHECK_STR_EQ(state(asked), "n = 0");

	pthread_create(&thread, NULL, change_hang, NULL);
	youngest(before);
	hw_exit(asked, "kill");
	pthread_join(thread, &answer);
	CHECK_STR_EQ(answer, "ECONNRESET: killed");
	free(answer);
	while (hw_processes(NULL, 0) >= before)
		; /* the callback's process ends as well */
}

/* --- state ---------------------------------------------------------------- */

static int replace(void **s, void *arg)
{
	if (!arg) {
		*s = NULL;
		return -1;
	}
	((struct fx_counter *)*s)->n = *(long *)arg;
	return 0;
}

static int replace_dies(void **s, void *arg)
{
	(void)s;
	(void)arg;
	hw_exit_self("so");
}

static void replacing(void)
{
	hw_pid pid = fx_start(NULL, NULL);
	long n = 7;

	CHECK_STR_EQ(outcome(hw_sys_replace_state(pid, replace, &n, -1)), "0");
	CHECK_STR_EQ(outcome(hw_sys_replace_state(pid, replace, NULL, -1)),
		     "ECANCELED: callback_failed");
	CHECK_STR_EQ(outcome(hw_sys_replace_state(pid, replace_dies, &n, -1)),
		     "ECANCELED: callback_failed");
	CHECK_STR_EQ(outcome(hw_sys_replace_state(pid, NULL, &n, -1)),
		     "EINVAL: badarg");
	CHECK_STR_EQ(state(pid), "n = 7");
	CHECK_STR_EQ(outcome(hw_sys_parse_state(pid, "n = 8", -1)), "0");
	CHECK_STR_EQ(outcome(hw_sys_parse_state(pid, "nonsense", -1)),
		     "ECANCELED: callback_failed");
	CHECK_STR_EQ(state(pid), "n = 8");
	fx_stop(pid);
}

static void long_texts(void)
{
	hw_pid pid = fx_start(NULL, NULL);
	char text[8] = "";

	hw_sys_parse_state(pid, "n = 10000", -1);
	CHECK_INT_EQ(hw_sys_get_state(pid, text, sizeof(text), -1), 10000);
	CHECK_STR_EQ(text, "       ");
	CHECK_INT_EQ(hw_sys_get_state(pid, NULL, 0, -1), 10000);
	fx_stop(pid);
}

/* --- statistics ----------------------------------------------------------- */

static void statistics(void)
{
	struct hw_sys_statistics s = {.now_ms = 0};
	hw_pid pid = fx_start(NULL, NULL);

	CHECK_STR_EQ(outcome(hw_sys_statistics(pid, HW_SYS_COUNT_GET, &s, -1)),
		     "ENODATA: no_statistics");
	CHECK_INT_EQ(hw_sys_statistics(pid, HW_SYS_COUNT_ON, NULL, -1), 0);
	fx_ask(pid, "add");
	fx_ask(pid, "get");
	hw_gen_server_cast(pid, "add", 4);
	CHECK_INT_EQ(hw_sys_statistics(pid, HW_SYS_COUNT_GET, &s, -1), 0);
	CHECK_INT_EQ(s.messages_in, 3);
	CHECK_INT_EQ(s.messages_out, 2);
	CHECK(s.now_ms >= s.started_ms && s.started_ms > 0);
	CHECK_INT_EQ(hw_sys_statistics(pid, HW_SYS_COUNT_OFF, NULL, -1), 0);
	CHECK_INT_EQ(hw_sys_statistics(pid, HW_SYS_COUNT_GET, &s, -1),
		     -ENODATA);
	fx_stop(pid);
}

/* --- processes with a loop of their own ----------------------------------- */

static void special_loop(void *arg);

static const struct hw_special *special(void)
{
	static const struct hw_special table = {.sys = {.code_change =
							    fx_change,
							.state_text = fx_text,
							.terminate =
							    fx_terminate},
						.proceed = special_loop};

	return &table;
}

static void special_loop(void *arg)
{
	for (;;) {
		struct hw_message *m = hw_receive(-1);

		if (m->kind == HW_SYSTEM) {
			hw_sys_handle(m, special, arg);
			return;
		}
		fx_call(arg, m);
		hw_message_free(m);
	}
}

static void special_main(void *arg)
{
	(void)arg;
	special_loop(fx_new());
}

static void special_processes(void)
{
	struct hw_spawn_options o = {.system = true};
	hw_pid pid = hw_spawn_opt(special_main, NULL, &o);

	CHECK_STR_EQ(fx_ask(pid, "add"), "ok");
	CHECK_STR_EQ(state(pid), "n = 1");
	CHECK_STR_EQ(change(pid, "x", false), "EBUSY: not_suspended");
	hw_sys_suspend(pid, PATIENCE);
	CHECK(is_suspended(pid));
	CHECK_STR_EQ(change(pid, "x", false), "0");
	CHECK_STR_EQ(change(pid, "die", false), "ECANCELED: because");
	CHECK_STR_EQ(fx_ask_within(pid, "get", 10), "ETIMEDOUT: timeout");
	hw_sys_resume(pid, PATIENCE);
	CHECK_STR_EQ(fx_ask(pid, "get"), "101");
	fx_noted();
	CHECK_STR_EQ(outcome(hw_sys_terminate(pid, "why", PATIENCE)), "0");
	CHECK_STR_EQ(fx_noted(), "terminate:why");
	CHECK_STR_EQ(state(pid), "ESRCH: noproc");
}

static void special_parent(void *arg)
{
	struct hw_spawn_options o = {.system = true,
				     .link = true,
				     .trap_exit = true};

	*(hw_pid *)arg = hw_spawn_opt(special_main, NULL, &o);
	hw_sys_suspend(*(hw_pid *)arg, -1);
	hw_exit_self("gone");
}

static void a_parents_end_while_suspended(void)
{
	hw_pid pid = 0;

	hw_wait(hw_spawn(special_parent, &pid), -1);
	CHECK_INT_EQ(hw_wait(pid, PATIENCE), 0);
	CHECK_STR_EQ(fx_noted(), "terminate:gone");
}

static void others_are_not_special(void)
{
	hw_pid pid = hw_spawn(sleeper, NULL);

	CHECK_STR_EQ(outcome(hw_sys_suspend(pid, PATIENCE)),
		     "EOPNOTSUPP: not_special");
	hw_exit(pid, "kill");
	hw_wait(pid, -1);
	CHECK_STR_EQ(outcome(hw_sys_suspend(pid, PATIENCE)), "ESRCH: noproc");
}

static const struct check tests[] = {
    {"suspend and resume are idempotent", suspend_and_resume},
    {"what waits is answered after resume", what_waits_is_answered},
    {"change_code is for suspended processes, and may fail", changes},
    {"a callback that is missing is undef", missing_callbacks},
    {"a callback that is ended is an error", a_callback_that_is_ended},
    {"a state can be replaced, or stays", replacing},
    {"a long state is cut, and its length told", long_texts},
    {"statistics count while they are on", statistics},
    {"a loop of its own can obey", special_processes},
    {"a parent's end reaches a suspended one", a_parents_end_while_suspended},
    {"other processes are not special", others_are_not_special},
};
CHECK_MAIN(tests)
