/* SPDX-License-Identifier: MIT
 *
 * A project of a test's own, an engine on it, and targets that are not real:
 * they speak a target's protocol on its socket, in the test's own loop, and
 * keep for each module the content hash that they read from the file they were
 * told to load. Compiler and linker are real.
 *
 * Nothing sleeps: fx_sync and fx_wait run the loop until the thing itself has
 * come; a watchdog ends the program if it does not.
 */
#ifndef TESTS_ENGINE_FIXTURE_H
#define TESTS_ENGINE_FIXTURE_H

#include "codeserver/descriptor.h"
#include "protocol/rpc.h"
#include "tests/unit/check.h"
#include "watcher/engine.h"
#include "watcher/jsonget.h"
#include "watcher/manifest.h"
#include "watcher/object.h"
#include "watcher/util.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WATCHDOG_MS 60000
#define FAKES 3
#define FAKE_MODULES 240
#define FAKE_VERSIONS 64

/* --- a target that is not real ------------------------------------------- */

struct fake_module {
	char *name, *hash, *file;
	int version;
	struct {
		char *file;
		uint64_t base, size;
	} versions[FAKE_VERSIONS];
	int nversions;
};

struct fake {
	uv_pipe_t server;
	bool listening;
	int pid;
	char *path;
	struct fake_conn *conns;
	struct fake_module modules[FAKE_MODULES];
	int nmodules;
	/* What it does with a load, if not NULL: the reason it refuses. */
	const char *refuse;
	int refusals;     /* so many times, then it takes; -1: for ever */
	const char *root; /* that it says; NULL: the project's */
	/* What it answers to code/holders, and to every order: JSON texts;
	 * NULL:
	 * {}, and for an order the refusal of REFUSE. */
	const char *holders, *answer;
	cJSON *params; /* of the last load or order */
	int asked;     /* orders and questions about holders */
	int loads;     /* requests */
	int atomic;    /* modules of the last */
};

struct fake_conn {
	struct fake_conn *next;
	struct fake *f;
	uv_pipe_t pipe;
	struct hw_rpc *rpc;
	char buf[4096];
};

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

static inline int remove_one(const char *path, const struct stat *st, int type,
			     struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
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

/* --- fakes --------------------------------------------------------------- */

static inline void fake_add(struct fake_module *m, const char *file,
			    const char *hash, uint64_t base, uint64_t size)
{
	if (!CHECK(m->nversions < FAKE_VERSIONS))
		return;
	m->version = m->nversions++;
	m->versions[m->version].file = xstrdup(file);
	m->versions[m->version].base = base;
	m->versions[m->version].size = size;
	free(m->hash);
	free(m->file);
	m->hash = xstrdup(hash);
	m->file = xstrdup(file);
}

static inline struct fake_module *fake_module(struct fake *f, const char *name)
{
	for (int i = 0; i < f->nmodules; i++)
		if (!strcmp(f->modules[i].name, name))
			return &f->modules[i];
	return NULL;
}

static inline cJSON *fake_modules_json(struct fake *f)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(o, "modules");

	for (int i = 0; i < f->nmodules; i++) {
		struct fake_module *m = &f->modules[i];
		cJSON *j = cJSON_CreateObject(), *versions;

		cJSON_AddStringToObject(j, "module", m->name);
		cJSON_AddStringToObject(j, "hash", m->hash);
		cJSON_AddStringToObject(j, "file", m->file);
		cJSON_AddNumberToObject(j, "version", m->version);
		versions = cJSON_AddArrayToObject(j, "versions");
		for (int k = 0; k < m->nversions; k++) {
			cJSON *v = cJSON_CreateObject();
			char base[32];

			snprintf(base, sizeof(base), "0x%llx",
				 (unsigned long long)m->versions[k].base);
			cJSON_AddStringToObject(v, "file", m->versions[k].file);
			cJSON_AddStringToObject(v, "base", base);
			cJSON_AddNumberToObject(v, "size",
						(double)m->versions[k].size);
			cJSON_AddItemToArray(versions, v);
		}
		cJSON_AddItemToArray(list, j);
	}
	return o;
}

/* The content hash in the descriptor of FILE, and where it was linked. */
static inline bool fake_read(const char *file, char hash[33], uint64_t *base,
			     uint64_t *size)
{
	const struct hw_module *d;
	char *data = NULL, *p;
	size_t len = 0;
	char *err = NULL;

	if (file_read(file, &data, &len, &err) < 0) {
		CHECK_STR_EQ(err, NULL);
		free(err);
		return false;
	}
	p = memmem(data, len, HW_MAGIC, 8);
	if (!CHECK(p != NULL)) {
		free(data);
		return false;
	}
	d = (const void *)p;
	for (int i = 0; i < HW_HASH_SIZE; i++)
		snprintf(hash + 2 * i, 3, "%02x", d->hash[i]);
	memcpy(base, data + 64 + 16, 8); /* p_vaddr of the first header */
	*base &= ~0xffffull;
	*size = 0x10000;
	free(data);
	return true;
}

static inline cJSON *fake_load(struct fake *f, const cJSON *item)
{
	const char *name = json_str(item, "module");
	const char *file = json_str(item, "file");
	struct fake_module *m = fake_module(f, name);
	cJSON *o = cJSON_CreateObject();
	uint64_t base, size;
	char hash[33];

	if (!m) {
		m = &f->modules[f->nmodules++];
		m->name = xstrdup(name);
	}
	for (int i = 0; i < m->nversions; i++)
		CHECK(strcmp(m->versions[i].file, file) != 0);
	if (fake_read(file, hash, &base, &size)) {
		for (int i = 0; i < f->nmodules; i++)
			for (int k = 0; k < f->modules[i].nversions; k++)
				CHECK(f->modules[i].versions[k].base != base);
		fake_add(m, file, hash, base, size);
	}
	cJSON_AddStringToObject(o, "module", name);
	cJSON_AddNumberToObject(o, "version", m->version);
	cJSON_AddStringToObject(o, "hash", m->hash);
	return o;
}

static inline bool fake_refuses(struct fake *f, struct hw_request *req)
{
	cJSON *data;

	f->loads++;
	if (!f->refuse || !f->refusals)
		return false;
	if (f->refusals > 0)
		f->refusals--;
	data = cJSON_CreateObject();
	cJSON_AddStringToObject(data, "reason", f->refuse);
	cJSON_AddStringToObject(data, "message", "because the test wants it");
	hw_rpc_fail(req, HW_RPC_REFUSED, "refused", data);
	return true;
}

static inline void fake_keep(struct fake *f, const cJSON *params)
{
	cJSON_Delete(f->params);
	f->params = cJSON_Duplicate(params, true);
}

static inline void fake_on_holders(struct hw_request *req, const cJSON *params,
				   void *user)
{
	struct fake_conn *c = user;

	(void)params;
	c->f->asked++;
	hw_rpc_reply(req, cJSON_Parse(c->f->holders ? c->f->holders
						    : "{\"modules\": []}"));
}

static inline void fake_on_order(struct hw_request *req, const cJSON *params,
				 void *user)
{
	struct fake_conn *c = user;

	c->f->asked++;
	fake_keep(c->f, params);
	if (c->f->answer || !fake_refuses(c->f, req))
		hw_rpc_reply(req,
			     cJSON_Parse(c->f->answer ? c->f->answer : "{}"));
}

static inline void fake_on_hello(struct hw_request *req, const cJSON *params,
				 void *user)
{
	struct fake_conn *c = user;
	cJSON *o = cJSON_CreateObject();

	(void)params;
	cJSON_AddNumberToObject(o, "pid", c->f->pid);
	cJSON_AddStringToObject(o, "program", at("p"));
	cJSON_AddStringToObject(o, "manifest", at("p.hot/manifest.json"));
	cJSON_AddStringToObject(o, "root", c->f->root ? c->f->root : fx.root);
	cJSON_AddBoolToObject(o, "reloadable", true);
	hw_rpc_reply(req, o);
}

static inline void fake_on_all(struct hw_request *req, const cJSON *params,
			       void *user)
{
	struct fake_conn *c = user;

	(void)params;
	hw_rpc_reply(req, fake_modules_json(c->f));
}

static inline void fake_on_load(struct hw_request *req, const cJSON *params,
				void *user)
{
	struct fake_conn *c = user;

	c->f->atomic = 1;
	fake_keep(c->f, params);
	if (!fake_refuses(c->f, req))
		hw_rpc_reply(req, fake_load(c->f, params));
}

static inline void fake_on_atomic(struct hw_request *req, const cJSON *params,
				  void *user)
{
	struct fake_conn *c = user;
	const cJSON *list = json_at(params, "modules"), *i;
	cJSON *o, *answers;

	c->f->atomic = cJSON_GetArraySize(list);
	if (fake_refuses(c->f, req))
		return;
	o = cJSON_CreateObject();
	answers = cJSON_AddArrayToObject(o, "modules");
	cJSON_ArrayForEach(i, list)
	{
		cJSON_AddItemToArray(answers, fake_load(c->f, i));
	}
	hw_rpc_reply(req, o);
}

static const struct hw_rpc_method fake_methods[] = {
    {"code/hello", fake_on_hello},
    {"code/allLoaded", fake_on_all},
    {"code/load", fake_on_load},
    {"code/atomicLoad", fake_on_atomic},
    {"code/holders", fake_on_holders},
    {"code/softPurge", fake_on_order},
    {"code/purge", fake_on_order},
    {"code/delete", fake_on_order},
    {"code/rollback", fake_on_order},
    {"process/list", fake_on_order},
    {NULL, NULL},
};

static inline void fake_conn_closed(uv_handle_t *h)
{
	struct fake_conn *c = h->data;

	hw_rpc_free(c->rpc);
	free(c);
}

static inline void fake_conn_close(struct fake_conn *c)
{
	struct fake_conn **p = &c->f->conns;

	while (*p && *p != c)
		p = &(*p)->next;
	if (!*p)
		return;
	*p = c->next;
	hw_rpc_close(c->rpc);
	uv_close((uv_handle_t *)&c->pipe, fake_conn_closed);
}

static inline void fake_written(uv_write_t *req, int status)
{
	(void)status;
	free(req->data);
	free(req);
}

static inline void fake_write(const void *data, size_t len, void *user)
{
	struct fake_conn *c = user;
	uv_write_t *req = xmalloc(sizeof(*req));
	uv_buf_t buf = uv_buf_init(xmalloc(len), len);

	memcpy(buf.base, data, len);
	req->data = buf.base;
	if (uv_write(req, (uv_stream_t *)&c->pipe, &buf, 1, fake_written) < 0)
		fake_written(req, 0);
}

static inline void fake_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	struct fake_conn *c = h->data;

	(void)hint;
	*buf = uv_buf_init(c->buf, sizeof(c->buf));
}

static inline void fake_read_cb(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct fake_conn *c = s->data;

	if (n < 0)
		fake_conn_close(c);
	else
		CHECK_INT_EQ(hw_rpc_feed(c->rpc, buf->base, n), 0);
}

static inline void fake_connection(uv_stream_t *server, int status)
{
	struct fake_conn *c = xcalloc(1, sizeof(*c));

	CHECK_INT_EQ(status, 0);
	c->f = server->data;
	c->rpc = hw_rpc_new(fake_methods, fake_write, c);
	c->next = c->f->conns;
	c->f->conns = c;
	uv_pipe_init(&fx.loop, &c->pipe, 0);
	c->pipe.data = c;
	CHECK_INT_EQ(uv_accept(server, (uv_stream_t *)&c->pipe), 0);
	uv_read_start((uv_stream_t *)&c->pipe, fake_alloc, fake_read_cb);
}

/* Starts fake I with what the manifest says, as a process would. */
static inline struct fake *fake_start(int i)
{
	struct fake *f = &fx.fakes[i];
	const int pids[FAKES] = {getpid(), getppid(), 1};
	struct manifest *m = NULL;
	char *err = NULL, *dir = path_join(fx.runtime, "targets");

	memset(f, 0, sizeof(*f));
	f->pid = pids[i];
	f->refusals = -1;
	f->path = xasprintf("%s/%d.sock", dir, f->pid);
	if (manifest_read(&m, at("p.hot/manifest.json"), &err) < 0)
		CHECK_STR_EQ(err, NULL);
	for (size_t k = 0; m && k < m->nmodules; k++) {
		struct fake_module *fm = &f->modules[f->nmodules++];

		fm->name = xstrdup(m->modules[k].name);
		fake_add(fm, m->modules[k].file, m->modules[k].hash,
			 m->modules[k].base, m->modules[k].size);
	}
	manifest_free(m);
	make_dirs(dir, 0700, NULL);
	uv_pipe_init(&fx.loop, &f->server, 0);
	f->server.data = f;
	unlink(f->path);
	CHECK_INT_EQ(uv_pipe_bind(&f->server, f->path), 0);
	CHECK_INT_EQ(uv_listen((uv_stream_t *)&f->server, 8, fake_connection),
		     0);
	f->listening = true;
	free(dir);
	free(err);
	return f;
}

static inline void fake_closed(uv_handle_t *h)
{
	((struct fake *)h->data)->listening = false;
	fx.done = true;
}

static inline void fake_stop(struct fake *f)
{
	if (!f->listening)
		return;
	while (f->conns)
		fake_conn_close(f->conns);
	fx.done = false;
	uv_close((uv_handle_t *)&f->server, fake_closed);
	fx_run(&fx.done);
	for (int i = 0; i < f->nmodules; i++) {
		struct fake_module *m = &f->modules[i];

		for (int k = 0; k < m->nversions; k++)
			free(m->versions[k].file);
		free(m->name);
		free(m->hash);
		free(m->file);
	}
	cJSON_Delete(f->params);
	free(f->path);
}

/* F tells everybody, PARAMS being a JSON text. */
static inline void fake_notify(struct fake *f, const char *method,
			       const char *params)
{
	for (struct fake_conn *c = f->conns; c; c = c->next)
		CHECK_INT_EQ(hw_rpc_notify(c->rpc, method, cJSON_Parse(params)),
			     0);
}

/* As a process that is stopped, and that goes on. */
static inline void fake_mute(struct fake *f, bool mute)
{
	for (struct fake_conn *c = f->conns; c; c = c->next) {
		uv_stream_t *s = (uv_stream_t *)&c->pipe;

		if (mute)
			uv_read_stop(s);
		else
			uv_read_start(s, fake_alloc, fake_read_cb);
	}
}

static inline int fake_version(struct fake *f, const char *name)
{
	struct fake_module *m = fake_module(f, name);

	return m ? m->version : -1;
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
	char *tmp = xstrdup("hw-engine-XXXXXX"), *cwd = getcwd(NULL, 0);

	memset(&fx, 0, sizeof(fx));
	CHECK(mkdtemp(tmp) != NULL);
	fx.dir = path_join(cwd, tmp);
	fx.root = path_join(fx.dir, "root");
	make_dirs(fx.root, 0777, NULL);
	fx.runtime = xstrdup("/tmp/hw-engine-XXXXXX"); /* sockets: short */
	CHECK(mkdtemp(fx.runtime) != NULL);
	fx.events = cJSON_CreateArray();
	uv_loop_init(&fx.loop);
	uv_timer_init(&fx.loop, &fx.watchdog);
	uv_timer_start(&fx.watchdog, fx_late, WATCHDOG_MS, 0);
	put("all.h", "int shared(int);\n");
	free(tmp);
	free(cwd);
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
	nftw(fx.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	nftw(fx.runtime, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	cJSON_Delete(fx.events);
	cJSON_Delete(fx.answer);
	strv_free(&fx.modules);
	free(fx.reason);
	free(fx.dir);
	free(fx.root);
	free(fx.runtime);
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
	engine_load(fx.e, names, flags, fx_loaded, NULL);
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
