/* SPDX-License-Identifier: MIT
 *
 * See json.h: finds cJSON for a guest.
 *
 * libcjson's functions call each other through its PLT, so it is opened with
 * RTLD_DEEPBIND: else a program that carries its own cJSON would get calls
 * from the middle of ours. The sanitizers end a program that opens anything
 * with RTLD_DEEPBIND, so under them we do without.
 *
 * It is never closed: the code server lives as long as the process.
 */
#include "protocol/json.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

const struct hw_json *hw_json;

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define F(name) {"cJSON_" #name, offsetof(struct hw_json, name)},
    HW_JSON_FUNCTIONS(F)
#undef F
};

static int open_flags(void)
{
	int flags = RTLD_NOW | RTLD_LOCAL;

	if (!dlsym(RTLD_DEFAULT, "__asan_init") &&
	    !dlsym(RTLD_DEFAULT, "__tsan_init"))
		flags |= RTLD_DEEPBIND;
	return flags;
}

int hw_json_load(void)
{
	static struct hw_json table;
	void *lib, *fn;
	size_t i;

	if (hw_json)
		return 0;
	lib = dlopen("libcjson.so.1", open_flags());
	if (!lib)
		return -1;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		fn = dlsym(lib, functions[i].name);
		if (!fn) {
			dlclose(lib);
			return -1;
		}
		memcpy((char *)&table + functions[i].offset, &fn, sizeof(fn));
	}
	hw_json = &table;
	return 0;
}
