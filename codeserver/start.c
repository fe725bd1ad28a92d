/* SPDX-License-Identifier: MIT
 *
 * The code server's beginning, in the three ways a process can begin: started,
 * forked, exec'd.
 *
 * Every module needs libcodeserver.so, so the dynamic linker runs this
 * constructor before any of the program's. It runs in the program's main
 * thread, alone: the table is filled and the PLT entries become stubs before
 * the first hot function is called. If something is not as it must be (another
 * ABI, modules outside the arena) the program runs all the same, through the
 * table and without reloads, and says so to whoever asks (hw_guest.unfit).
 *
 * A fork leaves the child with the forking thread alone: it gets a thread and
 * a socket of its own. The fork handlers are registered after a first malloc:
 * a malloc that the program brings registers its own handlers then, and child
 * handlers run in the order of registration, so its locks are free before we
 * start a thread. A child of a fork in the middle of a load (forks.c) has a
 * dynamic linker in an unknown state: it runs, but refuses loads.
 *
 * An exec ends all this; the new program, if it is hot-built, begins anew under
 * the same pid and takes over the socket's name. exit removes the socket.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codeserver/bind.h"
#include "codeserver/codechange.h"
#include "codeserver/direct.h"
#include "codeserver/emutls.h"
#include "codeserver/forks.h"
#include "codeserver/gate.h"
#include "codeserver/guest.h"
#include "codeserver/image.h"
#include "codeserver/onload.h"
#include "codeserver/registry.h"
#include "codeserver/server.h"
#include "codeserver/threads.h"
#include "protocol/json.h"

struct hw_guest hw_guest;

/* Objects of this ABI refer to it, so that a program and a code server that do
 * not fit are told apart by the dynamic linker, before anything runs. */
__attribute__((visibility("default"))) const int hw_abi_2 = HW_ABI;

int failure_set(struct hw_failure *f, const char *reason, const char *module,
		const char *symbol, const char *fmt, ...)
{
	va_list ap;

	f->reason = reason;
	snprintf(f->module, sizeof(f->module), "%s", module ? module : "");
	snprintf(f->symbol, sizeof(f->symbol), "%s", symbol ? symbol : "");
	va_start(ap, fmt);
	vsnprintf(f->message, sizeof(f->message), fmt, ap);
	va_end(ap);
	return -1;
}

void hash_hex(const uint8_t hash[HW_HASH_SIZE], char hex[33])
{
	for (int i = 0; i < HW_HASH_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
}

struct hw_mod *mod_find(const char *name)
{
	for (size_t i = 0; i < hw_guest.nmods; i++)
		if (!strcmp(hw_guest.mods[i].name, name))
			return &hw_guest.mods[i];
	return NULL;
}

struct hw_mod *mod_named(const char *name)
{
	struct hw_mod *m = mod_find(name), *found = NULL;
	size_t len = strlen(name);

	if (m || !*name)
		return m;
	for (size_t i = 0; i < hw_guest.nmods; i++) {
		const char *has = hw_guest.mods[i].name;
		size_t n = strlen(has);

		if (n <= len || has[n - len - 1] != '/' ||
		    strcmp(has + n - len, name))
			continue;
		if (found)
			return NULL;
		found = &hw_guest.mods[i];
	}
	return found;
}

/* The table must be whole before the program's first call, come what may. */
static void table_fill(const struct hw_program *p)
{
	for (uint32_t i = 0; i < p->nmodules; i++) {
		const struct hw_program_module *m = &p->modules[i];
		const struct hw_func *f = desc_funcs(m->desc);

		for (uint32_t k = 0; k < m->nfuncs && k < m->desc->nfuncs; k++)
			p->first_table[m->first + k] = desc_at(&f[k].entry);
	}
	*p->table = p->first_table;
}

static int functions_register(const struct hw_program *p)
{
	for (uint32_t i = 0; i < p->nmodules; i++) {
		const struct hw_program_module *m = &p->modules[i];
		const struct hw_func *f = desc_funcs(m->desc);

		for (uint32_t k = 0; k < m->nfuncs; k++)
			if (registry_func_add(desc_str(m->desc, f[k].name),
					      m->first + k,
					      f[k].flags & HW_FUNC_WEAK) < 0)
				return -1;
	}
	hw_guest.nfuncs = p->nfuncs;
	return 0;
}

static int64_t start_func(const char *id, void *arg)
{
	(void)arg;
	return registry_func(id);
}

static void *start_var(const char *id, void *arg)
{
	(void)id;
	(void)arg;
	return NULL;
}

static const char *module_start(struct hw_mod *mod,
				const struct hw_program_module *m)
{
	const struct hw_names names = {start_func, start_var, NULL};
	uintptr_t at = (uintptr_t)m->desc;

	mod->name = desc_str(m->desc, m->desc->name);
	mod->source = desc_str(m->desc, m->desc->source);
	mod->next = 1;
	mod->current = calloc(1, sizeof(*mod->current));
	if (!mod->current ||
	    image_of_start(&mod->current->image, m->desc, m->file) < 0)
		return "out of memory at the start";
	if (at - HW_ARENA_BASE >= HW_ARENA_SIZE)
		return "the system did not map the modules where they were "
		       "linked for (another use of addresses 0x550000000000 "
		       "and up?)";
	if (bind_plt(&mod->current->image, &names) < 0 ||
	    direct_calls(&mod->current->image) < 0)
		return "code cannot be changed here: mprotect is refused";
	return NULL;
}

static const char *modules_start(const struct hw_program *p)
{
	const char *unfit = NULL, *why;

	hw_guest.mods = calloc(p->nmodules + 1, sizeof(*hw_guest.mods));
	if (!hw_guest.mods || functions_register(p) < 0)
		return "out of memory at the start";
	for (uint32_t i = 0; i < p->nmodules; i++) {
		why = module_start(&hw_guest.mods[i], &p->modules[i]);
		unfit = why ? why : unfit;
		hw_guest.nmods++;
	}
	return unfit;
}

static void fork_child(bool unsure)
{
	if (unsure && !hw_guest.unfit)
		hw_guest.unfit = "forked in the middle of a load; its parent "
				 "can be reloaded, it cannot";
	threads_start();
	code_change_forked();
	on_load_forked();
	gate_forked();
	server_forked();
}

__attribute__((constructor(101))) static void start(void)
{
	const struct hw_program *p = dlsym(RTLD_DEFAULT, "hw_program");
	struct timespec now;

	emutls_start();
	if (!p || memcmp(p->magic, HW_MAGIC, 8) || p->abi != HW_ABI)
		return;
	emutls_place(p); /* before anything asks for one: malloc may */
	table_fill(p);
	hw_guest.program = p;
	direct_start();
	clock_gettime(CLOCK_REALTIME, &now);
	hw_guest.started = now.tv_sec * 1000ull + now.tv_nsec / 1000000;
	hw_guest.unfit = modules_start(p); /* mallocs: see the head */
	if (hw_json_load() < 0)
		return; /* no libcjson: nobody can ask us anything */
	threads_start();
	forks_start(fork_child);
	server_start();
}

__attribute__((destructor(101))) static void stop(void)
{
	server_exit();
}
