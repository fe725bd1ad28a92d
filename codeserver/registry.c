/* SPDX-License-Identifier: MIT
 *
 * Two hash tables with open addressing, one for functions, one for variables.
 * They grow by doubling and never shrink: a name once known stays known.
 */
#include "codeserver/registry.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

struct name_map {
	const char **keys; /* keys[i] of slot i's value */
	uint32_t *slots;   /* 1 + index into keys, 0: free */
	size_t n, cap;     /* cap: slots, a power of two */
	size_t keys_cap;
};

static struct name_map func_names, var_names;
static uint32_t *func_index;
static bool *func_weak;
static struct hw_variable *vars;
static size_t vars_cap;

static uint64_t name_hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	return h ^ h >> 32;
}

static int64_t map_find(const struct name_map *m, const char *key)
{
	if (!m->cap)
		return -1;
	for (size_t i = name_hash(key);; i++) {
		uint32_t slot = m->slots[i & (m->cap - 1)];

		if (!slot)
			return -1;
		if (!strcmp(m->keys[slot - 1], key))
			return slot - 1;
	}
}

static void map_slot(struct name_map *m, const char *key, uint32_t value)
{
	size_t i = name_hash(key);

	while (m->slots[i & (m->cap - 1)])
		i++;
	m->slots[i & (m->cap - 1)] = value;
}

/* Room for one more key. */
static int map_grow(struct name_map *m)
{
	size_t cap = m->cap ? m->cap * 2 : 256;
	const char **keys;
	uint32_t *slots;

	if ((m->n + 1) * 2 < m->cap)
		return 0;
	slots = calloc(cap, sizeof(*slots));
	keys = realloc(m->keys, cap * sizeof(*keys));
	if (keys)
		m->keys = keys;
	if (!slots || !keys) {
		free(slots);
		return -1;
	}
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
	m->keys_cap = cap;
	for (size_t i = 0; i < m->n; i++)
		map_slot(m, m->keys[i], (uint32_t)i + 1);
	return 0;
}

static void map_add(struct name_map *m, const char *key)
{
	m->keys[m->n++] = key;
	map_slot(m, key, (uint32_t)m->n);
}

int64_t registry_func(const char *id)
{
	int64_t i = map_find(&func_names, id);

	return i < 0 ? -1 : (int64_t)func_index[i];
}

int registry_func_add(const char *id, uint32_t index, bool weak)
{
	int64_t i = map_find(&func_names, id);
	void *p;

	if (i >= 0) { /* two definitions: the strong one is meant */
		if (func_weak[i] && !weak) {
			func_index[i] = index;
			func_weak[i] = false;
		}
		return 0;
	}
	if (map_grow(&func_names) < 0)
		return -1;
	p = realloc(func_index, func_names.keys_cap * sizeof(*func_index));
	if (!p)
		return -1;
	func_index = p;
	p = realloc(func_weak, func_names.keys_cap * sizeof(*func_weak));
	if (!p)
		return -1;
	func_weak = p;
	func_index[func_names.n] = index;
	func_weak[func_names.n] = weak;
	map_add(&func_names, id);
	return 0;
}

const char *registry_func_id(uint32_t index)
{
	for (size_t i = 0; i < func_names.n; i++)
		if (func_index[i] == index)
			return func_names.keys[i];
	return NULL;
}

struct hw_variable *registry_var(const char *id)
{
	int64_t i = map_find(&var_names, id);

	return i < 0 ? NULL : &vars[i];
}

int registry_var_add(const struct hw_variable *v)
{
	int64_t i = map_find(&var_names, v->id);
	void *p;

	if (i >= 0) {
		vars[i] = *v;
		return 0;
	}
	if (map_grow(&var_names) < 0)
		return -1;
	/* Not realloc: what it frees is full of addresses, and would be found
	 * by the searches for pointers (gate-look.c, holders.c). */
	if (var_names.keys_cap != vars_cap) {
		p = calloc(var_names.keys_cap, sizeof(*vars));
		if (!p)
			return -1;
		if (vars) {
			memcpy(p, vars, var_names.n * sizeof(*vars));
			explicit_bzero(vars, var_names.n * sizeof(*vars));
		}
		free(vars);
		vars = p;
		vars_cap = var_names.keys_cap;
	}
	vars[var_names.n] = *v;
	map_add(&var_names, v->id);
	return 0;
}

size_t registry_vars(struct hw_variable **all)
{
	*all = vars;
	return var_names.n;
}

/* A global may be defined in several modules (common, weak): the dynamic
 * linker has decided which one all use. */
static void *start_addr(const struct hw_var *v, const char *id)
{
	void *addr = NULL;

	if (v->addr && !registry_var(id))
		return desc_at(&v->addr);
	if (v->flags & HW_VAR_GLOBAL)
		addr = dlsym(RTLD_DEFAULT, id);
	return addr ? addr : v->addr ? desc_at(&v->addr) : NULL;
}

static int module_vars_start(const struct hw_module *d)
{
	const struct hw_var *v = desc_vars(d);

	for (uint32_t i = 0; i < d->nvars; i++) {
		const char *id = desc_str(d, v[i].name);
		struct hw_variable var = {.id = id,
					  .addr = start_addr(&v[i], id),
					  .size = v[i].size,
					  .type = v[i].type,
					  .tls_size = v[i].tls_size,
					  .flags = v[i].flags};

		if (var.addr && registry_var_add(&var) < 0)
			return -1;
	}
	return 0;
}

int registry_vars_start(void)
{
	static size_t done; /* a failure goes on where it stopped */

	for (; done < hw_guest.program->nmodules; done++)
		if (module_vars_start(hw_guest.program->modules[done].desc) < 0)
			return -1;
	return 0;
}
