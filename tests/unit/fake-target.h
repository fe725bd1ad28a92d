/* SPDX-License-Identifier: MIT
 *
 * A target that is not real: it speaks a target's protocol on its socket, in
 * the test's own loop, and keeps for each module the content hash that it read
 * from the file it was told to load. What it refuses and answers, the test
 * says.
 */
#ifndef TESTS_FAKE_TARGET_H
#define TESTS_FAKE_TARGET_H

#include "codeserver/descriptor.h"
#include "protocol/rpc.h"
#include "tests/unit/check.h"
#include "watcher/jsonget.h"
#include "watcher/manifest.h"
#include "watcher/util.h"

#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#define FAKE_MODULES 240
#define FAKE_VERSIONS 64

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
	const char *project; /* the folder of the program p */
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

static inline void add_path(cJSON *o, const char *member, const char *dir,
			    const char *name)
{
	char *path = path_join(dir, name);

	cJSON_AddStringToObject(o, member, path);
	free(path);
}

static inline void fake_on_hello(struct hw_request *req, const cJSON *params,
				 void *user)
{
	struct fake_conn *c = user;
	cJSON *o = cJSON_CreateObject();

	(void)params;
	cJSON_AddNumberToObject(o, "pid", c->f->pid);
	add_path(o, "program", c->f->project, "p");
	add_path(o, "manifest", c->f->project, "p.hot/manifest.json");
	cJSON_AddStringToObject(o, "root",
				c->f->root ? c->f->root : c->f->project);
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
	uv_pipe_init(server->loop, &c->pipe, 0);
	c->pipe.data = c;
	CHECK_INT_EQ(uv_accept(server, (uv_stream_t *)&c->pipe), 0);
	uv_read_start((uv_stream_t *)&c->pipe, fake_alloc, fake_read_cb);
}

/* What the manifest of the program says is loaded. */
static inline void fake_take_manifest(struct fake *f)
{
	char *path = path_join(f->project, "p.hot/manifest.json"), *err = NULL;
	struct manifest *m = NULL;

	if (manifest_read(&m, path, &err) < 0)
		CHECK_STR_EQ(err, NULL);
	for (size_t k = 0; m && k < m->nmodules; k++) {
		struct fake_module *fm = &f->modules[f->nmodules++];

		fm->name = xstrdup(m->modules[k].name);
		fake_add(fm, m->modules[k].file, m->modules[k].hash,
			 m->modules[k].base, m->modules[k].size);
	}
	manifest_free(m);
	free(path);
	free(err);
}

/* Starts F with what the manifest says, as the process PID of the program
 * PROJECT/p would, with its socket in the folder DIR. */
static inline void fake_open(struct fake *f, uv_loop_t *loop,
			     const char *project, const char *dir, int pid)
{
	memset(f, 0, sizeof(*f));
	f->pid = pid;
	f->refusals = -1;
	f->project = project;
	f->path = xasprintf("%s/%d.sock", dir, pid);
	fake_take_manifest(f);
	make_dirs(dir, 0700, NULL);
	uv_pipe_init(loop, &f->server, 0);
	f->server.data = f;
	unlink(f->path);
	CHECK_INT_EQ(uv_pipe_bind(&f->server, f->path), 0);
	CHECK_INT_EQ(uv_listen((uv_stream_t *)&f->server, 8, fake_connection),
		     0);
	f->listening = true;
}

static inline void fake_closed(uv_handle_t *h)
{
	((struct fake *)h->data)->listening = false;
}

static inline void fake_stop(struct fake *f)
{
	if (!f->listening)
		return;
	while (f->conns)
		fake_conn_close(f->conns);
	uv_close((uv_handle_t *)&f->server, fake_closed);
	while (f->listening)
		uv_run(f->server.loop, UV_RUN_ONCE);
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

#endif
