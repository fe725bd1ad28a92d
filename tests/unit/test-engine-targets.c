/* SPDX-License-Identifier: MIT
 *
 * Several targets, and targets that come late, go, refuse or say that a place
 * is taken: each ends with what is on disk, or is told why not.
 */
#include "tests/unit/engine-fixture.h"

#include <sys/socket.h>
#include <sys/un.h>

static void late_target_converges(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	fake_stop(f);
	fx_sync();
	CHECK_INT_EQ(fx_count("target-lost"), 1);
	put("a.c", "int a(void) { return 10; }\n");
	fx_sync();
	CHECK_INT_EQ(fx.building, 0); /* nobody runs it */
	f = fake_start(0);
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	CHECK_INT_EQ(fake_version(f, "b"), 0);
	CHECK_INT_EQ(fx_count("live"), 1);
	fx_end();
}

static void all_targets_are_one_event(void)
{
	struct fake *f, *g;
	const cJSON *ev;

	fx_begin();
	f = fx_two();
	g = fake_start(1);
	fx_sync();
	put("a.c", "int a(void) { return 20; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	CHECK_INT_EQ(fake_version(g, "a"), 1);
	CHECK_STR_EQ(fake_module(f, "a")->file, fake_module(g, "a")->file);
	CHECK_INT_EQ(fx_count("live"), 1);
	ev = fx_last("live");
	CHECK_INT_EQ(cJSON_GetArraySize(json_at(ev, "targets")), 2);
	fx_end();
}

static void later_target_gets_the_same_file(void)
{
	struct fake *f, *g;

	fx_begin();
	f = fx_two();
	put("a.c", "int a(void) { return 30; }\n");
	fx_sync();
	fx.building = 0;
	g = fake_start(1);
	fx_sync();
	CHECK_INT_EQ(fx.building, 0);
	CHECK_INT_EQ(fake_version(g, "a"), 1);
	CHECK_STR_EQ(fake_module(f, "a")->file, fake_module(g, "a")->file);
	fx_end();
}

static void refusal_is_told_and_not_retried(void)
{
	struct fake *f;
	const cJSON *ev, *t;

	fx_begin();
	f = fx_two();
	f->refuse = "unsafe";
	put("a.c", "int a(void) { return 40; }\n");
	fx_sync();
	fx_sync();
	CHECK_INT_EQ(f->loads, 1);
	CHECK_INT_EQ(fx_count("refused"), 1);
	ev = fx_last("refused");
	t = cJSON_GetArrayItem(json_at(ev, "targets"), 0);
	CHECK_STR_EQ(json_str(t, "reason"), "unsafe");
	CHECK_STR_EQ(json_str(t, "message"), "because the test wants it");
	put("a.c", "int a(void) { return 41; }\n");
	fx_sync();
	CHECK_INT_EQ(f->loads, 2);
	f->refuse = NULL;
	put("a.c", "int a(void) { return 42; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	fx_end();
}

/* A refused module keeps what was saved together with it. */
static void refused_set_stays_together(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	f->refuse = "unsafe";
	put("all.h", "#define N 3\nint shared(int);\n");
	put("a.c", "#include \"all.h\"\nint a(void) { return N; }\n");
	put("b.c", "#include \"all.h\"\nint b(void) { return 9; }\n");
	fx_sync();
	f->refuse = NULL;
	put("b.c", "#include \"all.h\"\nint b(void) { return 8; }\n");
	fx_sync();
	CHECK_INT_EQ(f->atomic, 2);
	CHECK_STR_EQ(json_str(fx_last("live"), "kind"), "live");
	fx_end();
}

static void one_refuses_the_other_takes(void)
{
	struct fake *f, *g;
	const cJSON *ev;

	fx_begin();
	f = fx_two();
	g = fake_start(1);
	g->refuse = "unsafe";
	fx_sync();
	put("a.c", "int a(void) { return 50; }\n");
	fx_sync();
	ev = fx_last("live");
	CHECK(ev != NULL);
	CHECK_INT_EQ(fx_count("refused"), 0);
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	CHECK_INT_EQ(fake_version(g, "a"), 0);
	fake_stop(g);
	fx_sync();
	put("a.c", "int a(void) { return 51; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 2);
	fx_end();
}

static void misplaced_is_linked_elsewhere(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	f->refuse = "misplaced";
	f->refusals = 2;
	put("a.c", "int a(void) { return 60; }\n");
	fx_sync();
	CHECK_INT_EQ(f->loads, 3);
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	CHECK_INT_EQ(fx_count("live"), 1);
	CHECK_INT_EQ(fx_count("refused"), 0);
	fx_end();
}

static void misplaced_for_ever_is_a_refusal(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	f->refuse = "misplaced";
	put("a.c", "int a(void) { return 70; }\n");
	fx_sync();
	CHECK_INT_EQ(fx_count("refused"), 1);
	CHECK_INT_EQ(f->loads, 4);
	fx_end();
}

static void target_that_ends_during_a_load(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	fake_mute(f, true);
	put("a.c", "int a(void) { return 80; }\n");
	while (!fx.building)
		uv_run(&fx.loop, UV_RUN_ONCE);
	fake_stop(f);
	fx_sync();
	CHECK_INT_EQ(fx_count("refused"), 0);
	CHECK_INT_EQ(fx_count("target-lost"), 1);
	f = fake_start(0);
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	fx_end();
}

static bool compiling(void)
{
	cJSON *status = engine_status(fx.e, 0);
	int n = cJSON_GetArraySize(json_at(status, "building"));

	cJSON_Delete(status);
	return n > 0;
}

/* The next set is built and waits for the one that is being loaded: its round
 * begins in the middle of the target's end. */
static void target_that_ends_before_the_next_load(void)
{
	struct fake *f, *g;

	fx_begin();
	f = fx_two();
	g = fake_start(1);
	fx_sync();
	fake_mute(f, true);
	put("a.c", "int a(void) { return 81; }\n");
	while (fake_version(g, "a") != 1)
		uv_run(&fx.loop, UV_RUN_ONCE);
	fx.building = 0;
	put("b.c", "int b(void) { return 82; }\n");
	while (!fx.building || compiling())
		uv_run(&fx.loop, UV_RUN_ONCE);
	fake_stop(f);
	fx_sync();
	CHECK_INT_EQ(fake_version(g, "b"), 1);
	CHECK_INT_EQ(fx_count("refused"), 0);
	fx_end();
}

/* It is reported, holds up nobody else, and gets what it missed when it goes
 * on. */
static void stopped_target_catches_up(void)
{
	struct fake *f, *g;
	const cJSON *ev;
	char *text;

	fx_begin();
	fx.answer_ms = 1000;
	f = fx_two();
	g = fake_start(1);
	fx_sync();
	fake_mute(f, true);
	put("a.c", "int a(void) { return 85; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(g, "a"), 1);
	CHECK_INT_EQ(fake_version(f, "a"), 0);
	ev = fx_last("live");
	CHECK_INT_EQ(cJSON_GetArraySize(json_at(ev, "targets")), 2);
	text = cJSON_PrintUnformatted(ev);
	CHECK_STR_HAS(text, "no_answer");
	cJSON_free(text);
	put("b.c", "int b(void) { return 86; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(g, "b"), 1);
	fake_mute(f, false);
	while (fake_version(f, "b") != 1 || fake_version(f, "a") != 1)
		uv_run(&fx.loop, UV_RUN_ONCE);
	fx_sync();
	CHECK_INT_EQ(f->loads, 2);
	fx_end();
}

/* A socket of process PID on which nobody listens. Its path, to be freed. */
static char *deaf_socket(int pid)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *dir = path_join(fx.runtime, "targets");

	make_dirs(dir, 0700, NULL);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/%d.sock", dir, pid);
	CHECK_INT_EQ(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	free(dir);
	return xstrdup(a.sun_path);
}

/* A socket that a killed process left. */
static void stale_socket_is_removed(void)
{
	char *path;

	fx_begin();
	path = deaf_socket(0x7ffffff0);
	fx_open();
	fx_sync();
	CHECK(!file_exists(path));
	CHECK_INT_EQ(cJSON_GetArraySize(fx.events), 0);
	free(path);
	fx_end();
}

static void socket_remove(uv_timer_t *timer)
{
	unlink(timer->data);
	uv_close((uv_handle_t *)timer, NULL);
}

/* A process that ended before it listened: between two tries its socket goes,
 * and a sync that waited for the next one is answered. */
static void vanished_socket_is_not_waited_for(void)
{
	uv_timer_t timer;

	fx_begin();
	timer.data = deaf_socket(getpid());
	fx_open();
	uv_timer_init(&fx.loop, &timer);
	uv_timer_start(&timer, socket_remove, 100, 0);
	fx_sync();
	CHECK(!file_exists(timer.data));
	free(timer.data);
	fx_end();
}

static void other_projects_targets_are_left(void)
{
	struct fake *f;

	fx_begin();
	fx_two();
	f = fake_start(1);
	f->root = "/elsewhere";
	fx_sync();
	CHECK_INT_EQ(fx_count("target-attached"), 1);
	while (f->conns)
		uv_run(&fx.loop, UV_RUN_ONCE);
	put("a.c", "int a(void) { return 90; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 0);
	fx_end();
}

static void old_files_are_removed(void)
{
	struct fake *f;
	char *command, *text, *out = NULL;
	int lines = 0;

	fx_begin();
	f = fx_two();
	for (int i = 0; i < 24; i++) {
		struct fake_module *m = fake_module(f, "a");

		/* What is older than the last two was purged in the target. */
		while (m->nversions > 2) {
			free(m->versions[0].file);
			memmove(m->versions, m->versions + 1,
				--m->nversions * sizeof(m->versions[0]));
		}
		text = xasprintf("int a(void) { return %d; }\n", 900 + i);
		put("a.c", text);
		free(text);
		fx_sync();
	}
	command = xasprintf("ls %s > %s", at("p.hot/live"), at("list"));
	CHECK_INT_EQ(system(command), 0);
	CHECK_INT_EQ(file_read(at("list"), &out, NULL, NULL), 0);
	for (char *s = out; s && *s; s++)
		lines += *s == '\n';
	CHECK(lines >= 3 && lines <= 12);
	free(command);
	free(out);
	fx_end();
}

/* The target purges all but the newest version of a. */
static void purge_all(struct fake_module *m)
{
	while (m->nversions > 1) {
		free(m->versions[0].file);
		memmove(m->versions, m->versions + 1,
			--m->nversions * sizeof(m->versions[0]));
	}
}

static void files_for_a_rollback_outlive_the_watcher(void)
{
	char *files[6];
	uint64_t bases[6];
	struct fake *f;

	fx_begin();
	f = fx_two();
	for (int i = 0; i < 6; i++) {
		struct fake_module *m = fake_module(f, "a");
		char *text = xasprintf("int a(void) { return %d; }\n", i + 40);

		purge_all(m);
		put("a.c", text);
		free(text);
		if (i == 4) { /* the watcher is started again */
			fx_close();
			fx_open();
		}
		fx_sync();
		files[i] = xstrdup(m->file);
		bases[i] = m->versions[m->nversions - 1].base;
	}
	CHECK(!file_exists(files[0]));
	for (int i = 3; i < 6; i++) {
		CHECK(file_exists(files[i]));
		for (int k = 3; k < i; k++) /* each can be mapped again */
			CHECK(bases[k] != bases[i]);
	}
	for (int i = 0; i < 6; i++)
		free(files[i]);
	fx_end();
}

static const struct check tests[] = {
    {"a target that starts late converges", late_target_converges},
    {"all targets of a save are one event", all_targets_are_one_event},
    {"a later target gets the file of the others",
     later_target_gets_the_same_file},
    {"a refusal is told and not retried", refusal_is_told_and_not_retried},
    {"a refused set stays together", refused_set_stays_together},
    {"one target refuses, the other takes", one_refuses_the_other_takes},
    {"a taken place leads to another link", misplaced_is_linked_elsewhere},
    {"a place that is always taken is a refusal",
     misplaced_for_ever_is_a_refusal},
    {"a target that ends during a load is no failure",
     target_that_ends_during_a_load},
    {"a target that ends before the next load holds nothing up",
     target_that_ends_before_the_next_load},
    {"a stopped target catches up", stopped_target_catches_up},
    {"a stale socket is removed", stale_socket_is_removed},
    {"a socket that vanishes is not waited for",
     vanished_socket_is_not_waited_for},
    {"another project's target is left alone", other_projects_targets_are_left},
    {"files that no target has are removed", old_files_are_removed},
    {"files for a rollback outlive the watcher",
     files_for_a_rollback_outlive_the_watcher},
};
CHECK_MAIN(tests)
