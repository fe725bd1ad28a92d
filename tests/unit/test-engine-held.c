/* SPDX-License-Identifier: MIT
 *
 * Old code that is held: what targets say of it becomes events with names, and
 * orders reach every target and come back with an answer of each.
 */
#include "tests/unit/elf-symbol.h"
#include "tests/unit/engine-fixture.h"

/* A holder of v0 of the module a that is in the function a, as a target says
 * it. FILE is the object that V0 was loaded from. */
static char *frame_in(const char *file, int tid, const char *more)
{
	unsigned long long at = elf_symbol(file, "a", NULL);

	return xasprintf(
	    "{\"id\": \"f%d\", \"kind\": \"frame\", \"module\": \"a\","
	    " \"version\": 1, \"since\": 1, \"message\": \"runs it\","
	    " \"tid\": %d, \"thread\": \"t\", \"address\": \"%#llx\","
	    " \"offset\": \"%#llx\", \"object\": \"%s\", \"frames\":"
	    " [{\"address\": \"%#llx\", \"offset\": \"%#llx\","
	    " \"object\": \"%s\"}]%s}",
	    tid, tid, at, at, file, at, at, file, more);
}

static char *held_by(const char *holders)
{
	return xasprintf("{\"modules\": [{\"module\": \"a\", \"version\": 1,"
			 " \"state\": \"old\", \"since\": 1, \"holders\":"
			 " [%s]}]}",
			 holders);
}

static const char changed[] = "{\"pid\": 1, \"module\": \"a\", \"version\": 1,"
			      " \"holders\": 1}";
static const char gone[] =
    "{\"module\": \"a\", \"version\": 1, \"outcome\": \"unmapped\","
    " \"unmapped\": 8192, \"kept\": 0, \"killed\": []}";

/* A program whose module a is at v2, and v1 of it is held by its main thread:
 * MORE is said of the holder. */
static struct fake *held_program(const char *more)
{
	struct fake *f = fx_two();
	char *frame;

	put("a.c", "int a(void)\n{\n\treturn 10;\n}\n");
	fx_sync();
	frame = frame_in(fake_module(f, "a")->file, f->pid, more);
	put("a.c", "int a(void)\n{\n\treturn 20;\n}\n");
	fx_sync();
	f->holders = held_by(frame);
	free(frame);
	return f;
}

static void end(struct fake *f)
{
	char *holders = (char *)f->holders;

	fx_end();
	free(holders);
}

static void held_version_is_told_once_with_names(void)
{
	const cJSON *ev, *h, *status;
	struct fake *f;
	cJSON *all;

	fx_begin();
	f = held_program("");
	fake_notify(f, "code/holdersChanged", changed);
	fx_until("held", 1);
	ev = fx_last("held");
	CHECK_STR_EQ(json_str(ev, "message"), "main thread in a (a.c:3)");
	CHECK_INT_EQ(json_int(ev, "version", -1), 1);
	CHECK_STR_EQ(json_str_at(json_at(ev, "modules"), 0), "a");
	h = cJSON_GetArrayItem(json_at(ev, "holders"), 0);
	CHECK_STR_EQ(json_str(h, "function"), "a");
	CHECK_INT_EQ(json_int(h, "line", 0), 3);
	CHECK_INT_EQ(json_int(h, "pid", 0), f->pid);
	CHECK(!json_at(h, "frames"));
	all = engine_status(fx.e, 0);
	status = cJSON_GetArrayItem(json_at(all, "targets"), 0);
	CHECK_STR_EQ(json_str(cJSON_GetArrayItem(json_at(status, "held"), 0),
			      "message"),
		     "main thread in a (a.c:3)");
	cJSON_Delete(all);
	fake_notify(f, "code/holdersChanged", changed);
	fake_notify(f, "code/purged", gone);
	fx_until("purged", 1);
	CHECK_INT_EQ(fx_count("held"), 1);
	CHECK(json_true(fx_last("purged"), "was_held"));
	end(f);
}

static void purge_of_what_nobody_held_says_so(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	fake_notify(f, "code/purged", gone);
	fx_until("purged", 1);
	CHECK(!json_true(fx_last("purged"), "was_held"));
	CHECK_INT_EQ(json_int(fx_last("purged"), "version", -1), 1);
	CHECK_INT_EQ(cJSON_GetArraySize(json_at(fx_last("purged"), "fates")),
		     1);
	end(f);
}

static void two_targets_that_say_the_same_are_one_event(void)
{
	struct fake *f, *g;
	char *same;

	fx_begin();
	f = held_program("");
	g = fake_start(1);
	fx_sync();
	same = xstrdup(f->holders);
	memcpy(strstr(same, "\"tid\""), "\"tit\"", 5); /* whose: not said */
	free((char *)f->holders);
	f->holders = g->holders = same;
	fake_notify(f, "code/holdersChanged", changed);
	fake_notify(g, "code/holdersChanged", changed);
	fx_until("held", 1);
	CHECK_INT_EQ(cJSON_GetArraySize(json_at(fx_last("held"), "targets")),
		     2);
	fake_notify(f, "code/purged", gone);
	fake_notify(g, "code/purged", gone);
	fx_until("purged", 1);
	CHECK_INT_EQ(fx_count("held"), 1);
	CHECK_INT_EQ(cJSON_GetArraySize(json_at(fx_last("purged"), "targets")),
		     2);
	end(f);
}

static void loop_is_pointed_out_with_the_call_to_make(void)
{
	struct fake *f;

	fx_begin();
	f = held_program(", \"looping\": true");
	fake_notify(f, "code/holdersChanged", changed);
	fx_until("held", 1);
	CHECK_STR_HAS(json_str(fx_last("held"), "hint"), "HOT(a)(...)");
	end(f);
}

static void ends_that_were_meant_are_not_told(void)
{
	const cJSON *ev;
	struct fake *f;

	fx_begin();
	f = fx_two();
	fake_notify(f, "process/exited",
		    "{\"process\": 1, \"name\": \"\", \"reason\": \"normal\"}");
	for (int i = 0; i < 3; i++)
		fake_notify(f, "process/exited",
			    "{\"process\": 2, \"name\": \"x\","
			    " \"reason\": \"killed\"}");
	fx_until("exited", 1);
	ev = fx_last("exited");
	CHECK_STR_EQ(json_str(ev, "message"), "killed");
	CHECK_INT_EQ(cJSON_GetArraySize(json_at(ev, "exits")), 3);
	CHECK_INT_EQ(fx_count("exited"), 1);
	end(f);
}

static void order_has_an_answer_of_every_target(void)
{
	const cJSON *targets, *t;
	struct fake *f, *g;

	fx_begin();
	f = fx_two();
	g = fake_start(1);
	fx_sync();
	f->answer = "{\"purged\": true, \"killed\": [3], \"versions\": []}";
	g->refuse = "foreign_holder";
	fx_order("watch/purge", "{\"module\": \"a\", \"deadline_ms\": 70}");
	targets = json_at(fx.answer, "targets");
	CHECK_INT_EQ(cJSON_GetArraySize(targets), 2);
	CHECK_STR_EQ(json_str(f->params, "module"), "a");
	CHECK_INT_EQ(json_int(g->params, "deadline_ms", 0), 70);
	cJSON_ArrayForEach(t, targets)
	{
		if (json_int(t, "pid", 0) == f->pid)
			CHECK(json_true(json_at(t, "result"), "purged"));
		else
			CHECK_STR_EQ(json_str(json_at(t, "error"), "reason"),
				     "foreign_holder");
	}
	fx_order("watch/purge", "{\"module\": \"nothing\"}");
	CHECK_STR_EQ(fx.reason, "unknown_module");
	fx_order("watch/softPurge", "{\"module\": \"a\", \"target\": \"q\"}");
	CHECK_STR_EQ(fx.reason, "no_target");
	fx_order("watch/ps", "{}");
	CHECK_INT_EQ(cJSON_GetArraySize(json_at(fx.answer, "targets")), 2);
	end(f);
}

static void order_does_not_wait_for_a_stopped_target(void)
{
	struct fake *f;
	const cJSON *t;

	fx_begin();
	fx.answer_ms = 50;
	f = fx_two();
	fake_mute(f, true);
	fx_order("watch/delete", "{\"module\": \"a\"}");
	t = cJSON_GetArrayItem(json_at(fx.answer, "targets"), 0);
	CHECK(!json_true(t, "ok"));
	CHECK_STR_EQ(json_str(json_at(t, "error"), "reason"), "no_answer");
	fake_mute(f, false);
	end(f);
}

static void engine_that_closes_answers_an_order(void)
{
	const char *params = "{\"module\": \"a\"}";
	cJSON *o = cJSON_Parse(params);
	struct fake *f;

	fx_begin();
	f = held_program("");
	fake_notify(f, "code/holdersChanged", changed);
	fake_mute(f, true);
	fx.done = false;
	engine_order(fx.e, "watch/softPurge", o, fx_ordered, NULL);
	fx_close();
	CHECK(fx.done);
	CHECK_STR_EQ(fx.reason, "closed");
	cJSON_Delete(o);
	end(f);
}

static void manner_of_a_load_is_passed_on(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	fx_load("a", NULL, ENGINE_FORCE);
	CHECK_INT_EQ(fake_version(f, "a"), 1); /* of the same content */
	CHECK(json_true(f->params, "force"));
	CHECK(!json_at(f->params, "on_held"));
	put("a.c", "int a(void) { return 7; }\n");
	fx_load("a", NULL, ENGINE_KILL);
	CHECK_STR_EQ(json_str(f->params, "on_held"), "kill");
	CHECK_INT_EQ(json_int(f->params, "deadline_ms", 0), 5000);
	CHECK(!json_at(f->params, "force"));
	put("a.c", "int a(void) { return 8; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 3);
	CHECK(!json_at(f->params, "on_held"));
	end(f);
}

static void settings_say_what_becomes_of_held_code(void)
{
	struct fake *f;

	fx_begin();
	put("hotwatch.json", "{\"on_held\": \"refuse\"}");
	f = fx_two();
	f->refuse = "not_purged";
	put("a.c", "int a(void) { return 7; }\n");
	fx_sync();
	CHECK_STR_EQ(json_str(f->params, "on_held"), "refuse");
	CHECK_INT_EQ(fx_count("refused"), 1);
	f->refuse = NULL;
	fake_notify(f, "code/purged", gone);
	fx_until("live", 1);
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	end(f);
}

static const struct check tests[] = {
    {"a held version is told once, by name",
     held_version_is_told_once_with_names},
    {"a purge of what nobody held says so", purge_of_what_nobody_held_says_so},
    {"two targets that say the same are one event",
     two_targets_that_say_the_same_are_one_event},
    {"a loop is pointed out with the call to make",
     loop_is_pointed_out_with_the_call_to_make},
    {"ends that were meant are not told", ends_that_were_meant_are_not_told},
    {"an order has an answer of every target",
     order_has_an_answer_of_every_target},
    {"an order does not wait for a stopped target",
     order_does_not_wait_for_a_stopped_target},
    {"an engine that closes answers an order",
     engine_that_closes_answers_an_order},
    {"the manner of a load is passed on", manner_of_a_load_is_passed_on},
    {"what was refused for held code is loaded when that is gone",
     settings_say_what_becomes_of_held_code},
};
CHECK_MAIN(tests)
