/* SPDX-License-Identifier: MIT
 *
 * Processes: spawning, mailboxes, names, what is told of them. Links and exits
 * are in test-process-links.c.
 */
#include <dirent.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/process-fixture.h"

/* --- spawning ------------------------------------------------------------- */

static void note_self(void *arg)
{
	*(hw_pid *)arg = hw_self();
}

static void spawn_body(void)
{
	struct hw_spawn_options o = {0};
	hw_pid self = 0, pid;
	hw_ref ref = 0;

	o.monitor = &ref;
	pid = hw_spawn_opt(note_self, &self, &o);
	CHECK(pid != 0);
	CHECK_STR_EQ(down_reason(ref), "normal");
	CHECK_INT_EQ(self, pid);
	CHECK(!hw_is_alive(pid));
	CHECK(hw_is_alive(hw_self()));
}

static void a_process_runs_its_function_and_ends_normal(void)
{
	CHECK_INT_EQ(hw_self(), 0);
	in_process(spawn_body);
}

static void pids_body(void)
{
	hw_pid last = hw_self(), all[8];
	size_t n;

	for (int i = 0; i < 3; i++) {
		hw_pid pid = hw_spawn(sleeper, NULL);

		CHECK(pid > last);
		last = pid;
	}
	n = hw_processes(all, 8);
	CHECK(n >= 4 && n <= 8);
	for (size_t i = 1; i < n && i < 8; i++)
		CHECK(all[i - 1] < all[i]);
	CHECK_INT_EQ(hw_processes(all, 1), n);
	for (size_t i = 0; i < n; i++) {
		hw_ref ref = all[i] == hw_self() ? 0 : hw_monitor(all[i]);

		if (ref) {
			hw_exit(all[i], "kill");
			CHECK_STR_EQ(down_reason(ref), "killed");
		}
	}
}

static void pids_count_up_and_are_listed_by_age(void)
{
	in_process(pids_body);
}

static void foreign_threads_are_told_so(void)
{
	struct hw_spawn_options o = {.link = true};

	CHECK_INT_EQ(hw_spawn_opt(sleeper, NULL, &o), 0);
	CHECK_INT_EQ(errno, EPERM);
	CHECK_INT_EQ(hw_spawn(NULL, NULL), 0);
	CHECK_INT_EQ(errno, EINVAL);
	errno = 0;
	CHECK(!hw_receive(0));
	CHECK_INT_EQ(errno, EPERM);
	CHECK_INT_EQ(hw_link(1), -EPERM);
	CHECK_INT_EQ(hw_unlink(1), -EPERM);
	CHECK_INT_EQ(hw_monitor(1), 0);
	CHECK_INT_EQ(hw_demonitor(1), -EPERM);
	CHECK(!hw_trap_exit(true));
}

static void wait_for_body(void)
{
	hw_pid pid = hw_spawn(sleeper, NULL);

	CHECK_INT_EQ(hw_wait(pid, 10), -ETIMEDOUT);
	CHECK_INT_EQ(hw_wait(pid, 0), -ETIMEDOUT);
	hw_exit(pid, "kill");
	CHECK_INT_EQ(hw_wait(pid, PATIENCE), 0);
	CHECK_STR_EQ(next_message(0), "none");
}

static void anybody_can_wait_for_an_end(void)
{
	hw_pid pid = hw_spawn(sleeper, NULL);

	CHECK_INT_EQ(hw_wait(pid, 10), -ETIMEDOUT);
	CHECK_INT_EQ(hw_wait(pid, 0), -ETIMEDOUT);
	hw_exit(pid, "kill");
	CHECK_INT_EQ(hw_wait(pid, -1), 0);
	CHECK_INT_EQ(hw_wait(pid, -1), 0);
	in_process(wait_for_body);
}

/* --- messages ------------------------------------------------------------- */

static void order_body(void)
{
	hw_pid me = hw_self();

	for (int i = 0; i < 1000; i++)
		CHECK_INT_EQ(hw_send_ref(me, (hw_ref)i, &i, sizeof(i)), 0);
	for (int i = 0; i < 1000; i++) {
		struct hw_message *m = hw_receive(0);

		if (!CHECK(m != NULL))
			return;
		CHECK_INT_EQ(*(int *)(void *)m->data, i);
		CHECK_INT_EQ(m->ref, i);
		CHECK_INT_EQ(m->from, me);
		CHECK_INT_EQ(m->size, sizeof(i));
		CHECK_INT_EQ((uintptr_t)m->data % 16, 0);
		hw_message_free(m);
	}
	errno = 0;
	CHECK(!hw_receive(0));
	CHECK_INT_EQ(errno, ETIMEDOUT);
}

static void messages_of_one_sender_arrive_in_order(void)
{
	in_process(order_body);
}

static bool begins_with(const struct hw_message *m, void *letter)
{
	return m->data[0] == *(char *)letter;
}

static const char *take(char letter)
{
	static char text[32];
	struct hw_message *m = hw_receive_match(begins_with, &letter, 0);

	strcpy(text, m ? (char *)m->data : "none");
	hw_message_free(m);
	return text;
}

static void selective_body(void)
{
	static const char *const texts[] = {"a1", "b1", "a2", "c1", "b2"};

	for (size_t i = 0; i < 5; i++)
		send_text(hw_self(), texts[i]);
	CHECK_STR_EQ(take('b'), "b1");
	CHECK_STR_EQ(take('z'), "none");
	CHECK_STR_EQ(take('c'), "c1");
	CHECK_STR_EQ(take('b'), "b2");
	send_text(hw_self(), "a3");
	CHECK_STR_EQ(next_message(0), "message:a1");
	CHECK_STR_EQ(next_message(0), "message:a2");
	CHECK_STR_EQ(next_message(0), "message:a3");
	CHECK_STR_EQ(next_message(0), "none");
}

static void receive_takes_the_oldest_that_matches(void)
{
	in_process(selective_body);
}

static void answer(void *arg)
{
	struct hw_message *m = hw_receive(PATIENCE);

	(void)arg;
	if (m)
		hw_send_ref(m->from, m->ref, "yes", 4);
	hw_message_free(m);
}

static void wait_body(void)
{
	hw_ref ref = hw_make_ref();
	hw_pid pid = hw_spawn(answer, NULL);
	struct hw_message *m;

	CHECK(hw_make_ref() != ref);
	CHECK_INT_EQ(hw_send_ref(pid, ref, "?", 2), 0);
	m = hw_receive(-1);
	CHECK_INT_EQ(m->ref, ref);
	CHECK_INT_EQ(m->from, pid);
	hw_message_free(m);
}

static void a_receive_waits_for_what_comes(void)
{
	in_process(wait_body);
}

static void timeout_body(void)
{
	struct timespec a, b;
	long ms;

	send_text(hw_self(), "other");
	clock_gettime(CLOCK_MONOTONIC, &a);
	CHECK(!hw_receive_match(fx_nothing, NULL, 30));
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK_INT_EQ(errno, ETIMEDOUT);
	ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
	CHECK(ms >= 29 && ms < 20000);
	CHECK_STR_EQ(next_message(0), "message:other");
}

static void a_receive_ends_at_its_timeout(void)
{
	in_process(timeout_body);
}

static void bound_body(void)
{
	struct hw_spawn_options o = {.mailbox_max = 100000};
	hw_pid pid = hw_spawn_opt(sleeper, NULL, &o);
	struct hw_process_info info;
	char data[1000] = {0};
	int sent = 0;

	while (sent < 1000 && hw_send(pid, data, sizeof(data)) == 0)
		sent++;
	CHECK(sent > 50 && sent < 100);
	CHECK_INT_EQ(hw_send(pid, data, sizeof(data)), -EAGAIN);
	CHECK_INT_EQ(hw_process_info(pid, &info), 0);
	CHECK_INT_EQ(info.messages, sent);
	CHECK(info.bytes <= 100000);
	hw_exit(pid, "kill");
}

static void a_mailbox_is_bounded(void)
{
	in_process(bound_body);
}

static void news_body(void)
{
	struct hw_spawn_options o = {0};
	hw_ref ref;
	char data[4096] = {0};

	o.monitor = &ref;
	o.link = true;
	hw_trap_exit(true);
	while (hw_send(hw_self(), data, sizeof(data)) == 0)
		;
	hw_exit(hw_spawn_opt(sleeper, NULL, &o), "kill");
	CHECK_STR_EQ(down_reason(ref), "killed");
}

static void a_full_mailbox_takes_the_news_of_an_end(void)
{
	in_process(news_body);
}

static void gone_body(void)
{
	struct hw_spawn_options o = {0};
	struct hw_process_info info;
	hw_pid self = 0, pid;
	hw_ref ref;

	o.monitor = &ref;
	pid = hw_spawn_opt(note_self, &self, &o);
	down_reason(ref);
	CHECK_INT_EQ(send_text(pid, "hello"), 0);
	CHECK_INT_EQ(hw_exit(pid, "kill"), 0);
	CHECK_INT_EQ(hw_process_info(pid, &info), -ESRCH);
	CHECK_INT_EQ(send_text(pid + 100000, "hello"), -ESRCH);
	CHECK_INT_EQ(hw_exit(pid + 100000, "kill"), -ESRCH);
	CHECK_INT_EQ(send_text(0, "hello"), -ESRCH);
	CHECK_INT_EQ(hw_send(hw_self(), NULL, 3), -EINVAL);
	CHECK_INT_EQ(hw_exit(hw_self(), NULL), -EINVAL);
}

static void what_is_gone_takes_messages_silently(void)
{
	in_process(gone_body);
}

/* --- names ---------------------------------------------------------------- */

static void names_body(void)
{
	struct hw_spawn_options o = {.name = "first"};
	hw_pid pid = hw_spawn_opt(sleeper, NULL, &o);
	char longest[80];
	hw_ref ref = hw_monitor(pid);

	CHECK_INT_EQ(hw_whereis("first"), pid);
	CHECK_INT_EQ(hw_whereis("nobody"), 0);
	CHECK_INT_EQ(hw_spawn_opt(sleeper, NULL, &o), 0);
	CHECK_INT_EQ(errno, EEXIST);
	CHECK_INT_EQ(hw_register("first", hw_self()), -EEXIST);
	CHECK_INT_EQ(hw_register("second", pid), -EEXIST);
	CHECK_INT_EQ(hw_register("me", hw_self()), 0);
	CHECK_INT_EQ(hw_whereis("me"), hw_self());
	CHECK_INT_EQ(hw_unregister("me"), 0);
	CHECK_INT_EQ(hw_unregister("me"), -ESRCH);
	CHECK_INT_EQ(hw_register("me", 1ul << 40), -ESRCH);
	memset(longest, 'x', sizeof(longest));
	longest[64] = '\0';
	CHECK_INT_EQ(hw_register(longest, hw_self()), -EINVAL);
	longest[63] = '\0';
	CHECK_INT_EQ(hw_register(longest, hw_self()), 0);
	CHECK_INT_EQ(hw_register("", hw_self()), -EINVAL);
	hw_exit(pid, "kill");
	down_reason(ref);
	CHECK_INT_EQ(hw_whereis("first"), 0);
}

static void a_name_is_one_process_and_goes_with_it(void)
{
	in_process(names_body);
}

/* --- what is told --------------------------------------------------------- */

static void info_body(void)
{
	struct hw_spawn_options o = {.name = "told",
				     .link = true,
				     .trap_exit = true};
	struct hw_process_info i = {0};
	hw_pid pid = hw_spawn_opt(sleeper, NULL, &o);
	hw_ref ref = hw_monitor(pid);

	send_text(pid, "one");
	while (hw_process_info(pid, &i) == 0 && !(i.waiting && i.tid))
		sched_yield();
	CHECK_INT_EQ(i.pid, pid);
	CHECK(i.tid != (pid_t)syscall(SYS_gettid));
	CHECK_STR_EQ(i.name, "told");
	CHECK_INT_EQ(i.messages, 1);
	CHECK_INT_EQ(i.links, 1);
	CHECK(i.trap_exit);
	CHECK_INT_EQ(hw_process_info(hw_self(), &i), 0);
	CHECK_INT_EQ(i.monitors, 1);
	CHECK_INT_EQ(i.tid, (pid_t)syscall(SYS_gettid));
	CHECK(!i.waiting);
	hw_unlink(pid);
	hw_exit(pid, "kill");
	down_reason(ref);
}

static void info_tells_of_a_process(void)
{
	in_process(info_body);
}

/* --- many ----------------------------------------------------------------- */

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static size_t resident(void)
{
	unsigned long size = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%lu %lu", &size, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * 4096;
}

static void nothing(void *arg)
{
	(void)arg;
}

/* N processes that end, a hundred at a time, half of them by being killed. */
static void churn(int n)
{
	hw_ref ref[100];

	for (int i = 0; i < n; i += 100) {
		for (int k = 0; k < 100; k++) {
			struct hw_spawn_options o = {0};
			hw_pid pid;

			o.monitor = &ref[k];
			o.stack_size = 65536;
			pid = hw_spawn_opt(k % 2 ? sleeper : nothing, NULL, &o);
			if (!CHECK(pid != 0))
				return;
			send_text(pid, "unread");
			if (k % 2)
				hw_exit(pid, "kill");
		}
		for (int k = 0; k < 100; k++)
			down_reason(ref[k]);
	}
}

/* Threads that have told their end are gone a moment later. */
static void threads_settle(int wanted)
{
	for (int i = 0; i < 5000 && entries("/proc/self/task") > wanted; i++)
		hw_receive(1);
}

/* A sanitizer takes a millisecond a thread, and keeps some of its memory. */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static void leak_body(void)
{
	int fds, tasks;
	size_t before;

	churn(SANITIZED ? 200 : 1000);
	threads_settle(5);
	fds = entries("/proc/self/fd");
	tasks = entries("/proc/self/task");
	before = resident();
	churn(SANITIZED ? 1000 : 10000);
	threads_settle(tasks);
	CHECK_INT_EQ(entries("/proc/self/fd"), fds);
	CHECK_INT_EQ(entries("/proc/self/task"), tasks);
	CHECK(SANITIZED || resident() < before + (4u << 20));
}

static void ten_thousand_spawns_leave_nothing(void)
{
	in_process(leak_body);
}

static void thousand_body(void)
{
	static hw_ref ref[1000];
	static hw_pid pid[2000];

	for (int i = 0; i < 2000; i++) {
		struct hw_spawn_options o = {.stack_size = 65536};

		o.monitor = i < 1000 ? &ref[i] : NULL;
		pid[i] = hw_spawn_opt(sleeper, NULL, &o);
		if (!CHECK(pid[i] != 0))
			return;
	}
	for (int i = 0; i < 1000; i++)
		hw_exit(pid[i], "kill");
	for (int i = 0; i < 1000; i++)
		CHECK_STR_EQ(down_reason(ref[i]), "killed");
	for (int i = 1000; i < 2000; i++) {
		CHECK(hw_is_alive(pid[i]));
		hw_exit(pid[i], "kill");
	}
}

static void a_thousand_die_and_a_thousand_live(void)
{
	in_process(thousand_body);
}

/* --- forks ---------------------------------------------------------------- */

static void fork_body(void)
{
	hw_pid other = hw_spawn(sleeper, NULL), me = hw_self();
	int status = -1;
	pid_t child;

	hw_register("forker", me);
	hw_link(other);
	send_text(me, "kept");
	child = fork();
	if (child == 0) {
		bool right = hw_self() == me && !hw_is_alive(other) &&
			     hw_whereis("forker") == me &&
			     !strcmp(next_message(0), "message:kept") &&
			     hw_processes(NULL, 0) == 1;

		hw_pid fresh = hw_spawn(sleeper, NULL);
		hw_ref ref = hw_monitor(fresh);

		hw_exit(fresh, "kill");
		right = right && !strcmp(down_reason(ref), "killed");
		_exit(right ? 0 : 1);
	}
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	CHECK_INT_EQ(status, 0);
	CHECK(hw_is_alive(other));
	CHECK_STR_EQ(next_message(0), "message:kept");
	hw_unlink(other);
	hw_exit(other, "kill");
	hw_unregister("forker");
}

static void a_forked_child_has_the_process_that_forked(void)
{
#if __has_feature(thread_sanitizer)
	CHECK_SKIP("ThreadSanitizer lets a forked child make no threads");
#endif
	in_process(fork_body);
}

static const struct check tests[] = {
    {"a process runs its function and ends normal",
     a_process_runs_its_function_and_ends_normal},
    {"pids count up and are listed by age",
     pids_count_up_and_are_listed_by_age},
    {"foreign threads are told so", foreign_threads_are_told_so},
    {"anybody can wait for an end", anybody_can_wait_for_an_end},
    {"messages of one sender arrive in order",
     messages_of_one_sender_arrive_in_order},
    {"receive takes the oldest that matches",
     receive_takes_the_oldest_that_matches},
    {"a receive waits for what comes", a_receive_waits_for_what_comes},
    {"a receive ends at its timeout", a_receive_ends_at_its_timeout},
    {"a mailbox is bounded", a_mailbox_is_bounded},
    {"a full mailbox takes the news of an end",
     a_full_mailbox_takes_the_news_of_an_end},
    {"what is gone takes messages silently",
     what_is_gone_takes_messages_silently},
    {"a name is one process and goes with it",
     a_name_is_one_process_and_goes_with_it},
    {"info tells of a process", info_tells_of_a_process},
    {"ten thousand spawns leave nothing", ten_thousand_spawns_leave_nothing},
    {"a thousand die and a thousand live", a_thousand_die_and_a_thousand_live},
    {"a forked child has the process that forked",
     a_forked_child_has_the_process_that_forked},
};

CHECK_MAIN(tests)
