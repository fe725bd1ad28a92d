/* SPDX-License-Identifier: MIT
 *
 * Where hotwatch's own files are, found from where the running executable
 * is, so that a build tree and an installed tree both work and both may be
 * moved. Any thread may call these; results are malloc'd.
 */
#ifndef WATCHER_PATHS_H
#define WATCHER_PATHS_H

/* Absolute path of libcodeserver.so. NULL and *err if it is not there. */
char *path_codeserver(char **err);

/* The folder to give to -I, in which hotwatch/hot.h lies. NULL and *err. */
char *path_include(char **err);

/*
 * The project's root as seen from the folder DIR: the nearest folder from it
 * upward that has a hotwatch.json, else the nearest that has a .git, else
 * NULL. (What a hot build writes in its manifest can be another folder, if
 * neither is there: then the sources' common folder is the root.)
 */
char *path_project(const char *dir);

#endif
