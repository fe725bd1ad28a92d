/* SPDX-License-Identifier: MIT
 *
 * Small things that every part of the watcher needs: text, lists of text,
 * whole files, paths. Nothing here prints or exits but xmalloc and its kin,
 * which end the watcher when memory is out (never linked into a target).
 */
#ifndef WATCHER_UTIL_H
#define WATCHER_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);

/* Sets *ERR (if ERR is not NULL) to the message, malloc'd; returns -1. */
int fail(char **err, const char *fmt, ...) PRINTF(2, 3);

/* A growing text; zeroed is empty. text_take hands over what was made. */
struct text {
	char *s; /* NUL-terminated, or NULL while empty */
	size_t len, cap;
};
void text_add(struct text *t, const void *data, size_t n);
void text_puts(struct text *t, const char *s);
void text_printf(struct text *t, const char *fmt, ...) PRINTF(2, 3);
char *text_take(struct text *t); /* never NULL; T is empty again */
void text_free(struct text *t);

/* A growing, NULL-terminated list of strings that it owns; zeroed is empty. */
struct strv {
	char **v; /* NULL while empty */
	size_t n, cap;
};
void strv_add(struct strv *l, const char *s);
void strv_add_own(struct strv *l, char *s);           /* takes S */
void strv_addv(struct strv *l, const char *const *v); /* v NULL-terminated */
bool strv_has(const struct strv *l, const char *s);
char **strv_take(struct strv *l); /* never NULL */
void strv_free(struct strv *l);
void freev(char **v); /* a NULL-terminated array and its strings */
size_t lenv(char *const *v);

/* Whole files (util-file.c). The buffer has a NUL behind its end. 0 or -1 and
 * *err. */
int file_read(const char *path, char **data, size_t *len, char **err);
/* Writes PATH.tmp-PID and renames it. */
int file_write(const char *path, const void *data, size_t len, char **err);
bool file_exists(const char *path);
int make_dirs(const char *path, unsigned mode, char **err); /* mkdir -p */
/* The folder and all that is in it, as far as it can be; links are removed, not
 * followed. */
void tree_remove(const char *path);
/* A new folder of our own, TMP/hotwatch-NAME-XXXXXX; malloc'd. NULL and *err.
 */
char *tree_temporary(const char *name, char **err);

/* Paths, all lexical but path_real. Results malloc'd. */
char *path_join(const char *dir, const char *name); /* name may be absolute */
char *path_dir(const char *path);
const char *path_base(const char *path); /* points into PATH */
char *path_clean(const char *path);      /* absolute: no //, ., .. */
char *path_absolute(const char *dir, const char *path); /* joined, cleaned */
char *path_real(const char *path); /* realpath, or path_clean if it fails */
bool path_under(const char *path, const char *dir); /* same or below */
char *path_self_dir(void); /* folder of the running executable */

bool ends_with(const char *s, const char *end);
bool starts_with(const char *s, const char *start);
uint64_t fnv1a64(const void *data, size_t len);

/*
 * hotwatch's runtime folder (made, mode 0700): $XDG_RUNTIME_DIR/hotwatch,
 * else hotwatch-UID under $TMPDIR or /tmp. -1 if it belongs to another user.
 */
int runtime_dir(char **dir, char **err);

#endif
