/* SPDX-License-Identifier: MIT
 *
 * Names of processes: one a process and one process a name, as in Erlang. A
 * name goes with its process. It is also its thread's name, cut to the kernel's
 * 15 bytes, if it was given at the spawn.
 */
#include <errno.h>
#include <string.h>

#include "codeserver/process-table.h"

#define PUBLIC __attribute__((visibility("default")))

static struct process **bucket(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ull;
	return &processes.by_name[(h ^ h >> 32) % PROCESS_BUCKETS];
}

static struct process *name_find(const char *name)
{
	struct process *p = *bucket(name);

	while (p && strcmp(p->name, name) != 0)
		p = p->next_name;
	return p;
}

bool name_good(const char *name)
{
	return name && *name && strlen(name) < PROCESS_NAME_MAX;
}

int name_set(struct process *p, const char *name)
{
	struct process **head = bucket(name);

	if (p->name[0] || name_find(name))
		return -EEXIST;
	strcpy(p->name, name);
	p->next_name = *head;
	*head = p;
	return 0;
}

void name_drop(struct process *p)
{
	struct process **at = bucket(p->name);

	if (!p->name[0])
		return;
	while (*at != p)
		at = &(*at)->next_name;
	*at = p->next_name;
	p->name[0] = '\0';
}

PUBLIC int hw_register(const char *name, hw_pid pid)
{
	struct process *p;
	int r = -ESRCH;

	if (!name_good(name))
		return -EINVAL;
	processes_lock();
	p = process_find(pid);
	if (p)
		r = name_set(p, name);
	processes_unlock();
	return r;
}

PUBLIC int hw_unregister(const char *name)
{
	struct process *p;

	if (!name_good(name))
		return -EINVAL;
	processes_lock();
	p = name_find(name);
	if (p)
		name_drop(p);
	processes_unlock();
	return p ? 0 : -ESRCH;
}

PUBLIC hw_pid hw_whereis(const char *name)
{
	struct process *p;
	hw_pid pid;

	if (!name_good(name))
		return 0;
	processes_lock();
	p = name_find(name);
	pid = p ? p->pid : 0;
	processes_unlock();
	return pid;
}

void process_name(hw_pid pid, char *name, size_t size)
{
	struct process *p;

	if (!size)
		return;
	processes_lock();
	p = process_find(pid);
	strncpy(name, p ? p->name : "", size - 1);
	name[size - 1] = '\0';
	processes_unlock();
}
