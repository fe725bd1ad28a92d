/* SPDX-License-Identifier: MIT
 *
 * What others ask of a supervisor: calls of a gen_server, whose requests and
 * answers are structs of the library's own.
 */
#include <errno.h>
#include <string.h>

#include "codeserver/supervisor-internal.h"

#define PUBLIC __attribute__((visibility("default")))

/* 0 and *MESSAGE, whose data is an answer, or the error. */
static int ask(hw_pid pid, const struct supervisor_request *r,
	       struct hw_message **message, const struct supervisor_answer **a)
{
	int e = hw_gen_server_call(pid, r, sizeof(*r), -1, message);

	if (e)
		return e;
	*a = (const struct supervisor_answer *)(const void *)(*message)->data;
	return 0;
}

static int order(hw_pid supervisor_pid, enum supervisor_op op, const char *id,
		 const struct hw_child *child, hw_pid *pid)
{
	struct supervisor_request r = {.op = op};
	struct hw_message *m;
	const struct supervisor_answer *a;
	int e;

	if (pid)
		*pid = 0;
	if (!id || !*id || strlen(id) >= HW_CHILD_ID_MAX)
		return call_failed(-EINVAL, "badarg");
	strcpy(r.id, id);
	if (child)
		r.child = *child;
	e = ask(supervisor_pid, &r, &m, &a);
	if (e)
		return e;
	if (pid)
		*pid = a->pid;
	e = a->result < 0 ? call_failed(a->result, a->reason) : a->result;
	hw_message_free(m);
	return e;
}

PUBLIC int hw_supervisor_start_child(hw_pid pid, const struct hw_child *child,
				     hw_pid *started)
{
	return order(pid, START_CHILD, child ? child->id : NULL, child,
		     started);
}

PUBLIC int hw_supervisor_terminate_child(hw_pid pid, const char *id)
{
	return order(pid, TERMINATE_CHILD, id, NULL, NULL);
}

PUBLIC int hw_supervisor_restart_child(hw_pid pid, const char *id,
				       hw_pid *started)
{
	return order(pid, RESTART_CHILD, id, NULL, started);
}

PUBLIC int hw_supervisor_delete_child(hw_pid pid, const char *id)
{
	return order(pid, DELETE_CHILD, id, NULL, NULL);
}

PUBLIC long hw_supervisor_which_children(hw_pid pid,
					 struct hw_child_info *children,
					 size_t max)
{
	const struct supervisor_request r = {.op = WHICH_CHILDREN};
	struct hw_message *m;
	const struct supervisor_answer *a;
	long n = ask(pid, &r, &m, &a);

	if (n < 0)
		return n;
	n = (long)a->n;
	for (size_t i = 0; i < a->n && i < max; i++)
		children[i] = a->children[i];
	hw_message_free(m);
	return n;
}

PUBLIC int hw_supervisor_count_children(hw_pid pid,
					struct hw_child_counts *counts)
{
	const struct supervisor_request r = {.op = WHICH_CHILDREN};
	struct hw_message *m;
	const struct supervisor_answer *a;
	int e = ask(pid, &r, &m, &a);

	*counts = (struct hw_child_counts){0};
	if (e)
		return e;
	for (size_t i = 0; i < a->n; i++) {
		counts->specs++;
		counts->active += a->children[i].pid != 0;
		counts->supervisors += a->children[i].supervisor;
		counts->workers += !a->children[i].supervisor;
	}
	hw_message_free(m);
	return 0;
}
