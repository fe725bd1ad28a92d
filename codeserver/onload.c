/* SPDX-License-Identifier: MIT
 *
 * The process is made in the program (helper.h). It tells of its end by a
 * cleanup handler, so that it does also when it is killed or exits: a job to
 * the code server's thread. What it needs is in memory of its own, freed by
 * that job; a forked child forgets it.
 */
#include "codeserver/onload.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "codeserver/helper.h"
#include "codeserver/server.h"

struct hw_change;
typedef int code_change_fn(const struct hw_change *change);

struct on_load_run {
	struct server_job job;
	struct on_load *of;
	int (*fn)(void);
	const struct hw_change *change;
	int result;
	bool returned;
	pid_t tid;
	const struct hw_mod *mod;
	struct on_load_run *next; /* of those that run */
};

static struct on_load_run *running;

static void run_over(struct server_job *job)
{
	struct on_load_run *run = (struct on_load_run *)(void *)job;
	struct on_load_run **p = &running;
	struct on_load *o = run->of;
	bool ok = run->returned && run->result == 0;

	if (!o) { /* it has forked, and ends in the child as well */
		free(run);
		return;
	}
	while (*p && *p != run)
		p = &(*p)->next;
	if (*p)
		*p = run->next;
	o->returned = run->result;
	o->died = !run->returned;
	o->run = NULL;
	free(run);
	o->done(o, ok ? 0 : -1);
}

static void run_ends(void *arg)
{
	struct on_load_run *run = arg;

	run->fn = NULL; /* an address of code that may go */
	server_post(&run->job);
}

/* A frame that a process which is to end may leave, like a behaviour's loop:
 * it holds nothing (process-table.h). */
#pragma clang section text = "hw_loop"
static void run_main(void *arg)
{
	struct on_load_run *run = arg;

	pthread_cleanup_push(run_ends, run);
	__atomic_store_n(&run->tid, (pid_t)syscall(SYS_gettid),
			 __ATOMIC_RELEASE);
	run->result = run->change
			  ? ((code_change_fn *)(void *)run->fn)(run->change)
			  : run->fn();
	run->returned = true;
	pthread_cleanup_pop(1);
}
#pragma clang section text = ""

/* In the program, whose descriptors it has then. */
static void run_spawn(void *arg)
{
	struct on_load_run *run = arg;
	struct hw_spawn_options options = {.name = NULL};

	run->of->pid = hw_spawn_opt(run_main, run, &options);
}

int on_load_start(struct on_load *o, int (*fn)(void))
{
	struct on_load_run *run = calloc(1, sizeof(*run));

	if (!run)
		return -1;
	*run = (struct on_load_run){.job = {.run = run_over},
				    .of = o,
				    .fn = fn,
				    .change = o->change,
				    .mod = o->mod,
				    .next = running};
	o->run = running = run;
	helper_run(run_spawn, run);
	if (o->pid)
		return 0;
	running = run->next;
	free(run);
	o->run = NULL;
	return -1;
}

void on_load_forked(void)
{
	for (struct on_load_run *r = running; r; r = r->next)
		r->of = NULL;
	running = NULL;
}

bool on_load_runs(const struct hw_mod *m, pid_t tid)
{
	for (struct on_load_run *r = running; r; r = r->next)
		if (r->mod == m &&
		    __atomic_load_n(&r->tid, __ATOMIC_ACQUIRE) == tid)
			return true;
	return false;
}
