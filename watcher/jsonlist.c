/* SPDX-License-Identifier: MIT
 *
 * See jsonlist.h. The manifest and the records in objects hold commands and
 * environments in these two shapes.
 */
#include "watcher/jsonlist.h"

#include <stdlib.h>
#include <string.h>

#include "watcher/util.h"

char **jsonlist_read(const cJSON *o)
{
	struct strv v = {0};
	const cJSON *e;

	if (!cJSON_IsArray(o))
		return NULL;
	cJSON_ArrayForEach(e, o)
	{
		if (!cJSON_IsString(e)) {
			strv_free(&v);
			return NULL;
		}
		strv_add(&v, e->valuestring);
	}
	return strv_take(&v);
}

cJSON *jsonlist_make(char *const *v)
{
	cJSON *a = cJSON_CreateArray();

	for (; v && *v; v++)
		cJSON_AddItemToArray(a, cJSON_CreateString(*v));
	return a;
}

char **jsonpairs_read(const cJSON *o)
{
	struct strv v = {0};
	const cJSON *e;

	cJSON_ArrayForEach(e, o)
	{
		if (cJSON_IsString(e))
			strv_add_own(&v, xasprintf("%s=%s", e->string,
						   e->valuestring));
	}
	return strv_take(&v);
}

cJSON *jsonpairs_make(char *const *v)
{
	cJSON *o = cJSON_CreateObject();

	for (; v && *v; v++) {
		const char *eq = strchr(*v, '=');
		char *name;

		if (!eq)
			continue;
		name = xstrndup(*v, (size_t)(eq - *v));
		cJSON_AddStringToObject(o, name, eq + 1);
		free(name);
	}
	return o;
}
