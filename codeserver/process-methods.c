/* SPDX-License-Identifier: MIT
 *
 * Processes on the socket. The list is taken when it is asked for. The end of a
 * process is told by its own thread, which leaves the process to the code
 * server's; links and monitors were told before.
 */
#include "codeserver/process-methods.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codeserver/guest.h"
#include "codeserver/holders-methods.h"
#include "codeserver/process-internal.h"
#include "codeserver/process-table.h"
#include "codeserver/server.h"

/* --- process/list --------------------------------------------------------- */

/* Who is in old code. */
struct held {
	struct holder *list;
	size_t n;
};

static struct held held_take(void)
{
	struct holders_of of[HOLDERS_VERSIONS];
	size_t n = holders_old(of, NULL);
	struct held h = {NULL, 0};

	if (n)
		holders_threads(of, n, &h.list, &h.n);
	return h;
}

static bool has_string(const cJSON *list, const char *s)
{
	const cJSON *i;

	cJSON_ArrayForEach(i, list)
	{
		if (!strcmp(i->valuestring, s))
			return true;
	}
	return false;
}

/* The modules that thread TID is in old code of. */
static cJSON *holds_json(const struct held *h, pid_t tid)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < h->n; i++)
		if (h->list[i].tid == tid && h->list[i].kind == HOLDER_FRAME &&
		    !has_string(list, h->list[i].mod->name))
			cJSON_AddItemToArray(list, cJSON_CreateString(
						       h->list[i].mod->name));
	return list;
}

static cJSON *process_json(const struct hw_process_info *i,
			   const struct held *h)
{
	const struct hw_mod *mod = process_module(i->pid);
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "process", (double)i->pid);
	if (i->tid) /* its thread has begun */
		cJSON_AddNumberToObject(o, "tid", i->tid);
	cJSON_AddStringToObject(o, "name", i->name);
	if (i->initial)
		cJSON_AddStringToObject(o, "initial", i->initial);
	if (mod)
		cJSON_AddStringToObject(o, "module", mod->name);
	cJSON_AddNumberToObject(o, "messages", (double)i->messages);
	cJSON_AddNumberToObject(o, "bytes", (double)i->bytes);
	cJSON_AddNumberToObject(o, "links", (double)i->links);
	cJSON_AddNumberToObject(o, "monitors", (double)i->monitors);
	cJSON_AddBoolToObject(o, "trap_exit", i->trap_exit);
	cJSON_AddStringToObject(o, "state",
				i->suspended ? "suspended"
				: i->waiting ? "waiting"
					     : "running");
	cJSON_AddItemToObject(o, "holds", holds_json(h, i->tid));
	return o;
}

/* All pids, malloc'd; a few may come or go meanwhile. */
static hw_pid *pids_take(size_t *n)
{
	size_t max = hw_processes(NULL, 0) + 16;
	hw_pid *pids = malloc(max * sizeof(*pids));

	*n = pids ? hw_processes(pids, max) : 0;
	*n = *n < max ? *n : max;
	return pids;
}

void process_list(struct hw_request *req, const cJSON *params, void *user)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(o, "processes");
	struct hw_process_info info;
	size_t n;
	hw_pid *pids = pids_take(&n);
	struct held held = held_take();

	(void)params;
	(void)user;
	for (size_t i = 0; i < n; i++)
		if (hw_process_info(pids[i], &info) == 0)
			cJSON_AddItemToArray(list, process_json(&info, &held));
	free(pids);
	holders_free(held.list, held.n);
	hw_rpc_reply(req, o);
}

/* --- process/exited ------------------------------------------------------- */

static process_exit_fn *exit_fn;

void process_on_exit(process_exit_fn *fn)
{
	exit_fn = fn;
}

static void ended_tell(struct server_job *job)
{
	struct process *p =
	    (struct process *)(void *)((char *)job -
				       offsetof(struct process, ended));
	cJSON *o = server_heard() ? cJSON_CreateObject() : NULL;

	if (exit_fn)
		exit_fn(p->pid, p->name, p->reason);
	if (o) {
		cJSON_AddNumberToObject(o, "pid", getpid());
		cJSON_AddNumberToObject(o, "process", (double)p->pid);
		cJSON_AddStringToObject(o, "name", p->name);
		cJSON_AddStringToObject(o, "reason", p->reason);
		server_notify("process/exited", o);
	}
	process_free(p);
}

void process_ended(struct process *p)
{
	p->ended.run = ended_tell;
	/* where it is not hot-built nobody listens */
	if (!hw_guest.program || server_post(&p->ended) < 0)
		process_free(p);
}
