/* SPDX-License-Identifier: MIT
 *
 * Whole files and whole folders; see util.h. What is written appears under its
 * name when it is whole, so a reader never sees half of it.
 */
#include "watcher/util.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- files ---------------------------------------------------------------- */

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

/* --- folders -------------------------------------------------------------- */

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

static int entry_remove(const char *path, const struct stat *st, int type,
			struct FTW *at)
{
	(void)st, (void)type, (void)at;
	remove(path);
	return 0;
}

void tree_remove(const char *path)
{
	nftw(path, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
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

char *tree_temporary(const char *name, char **err)
{
	const char *tmp = getenv("TMPDIR");
	char *path = xasprintf("%s/hotwatch-%s-XXXXXX",
			       tmp && *tmp ? tmp : "/tmp", name);

	if (mkdtemp(path))
		return path;
	fail(err, "%s: cannot be made: %s", path, strerror(errno));
	free(path);
	return NULL;
}
