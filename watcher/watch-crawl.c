/* SPDX-License-Identifier: MIT
 *
 * Going through folders: watches are added and missed events made up.
 *
 * The order is what makes it sound: a folder is watched first and read then.
 * What is made in it before the watch is seen by the reading, what is made
 * after by an event, and what falls between by both. Since its parent was
 * watched before, a folder that is renamed or replaced between the two steps
 * is an event too, and comes by here again.
 *
 * No file is stat'ed: d_type tells folders (but on the rare file system that
 * leaves it out). A list of work instead of recursion keeps one folder open at
 * a time, and one buffer. openat with a descriptor for each level was
 * rejected: inotify wants paths anyway.
 */
#include "watcher/watch-internal.h"

#include "watcher/watch-rules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LISTING_BUF (32u << 10)

/* What one folder has in it. */
struct listing {
	char *buf;               /* for the kernel's answers */
	struct text dirs, files; /* names, each with its NUL */
	bool rules, git;         /* there is a .gitignore; a .git */
};

/* --- reading a folder ---------------------------------------------------- */

static unsigned char type_of(int fd, const struct dirent64 *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type;
	if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return DT_UNKNOWN;
	return IFTODT(st.st_mode);
}

static void listing_add(struct listing *l, int fd, const struct dirent64 *d,
			bool files)
{
	const char *name = d->d_name;
	unsigned char type = type_of(fd, d);

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return;
	if (!strcmp(name, ".gitignore"))
		l->rules = true;
	if (!strcmp(name, ".git"))
		l->git = true;
	else if (type == DT_DIR)
		text_add(&l->dirs, name, strlen(name) + 1);
	else if (files && (type == DT_REG || type == DT_LNK))
		text_add(&l->files, name, strlen(name) + 1);
}

/* 0, or an error number. */
static int listing_read(struct listing *l, const char *path, bool follow,
			bool files)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
				(follow ? 0 : O_NOFOLLOW));
	ssize_t len;

	l->dirs.len = l->files.len = 0;
	l->rules = l->git = false;
	if (fd < 0)
		return errno;
	while ((len = getdents64(fd, l->buf, LISTING_BUF)) > 0) {
		for (char *p = l->buf; p < l->buf + len;) {
			const struct dirent64 *d = (void *)p;

			listing_add(l, fd, d, files);
			p += d->d_reclen;
		}
	}
	len = len < 0 ? errno : 0;
	close(fd);
	return len;
}

/* --- one folder ---------------------------------------------------------- */

/* The folders above the root may have rules, and a lock, too. */
static struct ignore *rules_above(struct watch *w, const struct node *n)
{
	struct ignore *i;
	char *top;

	if (n->parent)
		return ignore_ref(n->parent->ignore);
	i = rules_root(w->ignore, w->root, &top);
	if (top)
		git_update(w, top);
	free(top);
	return i;
}

static void rules_set(struct watch *w, struct node *n, const char *path,
		      const struct listing *l)
{
	struct ignore *above = rules_above(w, n);

	ignore_unref(n->ignore);
	n->ignore = rules_folder(above, path, l->git && n->parent, l->rules);
	ignore_unref(above);
	if (l->git)
		git_update(w, path);
}

static void report_files(struct watch *w, struct node *n,
			 const struct listing *l)
{
	uint64_t now = uv_hrtime();

	for (size_t i = 0; i < l->files.len; i += strlen(l->files.s + i) + 1) {
		const char *name = l->files.s + i;
		const char *path = tree_path_in(n, name, &w->path);
		bool ignored = n->ignore ? ignore_match(n->ignore, path, false)
					 : ignore_name(name, false);

		if (!ignored)
			settle_touch(&w->settle, path, SETTLE_WRITTEN, now);
	}
}

/* Whether the folder PATH, a child of N, is left to the poller, or to none. */
static bool is_foreign(struct watch *w, const struct node *n, const char *path)
{
	if (ignore_match(n->ignore, path, true))
		return true;
	if (!strv_has(&w->polled_mounts, path))
		return false;
	poll_add(w, path, true);
	return true;
}

/* Brings N's children in line with what is there, onto the list WORK. */
static void children_update(struct watch *w, struct node *n,
			    const struct listing *l, struct node **work)
{
	struct node *c, *next;

	for (c = n->child; c; c = c->next)
		c->seen = false;
	for (size_t i = 0; i < l->dirs.len; i += strlen(l->dirs.s + i) + 1) {
		const char *name = l->dirs.s + i;

		if (is_foreign(w, n, tree_path_in(n, name, &w->path)))
			continue;
		c = tree_find(&w->tree, n, NODE_TREE, name);
		if (!c)
			c = tree_add(&w->tree, n, NODE_TREE, name);
		c->seen = true;
		c->work = *work;
		*work = c;
	}
	for (c = n->child; c; c = next) {
		next = c->next;
		if (!c->seen)
			node_kill(w, c);
	}
}

/* Arms and reads N; false if it is not there. */
static bool visit(struct watch *w, struct node *n, unsigned flags,
		  struct listing *l, struct node **work)
{
	enum armed armed = node_arm(w, n);
	bool scans = n->kind == NODE_TREE || n->kind == NODE_EXTRA;
	bool report = armed == ARMED_ANEW && (flags & CRAWL_REPORT);
	int error;

	if (armed == ARM_GONE)
		return false;
	if (armed == ARM_FAILED || !scans ||
	    (armed == ARMED_BEFORE && !(flags & CRAWL_ALL)))
		return true;
	error = listing_read(l, tree_path(n, &w->path), !n->parent, report);
	if (error == ENOENT || error == ENOTDIR || error == ELOOP)
		return false;
	if (error)
		node_note_failure(w, n, error);
	if (n->kind == NODE_TREE) {
		rules_set(w, n, w->path.s, l);
		children_update(w, n, l, work);
	}
	if (report)
		report_files(w, n, l);
	return true;
}

bool crawl(struct watch *w, struct node *n, unsigned flags)
{
	struct listing l = {.buf = xmalloc(LISTING_BUF)};
	struct node *work = NULL, *top = n;
	bool there = true;

	while (n) {
		bool ok = visit(w, n, flags, &l, &work);

		if (!ok && n == top)
			there = false;
		if (!ok)
			node_kill(w, n);
		n = work;
		work = n ? n->work : NULL;
	}
	free(l.buf);
	text_free(&l.dirs);
	text_free(&l.files);
	return there;
}
