/* SPDX-License-Identifier: MIT
 *
 * What is asked about processes: by the program (hotwatch/process.h) and by the
 * other parts of the code server (process-internal.h). Each answer is taken
 * under the lock, and may be old when it is read.
 */
#include <errno.h>
#include <string.h>

#include "codeserver/guest.h"
#include "codeserver/process-table.h"

#define PUBLIC __attribute__((visibility("default")))

PUBLIC hw_pid hw_self(void)
{
	return process_self ? process_self->pid : 0;
}

bool process_exists(hw_pid pid)
{
	bool there;

	processes_lock();
	there = process_find(pid) != NULL;
	processes_unlock();
	return there;
}

PUBLIC bool hw_is_alive(hw_pid pid)
{
	return process_exists(pid);
}

hw_pid process_of_tid(pid_t tid)
{
	struct process *p;
	hw_pid pid;

	if (!__atomic_load_n(&processes.n, __ATOMIC_RELAXED))
		return 0;
	processes_lock();
	p = process_find_tid(tid);
	pid = p ? p->pid : 0;
	processes_unlock();
	return pid;
}

size_t process_count(void)
{
	return __atomic_load_n(&processes.n, __ATOMIC_RELAXED);
}

size_t process_tids(pid_t *tids, size_t max)
{
	size_t n = 0;

	if (!max)
		return 0;
	processes_lock();
	for (struct ring *r = processes.age.next;
	     r && r != &processes.age && n < max; r = r->next) {
		pid_t tid = ring_item(r, struct process, age)->tid;

		if (tid)
			tids[n++] = tid;
	}
	processes_unlock();
	return n;
}

hw_pid process_awake(const struct hw_mod *m)
{
	const struct hw_program_module *of =
	    &hw_guest.program->modules[m - hw_guest.mods];
	uintptr_t from = (uintptr_t)hw_guest.program->stubs + 16ul * of->first;
	hw_pid pid = 0;

	processes_lock();
	for (struct ring *r = processes.age.next;
	     r && r != &processes.age && !pid; r = r->next) {
		const struct process *p = ring_item(r, struct process, age);

		if (p->stateful - from < 16ul * of->nfuncs &&
		    !__atomic_load_n(&p->suspended, __ATOMIC_RELAXED))
			pid = p->pid;
	}
	processes_unlock();
	return pid;
}

const struct hw_mod *process_module(hw_pid pid)
{
	const struct hw_program *program = hw_guest.program;
	const struct process *p;
	uintptr_t at, stub;

	processes_lock();
	p = process_find(pid);
	at = p ? p->stateful : 0;
	processes_unlock();
	stub = (at - (uintptr_t)program->stubs) / 16;
	for (size_t i = 0; at && i < hw_guest.nmods; i++)
		if (stub - program->modules[i].first <
		    program->modules[i].nfuncs)
			return &hw_guest.mods[i];
	return NULL;
}

PUBLIC size_t hw_processes(hw_pid *pids, size_t max)
{
	size_t n = 0;

	processes_lock();
	for (struct ring *r = processes.age.next; r && r != &processes.age;
	     r = r->next) {
		if (n < max)
			pids[n] = ring_item(r, struct process, age)->pid;
		n++;
	}
	processes_unlock();
	return n;
}

static size_t ring_count(const struct ring *head)
{
	size_t n = 0;

	for (const struct ring *r = head->next; r != head; r = r->next)
		n++;
	return n;
}

PUBLIC int hw_process_info(hw_pid pid, struct hw_process_info *info)
{
	struct process *p;

	if (!info)
		return -EINVAL;
	processes_lock();
	p = process_find(pid);
	if (p) {
		*info = (struct hw_process_info){
		    .pid = pid,
		    .tid = p->tid,
		    .initial = p->initial,
		    .messages = __atomic_load_n(&p->messages, __ATOMIC_RELAXED),
		    .bytes = __atomic_load_n(&p->bytes, __ATOMIC_RELAXED),
		    .links = ring_count(&p->links),
		    .monitors = ring_count(&p->monitors),
		    .trap_exit = p->trap_exit,
		    .waiting = __atomic_load_n(&p->waiting, __ATOMIC_RELAXED),
		    .suspended =
			__atomic_load_n(&p->suspended, __ATOMIC_RELAXED),
		};
		memcpy(info->name, p->name, sizeof(info->name));
	}
	processes_unlock();
	return p ? 0 : -ESRCH;
}
