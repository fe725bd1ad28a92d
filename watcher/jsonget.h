/* SPDX-License-Identifier: MIT
 *
 * Reading JSON that another process sent: a member that is missing or of
 * another type gives a value that is safe to use, so that a newer or an older
 * watcher at the other end shows less, and crashes nothing.
 */
#ifndef WATCHER_JSONGET_H
#define WATCHER_JSONGET_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* NULL if absent, or if O is NULL. */
static inline const cJSON *json_at(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

/* "" if it is not a string. */
static inline const char *json_str(const cJSON *o, const char *name)
{
	const char *s = cJSON_GetStringValue(json_at(o, name));

	return s ? s : "";
}

static inline double json_num(const cJSON *o, const char *name, double none)
{
	const cJSON *item = json_at(o, name);

	return cJSON_IsNumber(item) ? item->valuedouble : none;
}

static inline int json_int(const cJSON *o, const char *name, int none)
{
	return (int)json_num(o, name, none);
}

static inline bool json_true(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(json_at(o, name));
}

/* A string in an array, "" if there is none. */
static inline const char *json_str_at(const cJSON *array, int i)
{
	const char *s = cJSON_GetStringValue(cJSON_GetArrayItem(array, i));

	return s ? s : "";
}

#endif
