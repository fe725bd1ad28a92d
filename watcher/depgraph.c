/* SPDX-License-Identifier: MIT
 *
 * The dependency graph, kept as it is used: from a changed file to its users.
 *
 * Contents are compared by checksum, not by time: editors, git and `touch`
 * change times without changing anything, and an identical rewrite must build
 * nothing. A node outlives its users, so that a header that comes back is
 * compared with what it was.
 *
 * Reading all of Redis's 400 files takes 10 ms; keeping times and inodes in a
 * file to avoid that was not worth what it could get wrong.
 */
#include "watcher/depgraph.h"

#include "codeserver/descriptor.h"
#include "watcher/strmap.h"
#include "watcher/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct depnode {
	char *path;
	uint64_t content; /* 0: it was absent */
	uint64_t stamp;   /* of the file's state just before that was read */
	bool known;
	struct depuser **users;
	size_t nusers;
	struct depnode *real; /* the same file by its real path, if another */
};

struct depgraph {
	struct strmap nodes;
};

struct depgraph *depgraph_new(void)
{
	return xcalloc(1, sizeof(struct depgraph));
}

void depgraph_free(struct depgraph *g)
{
	void *v;

	for (size_t i = 0; g && strmap_next(&g->nodes, &i, &v);) {
		struct depnode *n = v;

		free(n->path);
		free(n->users);
		free(n);
	}
	if (g)
		strmap_free(&g->nodes);
	free(g);
}

static int64_t changed_ns(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return INT64_MAX;
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/* Another number whenever PATH was written, or another file is there now. */
static uint64_t stamp_of(const char *path)
{
	uint64_t v[6] = {0};
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	v[0] = (uint64_t)st.st_mtim.tv_sec;
	v[1] = (uint64_t)st.st_mtim.tv_nsec;
	v[2] = (uint64_t)st.st_ctim.tv_sec;
	v[3] = (uint64_t)st.st_ctim.tv_nsec;
	v[4] = st.st_ino;
	v[5] = (uint64_t)st.st_size;
	return hw_checksum(1, v, sizeof(v));
}

static uint64_t read_content(const char *path, uint64_t *stamp)
{
	uint64_t h;
	char *data;
	size_t len;

	*stamp = stamp_of(path);
	if (file_read(path, &data, &len, NULL) < 0)
		return 0;
	h = hw_checksum(len + 1, data, len);
	free(data);
	return h ? h : 1;
}

static struct depnode *node_make(struct depgraph *g, const char *path)
{
	struct depnode *n = xcalloc(1, sizeof(*n));
	char *real;

	n->path = xstrdup(path);
	strmap_put(&g->nodes, path, n);
	real = path_real(path);
	if (strcmp(real, path) != 0) {
		n->real = strmap_get(&g->nodes, real);
		if (!n->real)
			n->real = node_make(g, real);
	}
	free(real);
	return n;
}

/* Makes N known; true if it was changed at or after SINCE. */
static bool node_learn(struct depnode *n, int64_t since)
{
	if (n->known)
		return false;
	n->content = read_content(n->path, &n->stamp);
	n->known = true;
	return since && changed_ns(n->path) >= since;
}

static void user_add(struct depnode *n, struct depuser *u)
{
	n->users = xrealloc(n->users, (n->nusers + 1) * sizeof(*n->users));
	n->users[n->nusers++] = u;
}

static void user_remove(struct depnode *n, struct depuser *u)
{
	for (size_t i = 0; i < n->nusers; i++) {
		if (n->users[i] == u) {
			n->users[i] = n->users[--n->nusers];
			return;
		}
	}
}

void depgraph_clear(struct depgraph *g, struct depuser *u)
{
	(void)g;
	for (size_t i = 0; i < u->n; i++) {
		user_remove(u->nodes[i], u);
		if (u->nodes[i]->real)
			user_remove(u->nodes[i]->real, u);
	}
	free(u->nodes);
	u->nodes = NULL;
	u->n = 0;
}

bool depgraph_set(struct depgraph *g, struct depuser *u, char *const *paths,
		  int64_t since)
{
	size_t n = lenv(paths);
	bool late = false;

	depgraph_clear(g, u);
	u->nodes = xcalloc(n, sizeof(*u->nodes));
	for (size_t i = 0; i < n; i++) {
		struct depnode *node = strmap_get(&g->nodes, paths[i]);

		if (!node)
			node = node_make(g, paths[i]);
		late |= node_learn(node, since);
		user_add(node, u);
		if (node->real) {
			node_learn(node->real, 0);
			user_add(node->real, u);
		}
		u->nodes[u->n++] = node;
	}
	return late;
}

/* A change of a file is also one of the names that lead to it. */
static void content_spread(struct depnode *n)
{
	for (size_t i = 0; i < n->nusers; i++) {
		struct depuser *u = n->users[i];

		for (size_t j = 0; j < u->n; j++)
			if (u->nodes[j]->real == n) {
				u->nodes[j]->content = n->content;
				u->nodes[j]->stamp = n->stamp;
			}
	}
}

enum depgraph_change depgraph_check(struct depgraph *g, const char *path)
{
	struct depnode *n = strmap_get(&g->nodes, path);
	uint64_t content, stamp;

	if (!n || !n->nusers)
		return DEPGRAPH_UNKNOWN;
	content = read_content(path, &stamp);
	if (content == n->content && n->known) {
		n->stamp = stamp;
		content_spread(n);
		return DEPGRAPH_SAME;
	}
	if (!content)
		return DEPGRAPH_ABSENT;
	n->content = content;
	n->stamp = stamp;
	n->known = true;
	content_spread(n);
	return DEPGRAPH_CHANGED;
}

void depgraph_accept_absent(struct depgraph *g, const char *path)
{
	struct depnode *n = strmap_get(&g->nodes, path);

	if (!n)
		return;
	n->content = 0;
	n->stamp = 0;
	content_spread(n);
}

bool depgraph_absent(struct depgraph *g, const char *path)
{
	const struct depnode *n = strmap_get(&g->nodes, path);

	return !n || (n->known && !n->content);
}

void depgraph_users(struct depgraph *g, const char *path,
		    void (*each)(void *owner, void *arg), void *arg)
{
	struct depnode *n = strmap_get(&g->nodes, path);

	for (size_t i = 0; n && i < n->nusers; i++)
		each(n->users[i]->owner, arg);
}

void depgraph_paths(struct depgraph *g,
		    void (*each)(const char *path, void *arg), void *arg)
{
	void *v;

	for (size_t i = 0; strmap_next(&g->nodes, &i, &v);)
		each(((struct depnode *)v)->path, arg);
}

const char *depgraph_path(const struct depuser *u, size_t i)
{
	return u->nodes[i]->path;
}

uint64_t depgraph_stamp(const struct depuser *u)
{
	uint64_t h = u->n + 1;

	for (size_t i = 0; i < u->n; i++)
		h = hw_checksum(h, &u->nodes[i]->stamp,
				sizeof(u->nodes[i]->stamp));
	return h;
}

void depgraph_written(const struct depuser *u, struct strv *paths)
{
	for (size_t i = 0; i < u->n; i++)
		if (stamp_of(u->nodes[i]->path) != u->nodes[i]->stamp)
			strv_add(paths, u->nodes[i]->path);
}

uint64_t depgraph_inputs(const struct depuser *u)
{
	uint64_t h = u->n + 1;

	for (size_t i = 0; i < u->n; i++) {
		const struct depnode *n = u->nodes[i];

		if (!n->known || !n->content)
			return 0;
		h = hw_checksum(h, n->path, strlen(n->path));
		h = hw_checksum(h, &n->content, sizeof(n->content));
	}
	return h;
}

int64_t depgraph_newest(const struct depuser *u)
{
	int64_t newest = 0;

	for (size_t i = 0; i < u->n; i++) {
		int64_t t = changed_ns(u->nodes[i]->path);

		if (t > newest)
			newest = t;
	}
	return newest;
}
