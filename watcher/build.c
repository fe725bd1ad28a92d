/* SPDX-License-Identifier: MIT
 *
 * See build.h. What is queued is started in order, but links before compiles:
 * a link ends what somebody waits for, a compile begins it.
 *
 * A job keeps its place from its first process to its last step in the pool,
 * so a machine with N cores has N modules in the works, not N processes and
 * another N rewriting.
 */
#include "watcher/build.h"

#include "watcher/depfile.h"
#include "watcher/object.h"
#include "watcher/place.h"
#include "watcher/proc.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct build {
	uv_loop_t *loop;
	unsigned max, running;
	struct build_job *first, **last; /* queued */
	struct build_job **active;       /* max entries, NULL: free */
	bool closing;
};

struct build *build_new(uv_loop_t *loop, unsigned jobs)
{
	struct build *b = xcalloc(1, sizeof(*b));

	b->loop = loop;
	b->max = jobs ? jobs : uv_available_parallelism();
	b->last = &b->first;
	b->active = xcalloc(b->max, sizeof(struct build_job *));
	return b;
}

void build_free(struct build *b)
{
	if (b)
		free(b->active);
	free(b);
}

size_t build_jobs(const struct build *b)
{
	size_t n = b->running;

	for (const struct build_job *j = b->first; j; j = j->next)
		n++;
	return n;
}

static void begin_queued(struct build *b)
{
	while (b->running < b->max && b->first) {
		struct build_job *j = b->first;
		unsigned i = 0;

		b->first = j->next;
		if (!b->first)
			b->last = &b->first;
		while (b->active[i])
			i++;
		b->active[i] = j;
		b->running++;
		j->start(j);
	}
}

static void job_queue(struct build *b, struct build_job *j, bool ahead)
{
	j->build = b;
	j->next = ahead ? b->first : NULL;
	j->cancelled = b->closing;
	if (ahead) {
		if (!b->first)
			b->last = &j->next;
		b->first = j;
	} else {
		*b->last = j;
		b->last = &j->next;
	}
	begin_queued(b);
}

/*
 * J's place is free; its owner is told after this. True: all is being
 * cancelled, the next ones have been begun, and the owner, once told of the
 * last one, frees the build.
 */
static bool job_end(struct build_job *j)
{
	struct build *b = j->build;

	for (unsigned i = 0; i < b->max; i++) {
		if (b->active[i] == j) {
			b->active[i] = NULL;
			b->running--;
		}
	}
	if (b->closing)
		begin_queued(b);
	return b->closing;
}

void build_cancel(struct build *b)
{
	b->closing = true;
	for (struct build_job *j = b->first; j; j = j->next)
		j->cancelled = true;
	for (unsigned i = 0; i < b->max; i++) {
		if (!b->active[i])
			continue;
		b->active[i]->cancelled = true;
		if (b->active[i]->proc)
			proc_kill(b->active[i]->proc);
	}
}

/* A step in libuv's pool; a job's struct begins with its build_job. */
static void job_work(struct build_job *j, uv_work_cb work,
		     uv_after_work_cb done)
{
	j->work.data = j;
	if (uv_queue_work(j->build->loop, &j->work, work, done) < 0) {
		work(&j->work); /* only with an invalid argument */
		done(&j->work, 0);
	}
}

/* --- compiling ----------------------------------------------------------- */

static int64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME_COARSE, &t); /* the clock of mtimes */
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void compile_end(struct compile *c)
{
	struct build *b = c->job.build;
	bool closing;

	c->cancelled = c->job.cancelled;
	c->ok = c->ok && !c->cancelled;
	if (!c->output)
		c->output = xstrdup("");
	closing = job_end(&c->job);
	c->done(c, c->arg);
	if (!closing)
		begin_queued(b);
}

/* In the pool. */
static void compile_read(uv_work_t *work)
{
	struct compile *c = work->data;
	char *err = NULL;

	depfile_read(&c->deps, c->depfile, c->dir, NULL);
	if (!c->ok)
		return;
	if (object_open(&c->opened, c->object, NULL, 0, &err) < 0 ||
	    object_hash(c->opened, c->hash, &err) < 0) {
		free(c->output);
		c->output = xasprintf("hotwatch: error: %s\n", err);
		c->ok = false;
	}
	free(err);
}

static void compile_was_read(uv_work_t *work, int status)
{
	struct compile *c = work->data;

	(void)status;
	unlink(c->depfile);
	compile_end(c);
}

static void compile_exited(const struct proc_result *r, void *arg)
{
	struct compile *c = arg;

	c->job.proc = NULL;
	c->ended = uv_hrtime();
	c->ok = r->ok;
	c->output = xstrdup(r->output);
	if (r->signal && !*r->output) {
		free(c->output);
		c->output = xasprintf("%s: error: killed by signal %d\n",
				      c->argv[0], r->signal);
	}
	job_work(&c->job, compile_read, compile_was_read);
}

static void compile_begin(struct build_job *job)
{
	struct compile *c = (struct compile *)job;

	c->started = uv_hrtime();
	c->started_wall = wall_ns();
	if (job->cancelled)
		compile_end(c);
	else
		job->proc = proc_run(job->build->loop, c->argv, c->env, c->dir,
				     -1, compile_exited, c);
}

void compile_start(struct build *b, struct compile *c)
{
	c->job.start = compile_begin;
	job_queue(b, &c->job, false);
}

void compile_free(struct compile *c)
{
	freev(c->argv);
	freev(c->env);
	free(c->object);
	free(c->depfile);
	free(c->output);
	strv_free(&c->deps);
	if (c->opened)
		object_close(c->opened);
}

/* --- linking ------------------------------------------------------------- */

static void link_end(struct link *l)
{
	struct build *b = l->job.build;
	bool closing;

	l->cancelled = l->job.cancelled;
	l->ok = l->ok && !l->cancelled;
	if (l->opened)
		object_close(l->opened);
	l->opened = NULL;
	unlink(l->rewritten);
	unlink(l->out);
	closing = job_end(&l->job);
	l->done(l, l->arg);
	if (!closing)
		begin_queued(b);
}

static int link_open(struct link *l)
{
	char hash[33];

	if (l->opened)
		return 0;
	if (object_open(&l->opened, l->object, l->member, 0, &l->err) < 0 ||
	    object_hash(l->opened, hash, &l->err) < 0 ||
	    strcmp(hash, l->hash) != 0) {
		l->stale = true;
		return -1;
	}
	return 0;
}

/* In the pool. */
static void link_rewrite(uv_work_t *work)
{
	struct link *l = work->data;
	char **funcs = NULL;
	size_t n = 0;

	if (link_open(l) < 0 ||
	    object_rewrite(l->opened, l->module, l->source, true, l->rewritten,
			   &funcs, &n, &l->err) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		free(funcs[i]);
	free(funcs);
	l->estimate = place_estimate(l->rewritten, &l->err);
}

/* In the pool. */
static void link_seal(uv_work_t *work)
{
	struct link *l = work->data;

	l->ok = modlink_seal(l->out, l->folder, l->stem, &l->file, &l->size,
			     &l->err) == 0;
}

static void link_run(struct link *l);

static void link_sealed(uv_work_t *work, int status)
{
	struct link *l = work->data;

	(void)status;
	if (l->ok && l->size > l->reserved) { /* never seen */
		unlink(l->file);
		free(l->file);
		l->file = NULL;
		l->ok = false;
		l->estimate = l->size * 2;
		link_run(l);
		return;
	}
	link_end(l);
}

static void link_exited(const struct proc_result *r, void *arg)
{
	struct link *l = arg;

	l->job.proc = NULL;
	if (r->ok && !l->job.cancelled) {
		job_work(&l->job, link_seal, link_sealed);
		return;
	}
	fail(&l->err, "%s did not link %s: %s", l->linker, l->module,
	     *r->output ? r->output : "it was killed");
	link_end(l);
}

static void link_run(struct link *l)
{
	struct modlink m = {
	    .linker = l->linker,
	    .object = l->rewritten,
	    .codeserver = l->codeserver,
	    .libs = (const char *const *)l->libs,
	    .nlibs = lenv(l->libs),
	    .out = l->out,
	};
	char **argv;

	l->base = m.base = l->place(l, l->estimate, l->arg);
	l->reserved = l->estimate;
	if (!m.base) {
		fail(&l->err,
		     "%s: no room in the arena for %llu bytes; too "
		     "many old versions are held: restart the program",
		     l->module, (unsigned long long)l->estimate);
		link_end(l);
		return;
	}
	argv = modlink_argv(&m);
	l->job.proc = proc_run(l->job.build->loop, argv, environ, "/", -1,
			       link_exited, l);
	argv_free(argv);
}

static void link_rewritten(uv_work_t *work, int status)
{
	struct link *l = work->data;

	(void)status;
	if (l->job.cancelled || !l->estimate)
		link_end(l);
	else
		link_run(l);
}

static void link_begin(struct build_job *job)
{
	if (job->cancelled)
		link_end((struct link *)job);
	else
		job_work(job, link_rewrite, link_rewritten);
}

void link_start(struct build *b, struct link *l)
{
	l->job.start = link_begin;
	job_queue(b, &l->job, true);
}

void link_free(struct link *l)
{
	free(l->object);
	free(l->member);
	free(l->rewritten);
	free(l->out);
	free(l->file);
	free(l->err);
}
