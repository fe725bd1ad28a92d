/* SPDX-License-Identifier: MIT
 *
 * Where a module's object is found by its name, and which folders are sticky.
 * The code server's thread.
 */
#ifndef HW_PATH_H
#define HW_PATH_H

#include "codeserver/guest.h"

/* A folder of module objects: NAME.so, or the last part of the name. The one
 * added last is looked into first. 0, or -1: out of memory, or no folder. */
int path_add(const char *dir);

/*
 * The file of module M, malloc'd: in the folders added; else what the program's
 * manifest names, if that is newer than the program's start; else what was
 * loaded last; else what the program started with. NULL: no such file.
 */
char *path_find(const struct hw_mod *m);
/* The same for any name; NULL also for what is no module. */
char *path_find_name(const char *module);

/* Modules whose source lies in DIR, or below. */
int path_stick(const char *dir);
int path_unstick(const char *dir); /* 0 whether it was or not */
bool path_is_sticky(const struct hw_mod *m);

#endif
