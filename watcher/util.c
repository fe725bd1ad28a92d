/* SPDX-License-Identifier: MIT
 *
 * See util.h. The watcher is a tool of a user's own: when memory is out it
 * says so and ends; whatever was live in the targets stays live there.
 */
#include "watcher/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static int read_all(int fd, char **data, size_t *len)
{
	struct stat st;
	size_t cap, n = 0;
	char *buf;
	ssize_t r;

	if (fstat(fd, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	cap = (size_t)st.st_size + 4096;
	buf = xmalloc(cap + 1);
	for (;;) {
		if (n == cap) {
			cap *= 2;
			buf = xrealloc(buf, cap + 1);
		}
		r = read(fd, buf + n, cap - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		n += r;
	}
	if (r < 0) {
		free(buf);
		return -1;
	}
	buf[n] = '\0';
	*data = buf;
	if (len)
		*len = n;
	return 0;
}

int file_read(const char *path, char **data, size_t *len, char **err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r, e;

	if (fd < 0)
		return fail(err, "%s: %s", path, strerror(errno));
	r = read_all(fd, data, len);
	e = errno;
	close(fd);
	return r < 0 ? fail(err, "%s: %s", path, strerror(e)) : 0;
}

static int write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

int file_write(const char *path, const void *data, size_t len, char **err)
{
	char *tmp = xasprintf("%s.tmp-%d", path, (int)getpid());
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int r = 0;

	if (fd < 0)
		r = fail(err, "%s: %s", tmp, strerror(errno));
	else if (write_all(fd, data, len) < 0)
		r = fail(err, "%s: %s", tmp, strerror(errno));
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = fail(err, "%s: %s", tmp, strerror(errno));
	if (r == 0 && rename(tmp, path) < 0)
		r = fail(err, "%s: %s", path, strerror(errno));
	if (r < 0 && fd >= 0)
		unlink(tmp);
	free(tmp);
	return r;
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

int make_dirs(const char *path, unsigned mode, char **err)
{
	char *p = xstrdup(path);
	int r = 0;

	for (char *s = p + 1; r == 0; s++) {
		char c = *s;

		if (c != '/' && c != '\0')
			continue;
		*s = '\0';
		if (mkdir(p, mode) < 0 && errno != EEXIST)
			r = fail(err, "%s: %s", p, strerror(errno));
		*s = c;
		if (c == '\0')
			break;
	}
	free(p);
	return r;
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

int runtime_dir(char **dir, char **err)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR"), *tmp = getenv("TMPDIR");
	struct stat st;
	char *d;

	if (xdg && xdg[0] == '/')
		d = path_join(xdg, "hotwatch");
	else
		d = xasprintf("%s/hotwatch-%u", tmp && *tmp ? tmp : "/tmp",
			      (unsigned)getuid());
	if (make_dirs(d, 0700, err) < 0) {
		free(d);
		return -1;
	}
	if (lstat(d, &st) < 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != getuid() || (st.st_mode & 077)) {
		fail(err,
		     "%s: not a folder of mode 0700 of your own; remove it "
		     "or set XDG_RUNTIME_DIR",
		     d);
		free(d);
		return -1;
	}
	*dir = d;
	return 0;
}
