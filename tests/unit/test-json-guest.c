/* SPDX-License-Identifier: MIT
 *
 * A program that carries a cJSON of its own (here: functions by those names
 * that only count their calls) and the guest's way round it (protocol/json.h).
 * The program exports them, so the dynamic linker would prefer them.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "protocol/json.h"
#include "tests/unit/check.h"

static int strangers; /* calls that went to the program's own */

#define STRANGER(name)                                                      \
	void *stranger_##name(void) __asm__("cJSON_" #name);                \
	__attribute__((used, visibility("default"))) void *stranger_##name( \
	    void)                                                           \
	{                                                                   \
		strangers++;                                                \
		return NULL;                                                \
	}

HW_JSON_FUNCTIONS(STRANGER)

static bool sanitized(void)
{
	return dlsym(RTLD_DEFAULT, "__asan_init") ||
	       dlsym(RTLD_DEFAULT, "__tsan_init");
}

static void trap_works(void)
{
	void *(*fn)(void);
	void *p = dlsym(RTLD_DEFAULT, "cJSON_Delete");

	if (!CHECK(p != NULL))
		return;
	memcpy(&fn, &p, sizeof(fn));
	fn();
	CHECK_INT_EQ(strangers, 1);
	strangers = 0;
}

static void load_again(void)
{
	const struct hw_json *first;

	CHECK_INT_EQ(hw_json_load(), 0);
	first = hw_json;
	CHECK(first != NULL);
	CHECK_INT_EQ(hw_json_load(), 0);
	CHECK(hw_json == first);
}

static void ours_is_used(void)
{
	static const char text[] = "{\"a\":[1,2.5,\"x\",true,null]}";
	cJSON *json, *copy;
	char *printed;

	if (sanitized())
		CHECK_SKIP("a sanitizer forbids RTLD_DEEPBIND");
	if (hw_json_load())
		CHECK_SKIP("no libcjson.so.1; told by another test");
	strangers = 0;
	json = cJSON_ParseWithLengthOpts(text, sizeof(text), NULL, 1);
	if (!CHECK(json != NULL))
		return;
	copy = cJSON_Duplicate(json, 1);
	CHECK(cJSON_Compare(json, copy, 1));
	cJSON_Delete(copy);
	cJSON_AddStringToObject(json, "b", "y");
	cJSON_AddArrayToObject(json, "c");
	cJSON_DeleteItemFromObjectCaseSensitive(json, "a");
	printed = cJSON_PrintUnformatted(json);
	CHECK_STR_EQ(printed, "{\"b\":\"y\",\"c\":[]}");
	cJSON_free(printed);
	cJSON_Delete(json);
	CHECK_INT_EQ(strangers, 0);
}

static const struct check tests[] = {
    {"the program's own functions would be found", trap_works},
    {"libcjson is found, once", load_again},
    {"neither we nor libcjson call the program's own", ours_is_used},
};

CHECK_MAIN(tests)
