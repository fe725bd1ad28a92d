/* SPDX-License-Identifier: MIT
 *
 * Wanted content against loaded content, with one target: what a save leads
 * to, and what it does not.
 */
#include "tests/unit/engine-fixture.h"
#include "watcher/engine-internal.h"

static void start_builds_nothing(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	CHECK_INT_EQ(f->loads, 0);
	CHECK_INT_EQ(fx.building, 0);
	CHECK_INT_EQ(fx_count("target-attached"), 1);
	CHECK_INT_EQ(cJSON_GetArraySize(fx.events), 1);
	fx_end();
}

static void save_goes_live(void)
{
	struct fake *f;
	const cJSON *ev, *ms;

	fx_begin();
	f = fx_two();
	put("a.c", "#include \"all.h\"\nint a(void) { return 11; }\n");
	fx_sync();
	ev = fx_last("live");
	if (CHECK(ev != NULL)) {
		CHECK_INT_EQ(cJSON_GetArraySize(json_at(ev, "modules")), 1);
		CHECK_STR_EQ(json_str_at(json_at(ev, "modules"), 0), "a");
		CHECK_INT_EQ(json_int(ev, "version", -1), 1);
		ms = json_at(ev, "ms");
		CHECK(json_num(ms, "total", 0) >= json_num(ms, "compile", 1e9));
		CHECK(json_num(ms, "link", 0) > 0);
		CHECK(json_num(ms, "load", 0) > 0);
	}
	CHECK_INT_EQ(f->loads, 1);
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	CHECK_INT_EQ(fake_version(f, "b"), 0);
	fx_end();
}

static void same_save_builds_nothing(void)
{
	fx_begin();
	fx_two();
	put("a.c", "#include \"all.h\"\nint a(void) { return 1; }\n");
	fx_sync();
	CHECK_INT_EQ(fx.building, 0);
	CHECK_INT_EQ(cJSON_GetArraySize(fx.events), 1);
	fx_end();
}

static void comment_is_not_loaded(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	put("a.c", "#include \"all.h\"\n/* it */\nint a(void) { return 1; }\n");
	fx_sync();
	CHECK_INT_EQ(fx_count("unchanged"), 1);
	CHECK_INT_EQ(fx_count("live"), 0);
	CHECK_INT_EQ(f->loads, 0);
	fx_end();
}

static void header_is_one_set(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	put("a.c", "#include \"all.h\"\nint a(void) { return N; }\n");
	put("b.c", "#include \"all.h\"\nint b(void) { return N; }\n");
	put("all.h", "#define N 5\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	put("all.h", "#define N 6\n");
	fx_sync();
	CHECK_INT_EQ(f->atomic, 2);
	CHECK_INT_EQ(fake_version(f, "a"), 2);
	CHECK_INT_EQ(fake_version(f, "b"), 2);
	fx_end();
}

static void error_is_told_once(void)
{
	struct fake *f;
	const cJSON *ev, *d;

	fx_begin();
	f = fx_two();
	put("a.c", "#include \"all.h\"\nint a(void) { return x; }\n");
	fx_sync();
	fx_sync();
	CHECK_INT_EQ(fx_count("error"), 1);
	CHECK_INT_EQ(f->loads, 0);
	ev = fx_last("error");
	d = cJSON_GetArrayItem(json_at(ev, "diagnostics"), 0);
	CHECK_STR_EQ(json_str(d, "file"), at("a.c"));
	CHECK_INT_EQ(json_int(d, "line", 0), 2);
	CHECK_INT_EQ(json_int(d, "column", 0), 22);
	CHECK_STR_HAS(json_str(ev, "message"), "undeclared identifier 'x'");
	fx_end();
}

static void header_error_is_told_once(void)
{
	const cJSON *ev;

	fx_begin();
	fx_two();
	put("all.h", "int broken(void) { return x; }\n");
	fx_sync();
	ev = fx_last("error");
	CHECK_INT_EQ(fx_count("error"), 1);
	CHECK_INT_EQ(cJSON_GetArraySize(json_at(ev, "modules")), 2);
	CHECK_INT_EQ(cJSON_GetArraySize(json_at(ev, "diagnostics")), 1);
	CHECK_STR_HAS(json_str(ev, "message"), "the same in ");
	fx_end();
}

#define OLD "static inline int h(void) { int old; return 1; }\n"

/* The only diagnostic of LIST is of the variable NAME. */
static void one_unused(const cJSON *list, const char *name)
{
	CHECK_INT_EQ(cJSON_GetArraySize(list), 1);
	CHECK_STR_HAS(json_str(cJSON_GetArrayItem(list, 0), "message"), name);
}

static void new_warnings_are_told(void)
{
	fx_begin();
	fx.flags = "-Wall";
	put("all.h", OLD);
	fx_two();
	put("a.c", "#include \"all.h\"\nint a(void) { int at; return 2; }\n");
	fx_sync(); /* that of all.h was told by the build */
	one_unused(json_at(fx_last("live"), "diagnostics"), "'at'");
	put("a.c", "#include \"all.h\"\n\n"
		   "int a(void) { int at, new; return 3; }\n");
	fx_sync();
	one_unused(json_at(fx_last("live"), "diagnostics"), "'new'");
	fx_end();
}

/* The diagnostics of watch/status; of a's warnings. */
static cJSON *standing(void)
{
	cJSON *status = engine_status(fx.e, 0);
	cJSON *of_a =
	    cJSON_DetachItemFromArray(cJSON_GetObjectItem(status, "warnings"),
				      0);
	cJSON *d = cJSON_DetachItemFromObject(of_a, "diagnostics");

	cJSON_Delete(of_a);
	cJSON_Delete(status);
	return d;
}

static void warnings_stand_until_they_are_gone(void)
{
	cJSON *d;

	fx_begin();
	fx.flags = "-Wall";
	put("all.h", OLD);
	fx_two();
	put("a.c", "#include \"all.h\"\nint a(void) { int at; return 2; }\n");
	fx_sync();
	put("a.c",
	    "#include \"all.h\"\n\n\nint a(void) { int at; return 3; }\n");
	fx_sync();
	one_unused(d = standing(), "'at'");
	CHECK_INT_EQ(json_int(cJSON_GetArrayItem(d, 0), "line", 0), 4);
	cJSON_Delete(d);
	put("a.c", "int a(void) { return x; }\n");
	fx_sync();
	one_unused(d = standing(), "'at'"); /* not known to be gone */
	cJSON_Delete(d);
	put("a.c", "#include \"all.h\"\nint a(void) { return 4; }\n");
	fx_sync();
	CHECK(!standing());
	fx_end();
}

static int errors_now(void)
{
	cJSON *status = engine_status(fx.e, 0);
	int n = cJSON_GetArraySize(json_at(status, "errors"));

	cJSON_Delete(status);
	return n;
}

static void errors_go_with_the_last_target(void)
{
	struct fake *f;
	cJSON *all, *known;
	double stamp;

	fx_begin();
	f = fx_two();
	put("a.c", "int a(void) { return x; }\n");
	fx_sync();
	all = engine_status(fx.e, 0);
	stamp = json_num(all, "stamp", 0);
	known = engine_status(fx.e, (uint64_t)stamp);
	CHECK(json_at(json_at(all, "errors")->child, "diagnostics"));
	CHECK(!json_at(json_at(known, "errors")->child, "diagnostics"));
	fake_stop(f);
	fx_until("target-lost", 1);
	CHECK_INT_EQ(errors_now(), 0);
	cJSON_Delete(known);
	cJSON_Delete(all);
	fx_end();
}

static void mending_goes_live(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	put("a.c", "int a(void) { return x; }\n");
	fx_sync();
	CHECK_INT_EQ(errors_now(), 1);
	put("a.c", "int a(void) { return 7; }\n");
	fx_sync();
	CHECK_INT_EQ(errors_now(), 0);
	CHECK_INT_EQ(fx_count("live"), 1);
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	fx_end();
}

static void mending_by_undo_is_unchanged(void)
{
	fx_begin();
	fx_two();
	put("a.c", "int a(void) { return x; }\n");
	fx_sync();
	put("a.c", "#include \"all.h\"\nint a(void) { return 1; }\n");
	fx_sync();
	CHECK_INT_EQ(errors_now(), 0);
	CHECK_INT_EQ(fx_count("unchanged"), 1);
	CHECK_INT_EQ(fx_count("live"), 0);
	fx_end();
}

/* One module of a header's set does not compile: nothing of it loads; a save
 * that mends it takes all. */
static void broken_set_waits(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	put("all.h", "typedef struct { int x; } a;\n");
	fx_sync();
	CHECK_INT_EQ(fx_count("error"), 1);
	CHECK_INT_EQ(f->loads, 0);
	put("all.h", "static inline int three(void) { return 3; }\n");
	put("b.c", "#include \"all.h\"\nint b(void) { return three(); }\n");
	put("a.c", "#include \"all.h\"\nint a(void) { return y; }\n");
	fx_sync();
	CHECK_INT_EQ(f->loads, 0);
	put("a.c", "#include \"all.h\"\nint a(void) { return three(); }\n");
	fx_sync();
	CHECK_INT_EQ(f->loads, 1);
	CHECK_INT_EQ(f->atomic, 2);
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	CHECK_INT_EQ(fake_version(f, "b"), 1);
	fx_end();
}

/* What has nothing to do with a broken file is not held up by it. */
static void other_save_is_not_held_up(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	put("a.c", "int a(void) { return x; }\n");
	fx_sync();
	put("b.c", "int b(void) { return 22; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "b"), 1);
	CHECK_INT_EQ(fake_version(f, "a"), 0);
	CHECK_INT_EQ(fx_count("error"), 1);
	fx_end();
}

static void revert_goes_live(void)
{
	struct fake *f;
	char *first;

	fx_begin();
	f = fx_two();
	first = xstrdup(fake_module(f, "a")->hash);
	put("a.c", "int a(void) { return 12; }\n");
	fx_sync();
	CHECK(strcmp(fake_module(f, "a")->hash, first) != 0);
	put("a.c", "#include \"all.h\"\nint a(void) { return 1; }\n");
	fx_sync();
	CHECK_STR_EQ(fake_module(f, "a")->hash, first);
	CHECK_INT_EQ(fake_version(f, "a"), 2);
	put("a.c", "int a(void) { return 12; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 3);
	free(first);
	fx_end();
}

static void many_saves_end_in_the_last(void)
{
	struct fake *f;
	char *text, *hash;

	fx_begin();
	f = fx_two();
	for (int i = 0; i < 20; i++) {
		text = xasprintf("int a(void) { return %d; }\n", 100 + i);
		put("a.c", text);
		free(text);
		uv_run(&fx.loop, UV_RUN_NOWAIT);
	}
	fx_sync();
	hash = xstrdup(fake_module(f, "a")->hash);
	CHECK(f->loads <= 20);
	fx_compile("a");
	fx_link();
	fx_sync();
	CHECK_STR_EQ(fake_module(f, "a")->hash, hash);
	free(hash);
	fx_end();
}

static void missing_header_that_comes(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	put("a.c", "#include \"new.h\"\nint a(void) { return NEW; }\n");
	fx_sync();
	CHECK_INT_EQ(fx_count("error"), 1);
	put("new.h", "#define NEW 4\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	put("new.h", "#define NEW 5\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 2);
	fx_end();
}

static void own_make_is_noticed(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	put("a.c", "int a(void) { return 31; }\n");
	fx_sync();
	CHECK_INT_EQ(f->loads, 1);
	fx_make();
	fx_sync();
	CHECK_INT_EQ(f->loads, 1); /* the same content: nothing to do */
	fx.flags = "-DEXTRA=1";
	put("a.c", "int a(void) { return 31 + EXTRA; }\n");
	fx_sync(); /* EXTRA is not known yet */
	CHECK_INT_EQ(fx_count("error"), 1);
	fx_make();
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 2);
	CHECK_INT_EQ(errors_now(), 0);
	fx_end();
}

static void new_source_by_make(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	put("c.c", "int c(void) { return 3; }\n");
	put("b.c", "int c(void);\nint b(void) { return c(); }\n");
	strv_add(&fx.modules, "c");
	fx_make();
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "c"), 0);
	CHECK_INT_EQ(fake_version(f, "b"), 1);
	put("c.c", "int c(void) { return 4; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "c"), 1);
	fx_end();
}

static void restarted_watcher_converges(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	put("a.c", "int a(void) { return 41; }\n");
	fx_sync();
	fx_close();
	fx.building = 0;
	fx_open(); /* knows what it compiled: the target has it */
	fx_sync();
	CHECK_INT_EQ(fx.building, 0);
	CHECK_INT_EQ(f->loads, 1);
	fx_close();
	put("b.c", "int b(void) { return 42; }\n");
	fx_open();
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	CHECK_INT_EQ(fake_version(f, "b"), 1);
	fx_end();
}

/* A program that is started again gets what was linked for the last one, also
 * from a watcher that was started again. */
static void restarted_program_gets_the_linked_file(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	put("a.c", "int a(void) { return 43; }\n");
	fx_sync();
	fx_close();
	fake_stop(f);
	fx.building = 0;
	f = fake_start(0);
	fx_open();
	fx_sync();
	CHECK_INT_EQ(fx.building, 0);
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	fx_end();
}

static void gone_source_keeps_what_is_loaded(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	unlink(at("b.c"));
	fx_sync();
	CHECK_INT_EQ(fx_count("error"), 0);
	CHECK_INT_EQ(fx_count("notice"), 1);
	put("b.c", "int b(void) { return 9; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "b"), 1);
	fx_end();
}

static void load_by_name(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	fx_load("a", NULL, false);
	CHECK_STR_EQ(json_str(fx.answer, "kind"), "unchanged");
	fx_load("nobody", NULL, false);
	CHECK_STR_EQ(fx.reason, "unknown_module");
	put("a.c", "int a(void) { return 51; }\n");
	put("b.c", "int b(void) { return 52; }\n");
	fx_load("a", "b.c", false);
	CHECK_STR_EQ(json_str(fx.answer, "kind"), "live");
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	CHECK_INT_EQ(fake_version(f, "b"), 1);
	put("a.c", "int a(void) { return x; }\n");
	fx_load("a", NULL, false);
	CHECK_STR_EQ(json_str(fx.answer, "kind"), "error");
	fake_stop(f);
	fx_load("a", NULL, false);
	CHECK_STR_EQ(fx.reason, "no_target");
	fx_end();
}

static void manual_mode_waits_for_load(void)
{
	struct fake *f;

	fx_begin();
	put("hotwatch.json", "{\"reload_on_save\": false}\n");
	f = fx_two();
	put("a.c", "int a(void) { return 61; }\n");
	put("b.c", "int b(void) { return 62; }\n");
	fx_sync();
	CHECK_INT_EQ(fx.building, 0);
	fx_load("a", NULL, false);
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	CHECK_INT_EQ(fake_version(f, "b"), 0);
	fx_end();
}

static const struct unit *unit_of(const char *module)
{
	for (const struct unit *u = fx.e->unit_list; u; u = u->next)
		if (u->nmodules && !strcmp(u->modules[0]->m->name, module))
			return u;
	return NULL;
}

/* Compilers wait at a gate until it is opened, and leave an x each. */
static void gate_shut(void)
{
	char *text;

	put("cc", "#!/bin/sh\necho x >> \"${0%/*}/../compiles\"\n"
		  "cat \"${0%/*}/../gate\" > /dev/null\nexec \"$@\"\n");
	chmod(at("cc"), 0755);
	CHECK_INT_EQ(mkfifo(at("../gate"), 0600), 0);
	text = xasprintf("{\"compiler_launcher\": [\"%s\"]}", at("cc"));
	put("hotwatch.json", text);
	free(text);
}

static void gate_open(void)
{
	close(open(at("../gate"), O_WRONLY | O_CLOEXEC));
	unlink(at("../gate"));
	put("../gate", "");
}

/* Until a's compiler stands at the gate and a later change has been seen. */
static void wait_for_change(void)
{
	while (!unit_of("a")->again)
		uv_run(&fx.loop, UV_RUN_ONCE);
}

static void changes_during_a_build_queue_one(void)
{
	struct fake *f;
	char *text, *log = NULL;
	size_t n = 0;

	fx_begin();
	gate_shut();
	f = fx_two();
	put("a.c", "int a(void) { return 70; }\n");
	while (!fx.building)
		uv_run(&fx.loop, UV_RUN_ONCE);
	for (int i = 0; i < 5; i++) {
		text = xasprintf("int a(void) { return %d; }\n", 71 + i);
		put("a.c", text);
		free(text);
	}
	wait_for_change();
	gate_open();
	fx_sync();
	if (file_read(at("../compiles"), &log, NULL, NULL) == 0)
		for (char *s = log; *s; s++)
			n += *s == 'x';
	free(log);
	CHECK_INT_EQ(n, 2);
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	fx_end();
}

/* As git does with a file: it is gone for a moment, just when it is due, and
 * comes back with the content that was seen last. */
static void source_gone_for_a_moment_is_built(void)
{
	struct fake *f;

	fx_begin();
	gate_shut();
	f = fx_two();
	put("a.c", "int a(void) { return 70; }\n");
	while (!fx.building)
		uv_run(&fx.loop, UV_RUN_ONCE);
	put("a.c", "int a(void) { return 71; }\n");
	wait_for_change();
	unlink(at("a.c"));
	gate_open();
	while (unit_of("a")->state == UNIT_BUILDING)
		uv_run(&fx.loop, UV_RUN_ONCE);
	put("a.c", "int a(void) { return 71; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	fx_end();
}

/* More than the place that was set aside beside the compiler. */
static void module_that_grows_is_placed_anew(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	put("a.c", "static char big[4000000];\n"
		   "int a(void) { return big[1]++; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	put("a.c", "static char big[4000000];\n"
		   "int a(void) { return big[2]++; }\n");
	put("b.c", "int b(void) { return 3; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 2);
	CHECK_INT_EQ(fake_version(f, "b"), 1);
	fx_end();
}

static void missing_compiler_is_an_error(void)
{
	struct fake *f;

	fx_begin();
	put("hotwatch.json", "{\"compiler\": \"/none/clang\"}\n");
	f = fx_two();
	put("a.c", "int a(void) { return 5; }\n");
	fx_sync();
	CHECK_INT_EQ(f->loads, 0);
	CHECK_STR_HAS(json_str(fx_last("error"), "message"),
		      "cannot run /none/clang");
	put("hotwatch.json", "{}\n");
	fx_sync();
	put("a.c", "int a(void) { return 6; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	fx_end();
}

static void wrong_settings_are_told(void)
{
	struct engine_options o = {.codeserver = FX_CODESERVER};
	struct engine *e = NULL;
	char *err = NULL;

	fx_begin();
	o.runtime = fx.runtime;
	put("hotwatch.json", "{\n\"keep\": 1}\n");
	CHECK_INT_EQ(engine_open(&e, &fx.loop, fx.root, &o, NULL, NULL, &err),
		     ENGINE_ERROR);
	CHECK_STR_HAS(err, "hotwatch.json:2: unknown setting \"keep\"");
	free(err);
	put("hotwatch.json", "{}\n");
	fx_two();
	put("hotwatch.json", "{\n\n\"keep\": 1}\n");
	fx_sync(); /* while it runs, a slip is only told */
	CHECK_STR_HAS(json_str(fx_last("notice"), "message"),
		      "hotwatch.json:3: unknown setting");
	fx_end();
}

static void renamed_folder_comes_back(void)
{
	struct fake *f;

	fx_begin();
	CHECK_INT_EQ(mkdir(at("inc"), 0777), 0);
	put("inc/n.h", "#define N 1\n");
	f = fx_two();
	put("a.c", "#include \"inc/n.h\"\nint a(void) { return 20 + N; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	CHECK_INT_EQ(rename(at("inc"), at("away")), 0);
	fx_sync();
	CHECK_INT_EQ(fx_count("error"), 1);
	CHECK_INT_EQ(rename(at("away"), at("inc")), 0);
	fx_sync();
	CHECK_INT_EQ(errors_now(), 0);
	put("inc/n.h", "#define N 2\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 2);
	fx_end();
}

/* A generated header that .gitignore names is a source all the same. */
static void ignored_header_counts(void)
{
	struct fake *f;

	fx_begin();
	CHECK_INT_EQ(mkdir(at(".git"), 0777), 0);
	CHECK_INT_EQ(mkdir(at("gen"), 0777), 0);
	put(".gitignore", "gen/\n*.o\n*.d\n");
	put("gen/g.h", "#define G 1\n");
	f = fx_two();
	put("a.c", "#include \"gen/g.h\"\nint a(void) { return 30 + G; }\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	put("gen/g.h", "#define G 2\n");
	fx_sync();
	CHECK_INT_EQ(fake_version(f, "a"), 2);
	fx_end();
}

static const struct check tests[] = {
    {"a start with nothing changed builds nothing", start_builds_nothing},
    {"a save goes live", save_goes_live},
    {"an identical save builds nothing", same_save_builds_nothing},
    {"a comment is compiled and not loaded", comment_is_not_loaded},
    {"a header's save is one atomic set", header_is_one_set},
    {"an error is told once, at its line", error_is_told_once},
    {"a header's error is told once", header_error_is_told_once},
    {"new warnings are told, old ones are not", new_warnings_are_told},
    {"a warning stands until it is gone", warnings_stand_until_they_are_gone},
    {"what does not compile is no error when nobody runs it",
     errors_go_with_the_last_target},
    {"mending an error goes live", mending_goes_live},
    {"mending by undo loads nothing", mending_by_undo_is_unchanged},
    {"a set with a broken module waits, then goes whole", broken_set_waits},
    {"a broken file does not hold up another", other_save_is_not_held_up},
    {"reverting to the original goes live", revert_goes_live},
    {"twenty saves end in the last", many_saves_end_in_the_last},
    {"a missing header that comes is taken", missing_header_that_comes},
    {"the user's own make is noticed", own_make_is_noticed},
    {"a new source file comes with make", new_source_by_make},
    {"a restarted watcher converges", restarted_watcher_converges},
    {"a restarted program gets the linked file",
     restarted_program_gets_the_linked_file},
    {"a source that is gone keeps its code", gone_source_keeps_what_is_loaded},
    {"modules are loaded by name", load_by_name},
    {"without reload_on_save a load is asked for", manual_mode_waits_for_load},
    {"a module that grows is placed anew", module_that_grows_is_placed_anew},
    {"a missing compiler is an error", missing_compiler_is_an_error},
    {"wrong settings are told", wrong_settings_are_told},
    {"a folder that goes and comes back", renamed_folder_comes_back},
    {"a header that git ignores counts", ignored_header_counts},
    {"changes during a build queue exactly one more",
     changes_during_a_build_queue_one},
    {"a source that is gone for a moment is built",
     source_gone_for_a_moment_is_built},
};
CHECK_MAIN(tests)
