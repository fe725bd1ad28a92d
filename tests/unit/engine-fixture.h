/* SPDX-License-Identifier: MIT
 *
 * A project of a test's own, an engine on it, and targets that are not real
 * (fake-target.h). Compiler and linker are real.
 *
 * Nothing sleeps: fx_sync and fx_wait run the loop until the thing itself has
 * come; a watchdog ends the program if it does not.
 */
#ifndef TESTS_ENGINE_FIXTURE_H
#define TESTS_ENGINE_FIXTURE_H

#include "codeserver/descriptor.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-target.h"
#include "tests/unit/scratch.h"
#include "watcher/engine.h"
#include "watcher/jsonget.h"
#include "watcher/manifest.h"
#include "watcher/object.h"
#include "watcher/util.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define WATCHDOG_MS 60000
#define FAKES 3

static struct {
	uv_loop_t loop;
	uv_timer_t watchdog;
	struct engine *e;
	char *dir, *root, *runtime;
	struct fake fakes[FAKES];
	cJSON *events; /* all but "building" */
	int taken;     /* of them, by fx_wait */
	unsigned building;
	struct strv modules; /* of the program p */
	bool done;
	int status;
	cJSON *answer; /* of fx_load */
	char *reason;
	const char *flags;  /* more of them, or NULL */
	unsigned answer_ms; /* that fakes have to answer; 0: as ever */
} fx;

static inline void fx_run(bool *until)
{
	while (!*until)
		uv_run(&fx.loop, UV_RUN_ONCE);
}

/* --- files --------------------------------------------------------------- */

/* Path in the project; valid until the 8th call after. */
static inline const char *at(const char *name)
{
	static char paths[8][4096];
	static unsigned i;
	char *p = paths[i++ % 8];

	snprintf(p, sizeof(paths[0]), "%s/%s", fx.root, name);
	return p;
}

static inline void put(const char *name, const char *content)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (!CHECK(fd >= 0))
		return;
	CHECK_INT_EQ(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

/* --- the program p: manifest and objects, as a hot build leaves them ------ */

static inline int fx_spawn(char *const *argv)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (chdir(fx.root) == 0)
			execvp(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status;
}

static inline char **fx_command(const char *name)
{
	struct strv v = {0};
	static const char *const flags[] = {
	    "clang-19",
	    "-c",
	    "-O1",
	    "-g",
	    "-fPIC",
	    "-fno-semantic-interposition",
	    "-ffunction-sections",
	    "-fdata-sections",
	    "-fkeep-persistent-storage-variables",
	    "-femulated-tls",
	    NULL};

	strv_addv(&v, flags);
	if (fx.flags)
		strv_add(&v, fx.flags);
	strv_add_own(&v, xasprintf("%s.c", name));
	return strv_take(&v);
}

/* Compiles NAME.c to NAME.o as the user's make would. */
static inline void fx_compile(const char *name)
{
	struct strv v = {0};
	char **command = fx_command(name);

	strv_addv(&v, (const char *const *)command);
	strv_add(&v, "-MD");
	strv_add(&v, "-o");
	strv_add_own(&v, xasprintf("%s.o", name));
	CHECK_INT_EQ(fx_spawn(v.v), 0);
	freev(command);
	strv_free(&v);
}

static inline void fx_module(struct manifest_module *m, const char *name, int i)
{
	char hash[33] = "", *err = NULL;
	struct object *o = NULL;
	struct strv deps = {0};

	*m = (struct manifest_module){.name = xstrdup(name)};
	m->source = xasprintf("%s/%s.c", fx.root, name);
	m->object = xasprintf("%s/%s.o", fx.root, name);
	m->base = HW_ARENA_BASE + 0x100000ull * (i + 1);
	m->size = 0x10000;
	m->dir = xstrdup(fx.root);
	m->command = fx_command(name);
	m->env = xcalloc(1, sizeof(char *));
	m->depfile = xasprintf("%s/%s.d", fx.root, name);
	if (object_open(&o, m->object, NULL, 0, &err) < 0 ||
	    object_hash(o, hash, &err) < 0)
		CHECK_STR_EQ(err, NULL);
	free(err);
	if (o)
		object_close(o);
	m->hash = xstrdup(hash);
	m->file = xasprintf("%s/p.hot/obj/%s-%s.so", fx.root, name, hash);
	strv_add(&deps, m->source);
	strv_add_own(&deps, xasprintf("%s/all.h", fx.root));
	m->deps = strv_take(&deps);
}

/* Writes the manifest of what is compiled. */
static inline void fx_link(void)
{
	struct manifest *m = xcalloc(1, sizeof(*m));
	char *err = NULL;

	m->path = xasprintf("%s/p.hot/manifest.json", fx.root);
	m->hot = xasprintf("%s/p.hot", fx.root);
	m->program = xasprintf("%s/p", fx.root);
	m->root = xstrdup(fx.root);
	m->dir = xstrdup(fx.root);
	m->link = xcalloc(1, sizeof(char *));
	m->libs = xcalloc(1, sizeof(char *));
	m->stubs = xasprintf("%s/p.hot/obj/stubs.so", fx.root);
	m->nmodules = fx.modules.n;
	m->modules = xcalloc(m->nmodules, sizeof(*m->modules));
	for (size_t i = 0; i < m->nmodules; i++)
		fx_module(&m->modules[i], fx.modules.v[i], (int)i);
	m->next_base = HW_ARENA_BASE + 0x100000ull * (m->nmodules + 1);
	make_dirs(m->hot, 0777, NULL);
	if (manifest_write(m, &err) < 0)
		CHECK_STR_EQ(err, NULL);
	free(err);
	manifest_free(m);
}

static inline void fx_make(void)
{
	for (size_t i = 0; i < fx.modules.n; i++)
		fx_compile(fx.modules.v[i]);
	fx_link();
}

/* Fake I, as a process of the program that the manifest tells of. */
static inline struct fake *fake_start(int i)
{
	const int pids[FAKES] = {getpid(), getppid(), 1};
	char *dir = path_join(fx.runtime, "targets");

	fake_open(&fx.fakes[i], &fx.loop, fx.root, dir, pids[i]);
	free(dir);
	return &fx.fakes[i];
}

/* --- the engine ---------------------------------------------------------- */

static inline void fx_event(const struct event *ev, void *arg)
{
	(void)arg;
	if (ev->kind == EVENT_BUILDING)
		fx.building++;
	else
		cJSON_AddItemToArray(fx.events, event_json(ev));
}

static inline void fx_late(uv_timer_t *t)
{
	char *text = cJSON_Print(fx.events);

	(void)t;
	printf("Bail out! nothing came within %d s; events:\n%s\n",
	       WATCHDOG_MS / 1000, text);
	_exit(1);
}

static inline void fx_begin(void)
{
	memset(&fx, 0, sizeof(fx));
	fx.dir = scratch_new("hw-engine");
	fx.root = path_join(fx.dir, "root");
	make_dirs(fx.root, 0777, NULL);
	fx.runtime = scratch_new("/tmp/hw-engine"); /* sockets: short */
	fx.events = cJSON_CreateArray();
	uv_loop_init(&fx.loop);
	uv_timer_init(&fx.loop, &fx.watchdog);
	uv_timer_start(&fx.watchdog, fx_late, WATCHDOG_MS, 0);
	put("all.h", "int shared(int);\n");
}

static inline void fx_open_as(bool serve)
{
	struct engine_options o = {.runtime = fx.runtime,
				   .codeserver = FX_CODESERVER,
				   .answer_ms = fx.answer_ms,
				   .serve = serve};
	struct engine_callbacks cb = {.event = fx_event};
	char *err = NULL;

	if (engine_open(&fx.e, &fx.loop, fx.root, &o, &cb, NULL, &err) < 0)
		CHECK_STR_EQ(err, NULL);
	free(err);
}

static inline void fx_open(void)
{
	fx_open_as(false);
}

static inline void fx_closed(void *arg)
{
	*(bool *)arg = true;
}

static inline void fx_close(void)
{
	bool closed = !fx.e;

	if (fx.e)
		engine_close(fx.e, fx_closed, &closed);
	fx.e = NULL;
	fx_run(&closed);
}

/* What happened, for whoever reads of a failure. */
static inline void fx_tell(void)
{
	const cJSON *i;

	cJSON_ArrayForEach(i, fx.events)
	{
		char *text = cJSON_PrintUnformatted(i);

		printf("#   event %s\n", text);
		cJSON_free(text);
	}
}

static inline void fx_end(void)
{
	if (check_now.failures)
		fx_tell();
	fx_close();
	for (int i = 0; i < FAKES; i++)
		fake_stop(&fx.fakes[i]);
	uv_close((uv_handle_t *)&fx.watchdog, NULL);
	uv_run(&fx.loop, UV_RUN_DEFAULT);
	CHECK_INT_EQ(uv_loop_close(&fx.loop), 0);
	scratch_remove(fx.dir);
	scratch_remove(fx.runtime);
	cJSON_Delete(fx.events);
	cJSON_Delete(fx.answer);
	strv_free(&fx.modules);
	free(fx.reason);
	free(fx.root);
}

static inline void fx_synced(int status, void *arg)
{
	(void)arg;
	fx.status = status;
	fx.done = true;
}

static inline void fx_sync(void)
{
	fx.done = false;
	engine_sync(fx.e, fx_synced, NULL);
	fx_run(&fx.done);
	CHECK_INT_EQ(fx.status, 0);
}

static inline void fx_loaded(const struct event *ev, const char *reason,
			     const char *message, void *arg)
{
	(void)message;
	(void)arg;
	cJSON_Delete(fx.answer);
	fx.answer = ev ? event_json(ev) : NULL;
	free(fx.reason);
	fx.reason = reason ? xstrdup(reason) : NULL;
	fx.done = true;
}

static inline void fx_load(const char *a, const char *b, unsigned flags)
{
	const char *names[] = {a, b, NULL};

	fx.done = false;
	engine_load(fx.e, names, flags, NULL, fx_loaded, NULL);
	fx_run(&fx.done);
}

static inline void fx_ordered(const cJSON *result, const char *reason,
			      const char *message, void *arg)
{
	(void)message;
	(void)arg;
	cJSON_Delete(fx.answer);
	fx.answer = cJSON_Duplicate(result, true);
	free(fx.reason);
	fx.reason = reason ? xstrdup(reason) : NULL;
	fx.done = true;
}

/* METHOD with PARAMS, a JSON text: fx.answer or fx.reason. */
static inline void fx_order(const char *method, const char *params)
{
	cJSON *o = cJSON_Parse(params);

	fx.done = false;
	engine_order(fx.e, method, o, fx_ordered, NULL);
	fx_run(&fx.done);
	cJSON_Delete(o);
}

/* How many events of KIND there were. */
static inline int fx_count(const char *kind)
{
	const cJSON *i;
	int n = 0;

	cJSON_ArrayForEach(i, fx.events)
	{
		n += !strcmp(json_str(i, "kind"), kind);
	}
	return n;
}

/* Runs until there were N events of KIND. */
static inline void fx_until(const char *kind, int n)
{
	while (fx_count(kind) < n)
		uv_run(&fx.loop, UV_RUN_ONCE);
}

/* The last event of KIND, or NULL. */
static inline const cJSON *fx_last(const char *kind)
{
	const cJSON *i, *last = NULL;

	cJSON_ArrayForEach(i, fx.events)
	{
		if (!strcmp(json_str(i, "kind"), kind))
			last = i;
	}
	return last;
}

/* A program of two modules, made and started, and an engine that is ready. */
static inline struct fake *fx_two(void)
{
	struct fake *f;

	put("a.c", "#include \"all.h\"\nint a(void) { return 1; }\n");
	put("b.c", "#include \"all.h\"\nint b(void) { return 2; }\n");
	strv_add(&fx.modules, "a");
	strv_add(&fx.modules, "b");
	fx_make();
	f = fake_start(0);
	fx_open();
	fx_sync();
	return f;
}

#endif
