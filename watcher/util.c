/* SPDX-License-Identifier: MIT
 *
 * See util.h. The watcher is a tool of a user's own: when memory is out it
 * says so and ends; whatever was live in the targets stays live there.
 */
#include "watcher/util.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *checked(void *p)
{
	if (!p) {
		fputs("hotwatch: out of memory\n", stderr);
		_exit(1);
	}
	return p;
}

void *xmalloc(size_t n)
{
	return checked(malloc(n ? n : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t n)
{
	return checked(realloc(p, n ? n : 1));
}

char *xstrdup(const char *s)
{
	return checked(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return checked(strndup(s, n));
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return checked(n < 0 ? NULL : s);
}

int fail(char **err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	if (vasprintf(err, fmt, ap) < 0)
		*err = checked(NULL);
	va_end(ap);
	return -1;
}

void text_add(struct text *t, const void *data, size_t n)
{
	if (t->len + n + 1 > t->cap) {
		t->cap = (t->len + n + 1) * 2;
		t->s = xrealloc(t->s, t->cap);
	}
	memcpy(t->s + t->len, data, n);
	t->len += n;
	t->s[t->len] = '\0';
}

void text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	checked(n < 0 ? NULL : s);
	text_add(t, s, n);
	free(s);
}

char *text_take(struct text *t)
{
	char *s = t->s ? t->s : xstrdup("");

	*t = (struct text){0};
	return s;
}

void text_free(struct text *t)
{
	free(t->s);
	*t = (struct text){0};
}

void strv_add_own(struct strv *l, char *s)
{
	if (l->n + 2 > l->cap) {
		l->cap = l->cap ? l->cap * 2 : 8;
		l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
	}
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
}

void strv_add(struct strv *l, const char *s)
{
	strv_add_own(l, xstrdup(s));
}

void strv_addv(struct strv *l, const char *const *v)
{
	for (; v && *v; v++)
		strv_add(l, *v);
}

bool strv_has(const struct strv *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], s))
			return true;
	return false;
}

char **strv_take(struct strv *l)
{
	char **v = l->v ? l->v : xcalloc(1, sizeof(*v));

	*l = (struct strv){0};
	return v;
}

void strv_free(struct strv *l)
{
	freev(l->v);
	*l = (struct strv){0};
}

void freev(char **v)
{
	for (char **p = v; p && *p; p++)
		free(*p);
	free(v);
}

size_t lenv(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

char *path_join(const char *dir, const char *name)
{
	if (name[0] == '/')
		return xstrdup(name);
	return xasprintf("%s%s%s", dir, ends_with(dir, "/") ? "" : "/", name);
}

const char *path_base(const char *path)
{
	const char *s = strrchr(path, '/');

	return s ? s + 1 : path;
}

char *path_dir(const char *path)
{
	const char *s = strrchr(path, '/');

	if (!s)
		return xstrdup(".");
	return s == path ? xstrdup("/") : xstrndup(path, s - path);
}

char *path_clean(const char *path)
{
	char *out = xmalloc(strlen(path) + 2);
	size_t n = 0;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && !memcmp(path, "..", 2)) {
			while (n > 0 && out[--n] != '/')
				;
		} else if (len > 0 && !(len == 1 && *path == '.')) {
			out[n++] = '/';
			memcpy(out + n, path, len);
			n += len;
		}
		path += len;
		path += *path == '/';
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return out;
}

char *path_absolute(const char *dir, const char *path)
{
	char *joined = path_join(dir, path), *clean = path_clean(joined);

	free(joined);
	return clean;
}

char *path_real(const char *path)
{
	char *real = realpath(path, NULL);

	return real ? real : path_clean(path);
}

bool path_under(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (n == 1 && dir[0] == '/')
		return path[0] == '/';
	return !strncmp(path, dir, n) && (path[n] == '/' || path[n] == '\0');
}

char *path_self_dir(void)
{
	char *self = path_real("/proc/self/exe"), *dir = path_dir(self);

	free(self);
	return dir;
}

bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

bool starts_with(const char *s, const char *start)
{
	return !strncmp(s, start, strlen(start));
}

uint64_t fnv1a64(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}
