/* SPDX-License-Identifier: MIT
 *
 * JSON arrays and objects of strings, and the lists that they stand for.
 */
#ifndef WATCHER_JSONLIST_H
#define WATCHER_JSONLIST_H

#include <cjson/cJSON.h>

/* ["a", "b"] <-> a NULL-terminated list. NULL if O is anything else. */
char **jsonlist_read(const cJSON *o);
cJSON *jsonlist_make(char *const *v);

/* {"A": "x"} <-> a list of "A=x". What is no string is left out. */
char **jsonpairs_read(const cJSON *o);
cJSON *jsonpairs_make(char *const *v);

#endif
