/* SPDX-License-Identifier: MIT
 *
 * Supervisors: strategies, kinds of restart, limits, orders.
 *
 * Children are gen_servers of the fixture, registered by name. A test kills
 * one and waits until those that should be new are.
 */
#include <hotwatch/supervisor.h>

#include "tests/unit/gen-server-fixture.h"

static const char *const names[] = {"a", "b", "c"};
static struct hw_supervisor wanted;
static const char *fails; /* a child whose start fails */

static int start(void *arg, hw_pid *pid)
{
	struct hw_spawn_options o = {.link = true, .name = arg};
	const char *bad = __atomic_load_n(&fails, __ATOMIC_SEQ_CST);
	bool failing = bad && !strcmp(bad, arg);

	if (!strcmp(arg, "ignored"))
		return HW_IGNORE;
	return hw_gen_server_start(fx_server,
				   (char *)(failing ? "exit because" : "trap"),
				   &o, -1, pid);
}

static int init(void *arg, struct hw_supervisor *s)
{
	(void)arg;
	*s = wanted;
	return 0;
}

static struct hw_child children[3];
static hw_pid supervisor, was[3];
static hw_ref its_end;

static void now_are(hw_pid pids[3])
{
	for (int i = 0; i < 3; i++)
		pids[i] = hw_whereis(names[i]);
}

/* Own process: A, B, C under one supervisor. */
static void begin(enum hw_strategy strategy, enum hw_restart restart)
{
	struct hw_spawn_options o = {.monitor = &its_end};

	for (int i = 0; i < 3; i++)
		children[i] = (struct hw_child){.id = names[i],
						.start = start,
						.arg = (char *)names[i],
						.restart = restart};
	wanted = (struct hw_supervisor){strategy, 3, 1000, children, 3};
	CHECK_INT_EQ(hw_supervisor_start(init, NULL, &o, &supervisor), 0);
	now_are(was);
	fx_noted();
}

static void end(void)
{
	CHECK_INT_EQ(hw_gen_server_stop(supervisor, "normal", PATIENCE), 0);
	CHECK_STR_EQ(down_reason(its_end), "normal");
	for (int i = 0; i < 3; i++)
		CHECK_INT_EQ(hw_whereis(names[i]), 0);
	fx_noted();
}

/* The children as words: name, "!" if it is not the one it was, "-" if it does
 * not run; after all that came before has been seen to. */
static const char *look(void)
{
	static char text[256];
	struct hw_child_info info[8];
	long n = hw_supervisor_which_children(supervisor, info, 8);

	text[0] = '\0';
	for (long i = 0; i < n; i++) {
		hw_pid old = i < 3 ? was[info[i].id[0] - 'a'] : 0;

		sprintf(text + strlen(text), "%s%s%s", i ? " " : "", info[i].id,
			info[i].pid == 0            ? "-"
			: old && old != info[i].pid ? "!"
						    : "");
	}
	return text;
}

static const char *after_end_of(int i, const char *reason)
{
	hw_exit(was[i], reason);
	hw_wait(was[i], -1);
	/* The supervisor has heard of it: the news was in its mailbox before
	 * the child was gone. */
	return look();
}

static void ask_to_exit(int i, const char *reason)
{
	char text[32];

	sprintf(text, "exit %s", reason);
	fx_ask(was[i], text);
	hw_wait(was[i], -1);
}

/* --- strategies ----------------------------------------------------------- */

static void strategies_body(void)
{
	begin(HW_ONE_FOR_ONE, HW_PERMANENT);
	CHECK_STR_EQ(look(), "a b c");
	CHECK_STR_EQ(after_end_of(1, "kill"), "a b! c");
	end();
	begin(HW_ONE_FOR_ALL, HW_PERMANENT);
	CHECK_STR_EQ(after_end_of(1, "kill"), "a! b! c!");
	CHECK_STR_EQ(fx_noted(), "terminate:shutdown terminate:shutdown");
	end();
	begin(HW_REST_FOR_ONE, HW_PERMANENT);
	CHECK_STR_EQ(after_end_of(1, "kill"), "a b! c!");
	end();
}

static void strategies(void)
{
	in_process(strategies_body);
}

static void temporary_siblings_body(void)
{
	begin(HW_ONE_FOR_ALL, HW_PERMANENT);
	CHECK_INT_EQ(hw_supervisor_start_child(
			 supervisor,
			 &(struct hw_child){.id = "d",
					    .start = start,
					    .arg = (char *)"d",
					    .restart = HW_TEMPORARY},
			 NULL),
		     0);
	CHECK_STR_EQ(look(), "a b c d");
	CHECK_STR_EQ(after_end_of(0, "kill"), "a! b! c!");
	end();
}

static void temporary_siblings_go(void)
{
	in_process(temporary_siblings_body);
}

/* --- kinds of restart ----------------------------------------------------- */

static void restarts_body(void)
{
	begin(HW_ONE_FOR_ONE, HW_PERMANENT);
	ask_to_exit(0, "normal");
	CHECK_STR_EQ(look(), "a! b c");
	end();
	begin(HW_ONE_FOR_ONE, HW_TRANSIENT);
	ask_to_exit(0, "normal");
	ask_to_exit(1, "shutdown");
	ask_to_exit(2, "oops");
	CHECK_STR_EQ(look(), "a- b- c!");
	end();
	begin(HW_ONE_FOR_ONE, HW_TEMPORARY);
	ask_to_exit(0, "oops");
	CHECK_STR_EQ(after_end_of(1, "kill"), "c");
	end();
}

static void kinds_of_restart(void)
{
	in_process(restarts_body);
}

/* --- limits --------------------------------------------------------------- */

static void limit_body(void)
{
	begin(HW_ONE_FOR_ONE, HW_PERMANENT);
	for (int i = 0; i < 3; i++) {
		after_end_of(0, "kill");
		now_are(was);
		CHECK(was[0] != 0);
	}
	hw_exit(was[0], "kill");
	CHECK_STR_EQ(down_reason(its_end), "shutdown");
	for (int i = 0; i < 3; i++)
		CHECK_INT_EQ(hw_whereis(names[i]), 0);
	CHECK_STR_EQ(fx_noted(), "terminate:shutdown terminate:shutdown");
}

static void too_many_restarts_end_it(void)
{
	in_process(limit_body);
}

static void period_body(void)
{
	begin(HW_ONE_FOR_ONE, HW_PERMANENT);
	end();
	wanted.period_s = 0; /* only what happens at one instant counts */
	CHECK_INT_EQ(hw_supervisor_start(init, NULL,
					 &(struct hw_spawn_options){
					     .monitor = &its_end},
					 &supervisor),
		     0);
	for (int i = 0; i < 20; i++) {
		now_are(was);
		CHECK_STR_EQ(after_end_of(0, "kill"), "a! b c");
	}
	end();
}

static void what_is_past_does_not_count(void)
{
	in_process(period_body);
}

static void tries_body(void)
{
	begin(HW_ONE_FOR_ONE, HW_PERMANENT);
	__atomic_store_n(&fails, "b", __ATOMIC_SEQ_CST);
	hw_exit(was[1], "kill");
	CHECK_STR_EQ(down_reason(its_end), "shutdown");
	__atomic_store_n(&fails, NULL, __ATOMIC_SEQ_CST);
}

static void a_failing_start_is_tried_until_the_limit(void)
{
	in_process(tries_body);
}

static void first_start_body(void)
{
	begin(HW_ONE_FOR_ONE, HW_PERMANENT);
	end();
	fails = "c";
	CHECK_INT_EQ(hw_supervisor_start(init, NULL, NULL, &supervisor),
		     -ECONNRESET);
	CHECK_STR_EQ(hw_call_reason(), "shutdown");
	fails = NULL;
	for (int i = 0; i < 3; i++)
		CHECK_INT_EQ(hw_whereis(names[i]), 0);
	fx_noted();
}

static void a_first_start_that_fails_is_undone(void)
{
	in_process(first_start_body);
}

/* --- orders --------------------------------------------------------------- */

static const char *outcome(int r)
{
	static char text[HW_REASON_MAX + 32];

	if (r >= 0)
		sprintf(text, "%d", r);
	else
		sprintf(text, "%s: %s", strerrorname_np(-r), hw_call_reason());
	return text;
}

#define ADD(name)                                                             \
	outcome(                                                              \
	    hw_supervisor_start_child(supervisor,                             \
				      &(struct hw_child){.id = name,          \
							 .start = start,      \
							 .arg =               \
							     (char *)(name)}, \
				      &pid))

static void orders_body(void)
{
	hw_pid pid;

	begin(HW_ONE_FOR_ONE, HW_PERMANENT);
	CHECK_STR_EQ(ADD("d"), "0");
	CHECK_INT_EQ(pid, hw_whereis("d"));
	CHECK_STR_EQ(ADD("d"), "EEXIST: already_started");
	CHECK_STR_EQ(outcome(hw_supervisor_delete_child(supervisor, "d")),
		     "EBUSY: running");
	CHECK_STR_EQ(outcome(
			 hw_supervisor_restart_child(supervisor, "d", &pid)),
		     "EBUSY: running");
	CHECK_STR_EQ(outcome(hw_supervisor_terminate_child(supervisor, "d")),
		     "0");
	CHECK_INT_EQ(hw_whereis("d"), 0);
	CHECK_STR_EQ(ADD("d"), "EEXIST: already_present");
	CHECK_STR_EQ(outcome(
			 hw_supervisor_restart_child(supervisor, "d", &pid)),
		     "0");
	CHECK_INT_EQ(pid, hw_whereis("d"));
	hw_supervisor_terminate_child(supervisor, "d");
	CHECK_STR_EQ(outcome(hw_supervisor_delete_child(supervisor, "d")), "0");
	CHECK_STR_EQ(outcome(hw_supervisor_delete_child(supervisor, "d")),
		     "ENOENT: not_found");
	CHECK_STR_EQ(ADD("ignored"), "1");
	CHECK_STR_EQ(look(), "a b c ignored-");
	fails = "e";
	CHECK_STR_EQ(ADD("e"), "ECHILD: because");
	fails = NULL;
	CHECK_STR_EQ(look(), "a b c ignored-");
	end();
}

static void orders(void)
{
	in_process(orders_body);
}

static void counts_body(void)
{
	struct hw_child_counts n;

	begin(HW_ONE_FOR_ONE, HW_PERMANENT);
	hw_supervisor_terminate_child(supervisor, "b");
	CHECK_INT_EQ(hw_supervisor_count_children(supervisor, &n), 0);
	CHECK_INT_EQ(n.specs, 3);
	CHECK_INT_EQ(n.active, 2);
	CHECK_INT_EQ(n.supervisors, 0);
	CHECK_INT_EQ(n.workers, 3);
	end();
	CHECK_INT_EQ(hw_supervisor_count_children(supervisor, &n), -ESRCH);
}

static void children_are_counted(void)
{
	in_process(counts_body);
}

/* --- ending them ---------------------------------------------------------- */

static void stubborn(void *arg)
{
	(void)arg;
	hw_receive_match(fx_nothing, NULL, -1);
}

static hw_ref stubborn_end;

static int start_stubborn(void *arg, hw_pid *pid)
{
	struct hw_spawn_options o = {.link = true, .trap_exit = true};

	(void)arg;
	*pid = hw_spawn_opt(stubborn, NULL, &o);
	return *pid ? 0 : -errno;
}

static const char *stubborn_ends_of(int shutdown_ms)
{
	struct hw_child c = {.id = "d",
			     .start = start_stubborn,
			     .restart = HW_TEMPORARY,
			     .shutdown_ms = shutdown_ms};
	hw_pid pid;

	CHECK_INT_EQ(hw_supervisor_start_child(supervisor, &c, &pid), 0);
	stubborn_end = hw_monitor(pid);
	CHECK_INT_EQ(hw_supervisor_terminate_child(supervisor, "d"), 0);
	return down_reason(stubborn_end);
}

static void shutdown_body(void)
{
	begin(HW_ONE_FOR_ONE, HW_PERMANENT);
	CHECK_STR_EQ(stubborn_ends_of(1), "killed");
	CHECK_STR_EQ(stubborn_ends_of(HW_BRUTAL_KILL), "killed");
	CHECK_STR_EQ(look(), "a b c");
	end();
}

static void shutdown_has_its_time(void)
{
	in_process(shutdown_body);
}

/* --- sys ------------------------------------------------------------------ */

static void change_body(void)
{
	struct hw_sys_change change = {.module = "m"};
	char text[256];

	begin(HW_ONE_FOR_ONE, HW_PERMANENT);
	children[0].restart = HW_TEMPORARY;
	wanted.strategy = HW_REST_FOR_ONE;
	wanted.nchildren = 2;
	CHECK_INT_EQ(hw_sys_suspend(supervisor, -1), 0);
	CHECK_INT_EQ(hw_sys_change_code(supervisor, &change, -1), 0);
	CHECK_INT_EQ(hw_sys_resume(supervisor, -1), 0);
	CHECK(hw_sys_get_state(supervisor, text, sizeof(text), -1) > 0);
	CHECK_STR_HAS(text, "rest_for_one, 3 restarts in 1000 s");
	CHECK_STR_HAS(text, "a: temporary");
	CHECK_STR_EQ(look(), "c a b");
	CHECK_STR_EQ(after_end_of(0, "kill"), "c b");
	end();
}

static void a_code_change_takes_over_what_init_says(void)
{
	in_process(change_body);
}

static const struct check tests[] = {
    {"one_for_one, one_for_all, rest_for_one", strategies},
    {"temporary siblings go for good", temporary_siblings_go},
    {"permanent, transient, temporary", kinds_of_restart},
    {"too many restarts end it", too_many_restarts_end_it},
    {"what is past does not count", what_is_past_does_not_count},
    {"a failing start is tried again until the limit",
     a_failing_start_is_tried_until_the_limit},
    {"a first start that fails is undone", a_first_start_that_fails_is_undone},
    {"start, terminate, restart, delete a child", orders},
    {"children are counted", children_are_counted},
    {"a shutdown has its time", shutdown_has_its_time},
    {"a code_change takes over what init says",
     a_code_change_takes_over_what_init_says},
};
CHECK_MAIN(tests)
