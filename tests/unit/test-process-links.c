/* SPDX-License-Identifier: MIT
 *
 * Links, monitors and exit signals: Erlang's outcomes, row by row.
 */
#include "tests/unit/process-fixture.h"

/* --- what a victim does --------------------------------------------------- */

/* Tells its maker each exit message that it gets, and goes on. */
static void trapper(void *arg)
{
	hw_pid maker = *(hw_pid *)arg;

	for (;;) {
		struct hw_message *m = hw_receive(-1);

		if (m->kind == HW_EXIT)
			send_text(maker, m->reason);
		else if (m->kind == HW_MESSAGE)
			hw_send(maker, "alive", 6);
		hw_message_free(m);
	}
}

static hw_pid maker;

static hw_pid victim(bool traps, bool linked, hw_ref *ref)
{
	struct hw_spawn_options o = {.trap_exit = traps, .link = linked};

	maker = hw_self();
	o.monitor = ref;
	return hw_spawn_opt(trapper, &maker, &o);
}

/* "died:REASON", "told:REASON" or "lives": what a signal did to PID. */
static const char *outcome(hw_pid pid, hw_ref ref)
{
	static char text[HW_REASON_MAX + 16];
	struct hw_message *m;

	send_text(pid, "are you there");
	m = hw_receive(PATIENCE);
	if (!m)
		return "nothing was heard";
	if (m->kind == HW_DOWN && m->ref == ref)
		snprintf(text, sizeof(text), "died:%s", m->reason);
	else if (!strcmp((char *)m->data, "alive"))
		snprintf(text, sizeof(text), "lives");
	else
		snprintf(text, sizeof(text), "told:%s", (char *)m->data);
	hw_message_free(m);
	return text;
}

/* Ends what outcome has left alive, and forgets its last words. */
static void clear(hw_pid pid, hw_ref ref)
{
	struct hw_message *m;

	hw_unlink(pid);
	hw_exit(pid, "kill");
	if (hw_is_alive(pid))
		down_reason(ref);
	while ((m = hw_receive(0)) != NULL)
		hw_message_free(m);
}

/* --- exit signals --------------------------------------------------------- */

static const struct {
	const char *signal;
	bool traps;
	const char *outcome;
} signals[] = {
    {"normal", false, "lives"},          {"normal", true, "told:normal"},
    {"kill", false, "died:killed"},      {"kill", true, "died:killed"},
    {"other", false, "died:other"},      {"other", true, "told:other"},
    {"killed", false, "died:killed"},    {"killed", true, "told:killed"},
    {"shutdown", true, "told:shutdown"},
};

static void signals_body(void)
{
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		hw_ref ref;
		hw_pid pid = victim(signals[i].traps, false, &ref);

		CHECK_INT_EQ(hw_exit(pid, signals[i].signal), 0);
		if (!CHECK_STR_EQ(outcome(pid, ref), signals[i].outcome))
			printf("# signal %s, traps %d\n", signals[i].signal,
			       signals[i].traps);
		clear(pid, ref);
	}
}

static void exit_signals_do_what_erlangs_do(void)
{
	in_process(signals_body);
}

static void obeyed_body(void)
{
	for (int i = 0; i < 2000; i++) {
		hw_ref ref;
		hw_pid pid = victim(false, false, &ref);

		hw_exit(pid, "other");
		if (!CHECK_STR_EQ(outcome(pid, ref), "died:other"))
			return;
	}
}

static void a_signal_is_obeyed_before_a_later_message(void)
{
	in_process(obeyed_body);
}

/* --- to oneself ----------------------------------------------------------- */

struct self_case {
	const char *signal;
	bool traps, by_self; /* hw_exit_self */
	const char *outcome; /* of the process */
};

static const struct self_case selves[] = {
    {"normal", false, false, "normal"}, {"other", false, false, "other"},
    {"kill", false, false, "killed"},   {"kill", true, false, "killed"},
    {"normal", true, false, "told"},    {"other", true, false, "told"},
    {"other", true, true, "other"},     {"kill", true, true, "kill"},
    {"normal", false, true, "normal"},
};

static void self_victim(void *arg)
{
	const struct self_case *c = arg;
	struct hw_message *m;
	bool told;

	hw_trap_exit(c->traps);
	if (c->by_self)
		hw_exit_self(c->signal);
	hw_exit(hw_self(), c->signal);
	m = hw_receive(0);
	told = m && m->kind == HW_EXIT && !strcmp(m->reason, c->signal);
	hw_message_free(m);
	hw_exit_self(told ? "told" : "survived");
}

static void selves_body(void)
{
	for (size_t i = 0; i < sizeof(selves) / sizeof(selves[0]); i++) {
		struct hw_spawn_options o = {0};
		hw_ref ref;

		o.monitor = &ref;
		hw_spawn_opt(self_victim, (void *)&selves[i], &o);
		if (!CHECK_STR_EQ(down_reason(ref), selves[i].outcome))
			printf("# row %zu\n", i);
	}
}

static void a_process_may_signal_itself(void)
{
	in_process(selves_body);
}

/* --- links ---------------------------------------------------------------- */

static void ends_of(void *arg)
{
	struct hw_message *m = hw_receive(-1); /* until told to */

	hw_message_free(m);
	hw_exit_self(arg);
}

static const struct {
	const char *end;
	bool traps;
	const char *outcome;
} linked[] = {
    {"normal", false, "lives"},       {"normal", true, "told:normal"},
    {"other", false, "died:other"},   {"other", true, "told:other"},
    {"kill", false, "died:kill"},     {"kill", true, "told:kill"},
    {"killed", false, "died:killed"}, {"killed", true, "told:killed"},
};

/* Links itself to the process in its first message, then is a trapper. */
static void linker(void *arg)
{
	struct hw_message *m = hw_receive(-1);
	hw_pid to = *(hw_pid *)(void *)m->data;

	hw_message_free(m);
	hw_link(to);
	hw_send(*(hw_pid *)arg, "linked", 7);
	trapper(arg);
}

static void links_body(void)
{
	for (size_t i = 0; i < sizeof(linked) / sizeof(linked[0]); i++) {
		struct hw_spawn_options o = {.trap_exit = linked[i].traps};
		hw_pid dying = hw_spawn(ends_of, (void *)linked[i].end), pid;
		hw_ref ref;

		maker = hw_self();
		o.monitor = &ref;
		pid = hw_spawn_opt(linker, &maker, &o);
		hw_send(pid, &dying, sizeof(dying));
		CHECK_STR_EQ(next_message(PATIENCE), "message:linked");
		ref = (hw_demonitor(ref), hw_monitor(pid));
		hw_send(dying, "", 1);
		while (hw_is_alive(dying))
			sched_yield();
		if (!CHECK_STR_EQ(outcome(pid, ref), linked[i].outcome))
			printf("# end %s, traps %d\n", linked[i].end,
			       linked[i].traps);
		clear(pid, ref);
	}
}

static void a_link_carries_the_reason(void)
{
	in_process(links_body);
}

static void unlink_body(void)
{
	hw_ref ref;
	hw_pid pid = victim(false, true, &ref);

	hw_trap_exit(true);
	CHECK_INT_EQ(hw_link(pid), 0); /* a second one is the same */
	CHECK_INT_EQ(hw_unlink(pid), 0);
	CHECK_INT_EQ(hw_unlink(pid), 0);
	hw_exit(pid, "other");
	CHECK_STR_EQ(next_message(PATIENCE), "down:other");
	CHECK_STR_EQ(next_message(0), "none");
	CHECK_INT_EQ(hw_link(hw_self()), 0);
	CHECK_INT_EQ(hw_link(pid), 0);
	CHECK_STR_EQ(next_message(0), "exit:noproc");
	CHECK_INT_EQ(hw_link(1ul << 50), -ESRCH);
	hw_trap_exit(false);
}

static void a_link_is_one_and_can_be_taken_away(void)
{
	in_process(unlink_body);
}

static void link_to_gone(void *arg)
{
	hw_link(*(hw_pid *)arg);
	hw_exit_self("survived");
}

static void noproc_body(void)
{
	struct hw_spawn_options o = {0};
	hw_ref ref;
	hw_pid pid = victim(false, false, &ref);

	hw_exit(pid, "kill");
	down_reason(ref);
	o.monitor = &ref;
	hw_spawn_opt(link_to_gone, &pid, &o);
	CHECK_STR_EQ(down_reason(ref), "noproc");
}

static void a_link_to_what_is_gone_ends_the_linker(void)
{
	in_process(noproc_body);
}

static void chain(void *arg)
{
	int *left = arg;
	struct hw_spawn_options o = {.link = true, .stack_size = 65536};

	if (--*left == 0)
		hw_exit_self("burnt");
	hw_spawn_opt(chain, left, &o);
	sleeper(NULL);
}

static void chain_body(void)
{
	struct hw_spawn_options o = {.stack_size = 65536};
	int left = 100;
	hw_ref ref;

	o.monitor = &ref;
	hw_spawn_opt(chain, &left, &o);
	CHECK_STR_EQ(down_reason(ref), "burnt");
	while (hw_processes(NULL, 0) > 1)
		sched_yield();
}

static void a_chain_of_links_goes_down_together(void)
{
	in_process(chain_body);
}

/* --- monitors ------------------------------------------------------------- */

static void monitors_body(void)
{
	hw_ref ref, again, third;
	hw_pid pid = victim(false, false, &ref);

	again = hw_monitor(pid);
	third = hw_monitor(pid);
	CHECK(ref && again && again != ref && third != again);
	CHECK_INT_EQ(hw_demonitor(third), 0);
	hw_exit(pid, "other");
	CHECK_STR_EQ(down_reason(again), "other");
	CHECK_STR_EQ(down_reason(ref), "other");
	CHECK_STR_EQ(next_message(0), "none");
	again = hw_monitor(pid);
	CHECK_STR_EQ(next_message(0), "down:noproc");
	again = hw_monitor(pid);
	CHECK_INT_EQ(hw_demonitor(again), 0); /* takes it out again */
	CHECK_STR_EQ(next_message(0), "none");
	again = hw_monitor(1ul << 50);
	CHECK_STR_EQ(down_reason(again), "noproc");
}

static void a_monitor_tells_once(void)
{
	in_process(monitors_body);
}

static void last_words(void *arg)
{
	hw_send(*(hw_pid *)arg, "last", 5);
}

static void order_body(void)
{
	maker = hw_self();
	for (int i = 0; i < 100; i++) {
		struct hw_spawn_options o = {0};
		hw_ref ref;

		o.monitor = &ref;
		hw_spawn_opt(last_words, &maker, &o);
		CHECK_STR_EQ(next_message(PATIENCE), "message:last");
		CHECK_STR_EQ(next_message(PATIENCE), "down:normal");
	}
}

static void the_end_is_told_after_the_last_words(void)
{
	in_process(order_body);
}

static void long_reason_body(void)
{
	char reason[300];
	hw_ref ref;
	hw_pid pid = victim(false, false, &ref);

	memset(reason, 'r', sizeof(reason));
	reason[299] = '\0';
	hw_exit(pid, reason);
	CHECK_INT_EQ(strlen(down_reason(ref)), HW_REASON_MAX - 1);
}

static void a_long_reason_is_cut(void)
{
	in_process(long_reason_body);
}

/* --- all at once ---------------------------------------------------------- */

static void brawler(void *arg)
{
	hw_pid all[64];
	unsigned seed = (unsigned)(uintptr_t)arg;

	hw_trap_exit(seed % 2);
	for (int i = 0; i < 200; i++) {
		size_t n = hw_processes(all, 64);
		hw_pid pid = all[rand_r(&seed) % (n < 64 ? n : 64)];

		if (rand_r(&seed) % 4 == 0)
			hw_monitor(pid);
		if (rand_r(&seed) % 4 == 0)
			hw_link(pid);
		hw_send(pid, &seed, sizeof(seed));
		if (rand_r(&seed) % 8 == 0 && pid != maker)
			hw_exit(pid, rand_r(&seed) % 2 ? "kill" : "other");
		hw_message_free(hw_receive(0));
	}
}

static void brawl_body(void)
{
	struct hw_spawn_options o = {.stack_size = 65536};

	maker = hw_self();
	hw_trap_exit(true);
	for (int i = 0; i < 1000; i++) {
		o.link = i % 2;
		CHECK(hw_spawn_opt(brawler, (void *)(uintptr_t)i, &o) != 0);
	}
	while (hw_processes(NULL, 0) > 1) {
		struct hw_message *m = hw_receive(10);

		hw_message_free(m);
	}
}

static void anybody_may_do_anything_to_anybody(void)
{
	in_process(brawl_body);
}

static const struct check tests[] = {
    {"exit signals do what Erlang's do", exit_signals_do_what_erlangs_do},
    {"a signal is obeyed before a later message",
     a_signal_is_obeyed_before_a_later_message},
    {"a process may signal itself", a_process_may_signal_itself},
    {"a link carries the reason", a_link_carries_the_reason},
    {"a link is one and can be taken away",
     a_link_is_one_and_can_be_taken_away},
    {"a link to what is gone ends the linker",
     a_link_to_what_is_gone_ends_the_linker},
    {"a chain of links goes down together",
     a_chain_of_links_goes_down_together},
    {"a monitor tells once", a_monitor_tells_once},
    {"the end is told after the last words",
     the_end_is_told_after_the_last_words},
    {"a long reason is cut", a_long_reason_is_cut},
    {"anybody may do anything to anybody", anybody_may_do_anything_to_anybody},
};

CHECK_MAIN(tests)
