/* SPDX-License-Identifier: MIT
 *
 * The table of watched folders. See watch-tree.h.
 *
 * Memory matters here: a node is about a hundred bytes and its last path part,
 * so 5 000 folders are half a megabyte. Files are not kept at all; whoever
 * listens knows which ones he cares for. Full paths in the nodes were
 * rejected: they double the size and a rename would rewrite them all.
 */
#include "watcher/watch-tree.h"

#include <stdlib.h>
#include <string.h>

/* --- hash chains --------------------------------------------------------- */

static uint32_t name_hash(const struct node *parent, enum node_kind kind,
			  const char *name)
{
	uint64_t h = fnv1a64(name, strlen(name));

	h ^= ((uintptr_t)parent >> 4) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 32 ^ (parent ? 0 : kind);
}

static struct node **wd_slot(const struct tree *t, int wd)
{
	return &t->by_wd[(unsigned)wd & (t->nbuckets - 1)];
}

static struct node **name_slot(const struct tree *t, uint32_t hash)
{
	return &t->by_name[hash & (t->nbuckets - 1)];
}

static void chain_wd(struct tree *t, struct node *n)
{
	struct node **slot = wd_slot(t, n->wd);

	n->by_wd = *slot;
	*slot = n;
}

static void chain_name(struct tree *t, struct node *n)
{
	struct node **slot = name_slot(t, n->hash);

	n->by_name = *slot;
	*slot = n;
}

static void unchain_wd(struct tree *t, struct node *n)
{
	struct node **p = wd_slot(t, n->wd);

	while (*p != n)
		p = &(*p)->by_wd;
	*p = n->by_wd;
}

static void unchain_name(struct tree *t, struct node *n)
{
	struct node **p = name_slot(t, n->hash);

	while (*p != n)
		p = &(*p)->by_name;
	*p = n->by_name;
}

static void tree_grow(struct tree *t)
{
	t->nbuckets = t->nbuckets ? t->nbuckets * 2 : 64;
	free(t->by_wd);
	free(t->by_name);
	t->by_wd = xcalloc(t->nbuckets, sizeof(struct node *));
	t->by_name = xcalloc(t->nbuckets, sizeof(struct node *));
	for (struct node *top = t->tops; top; top = top->next) {
		for (struct node *n = top; n; n = tree_walk(top, n)) {
			chain_name(t, n);
			if (n->wd >= 0)
				chain_wd(t, n);
		}
	}
}

/* --- nodes --------------------------------------------------------------- */

struct node *tree_add(struct tree *t, struct node *parent, enum node_kind kind,
		      const char *name)
{
	size_t len = strlen(name) + 1;
	struct node *n, **list = parent ? &parent->child : &t->tops;

	if (t->n >= t->nbuckets)
		tree_grow(t);
	n = xcalloc(1, sizeof(*n) + len);
	memcpy(n->name, name, len);
	n->parent = parent;
	n->kind = kind;
	n->wd = -1;
	n->hash = name_hash(parent, kind, name);
	n->link = list;
	n->next = *list;
	if (n->next)
		n->next->link = &n->next;
	*list = n;
	chain_name(t, n);
	t->n++;
	return n;
}

static bool is_counted(const struct node *n)
{
	return n->kind == NODE_TREE || n->kind == NODE_EXTRA;
}

int tree_set_wd(struct tree *t, struct node *n, int wd)
{
	int old = n->wd;

	if (old == wd)
		return -1;
	if (old >= 0) {
		unchain_wd(t, n);
		t->watched -= is_counted(n);
	}
	n->wd = wd;
	if (wd >= 0) {
		chain_wd(t, n);
		t->watched += is_counted(n);
	}
	return old >= 0 && !tree_by_wd(t, old, NULL) ? old : -1;
}

void tree_set_failed(struct tree *t, struct node *n, bool failed)
{
	t->failed += failed;
	t->failed -= n->failed;
	n->failed = failed;
}

void tree_kill(struct tree *t, struct node *n, tree_unwatch *unwatch, void *arg)
{
	int wd;

	while (n->child)
		tree_kill(t, n->child, unwatch, arg);
	wd = tree_set_wd(t, n, -1);
	if (wd >= 0 && unwatch)
		unwatch(wd, arg);
	tree_set_failed(t, n, false);
	unchain_name(t, n);
	*n->link = n->next;
	if (n->next)
		n->next->link = n->link;
	ignore_unref(n->ignore);
	n->ignore = NULL;
	n->dead = true;
	n->next = t->grave;
	t->grave = n;
	t->n--;
}

void tree_bury(struct tree *t)
{
	struct node *n;

	while ((n = t->grave)) {
		t->grave = n->next;
		free(n);
	}
}

void tree_free(struct tree *t)
{
	while (t->tops)
		tree_kill(t, t->tops, NULL, NULL);
	tree_bury(t);
	free(t->by_wd);
	free(t->by_name);
	*t = (struct tree){0};
}

/* --- finding ------------------------------------------------------------- */

struct node *tree_by_wd(const struct tree *t, int wd, const struct node *prev)
{
	struct node *n;

	if (!t->nbuckets)
		return NULL;
	n = prev ? prev->by_wd : *wd_slot(t, wd);
	while (n && n->wd != wd)
		n = n->by_wd;
	return n;
}

struct node *tree_find(const struct tree *t, const struct node *parent,
		       enum node_kind kind, const char *name)
{
	uint32_t hash = name_hash(parent, kind, name);
	struct node *n = t->nbuckets ? *name_slot(t, hash) : NULL;

	while (n && (n->hash != hash || n->parent != parent ||
		     n->kind != kind || strcmp(n->name, name) != 0))
		n = n->by_name;
	return n;
}

struct node *tree_at(const struct tree *t, struct node *root, const char *path)
{
	struct node *n = root;
	char *copy, *part, *save = NULL;

	if (!path_under(path, root->name))
		return NULL;
	copy = xstrdup(path + strlen(root->name));
	for (part = strtok_r(copy, "/", &save); part && n;
	     part = strtok_r(NULL, "/", &save))
		n = tree_find(t, n, NODE_TREE, part);
	free(copy);
	return n;
}

struct node *tree_walk(const struct node *top, struct node *n)
{
	if (n->child)
		return n->child;
	while (n != top && !n->next)
		n = n->parent;
	return n == top ? NULL : n->next;
}

static void path_add(const struct node *n, struct text *p)
{
	if (n->parent) {
		path_add(n->parent, p);
		if (p->s[p->len - 1] != '/')
			text_add(p, "/", 1);
	}
	text_puts(p, n->name);
}

const char *tree_path(const struct node *n, struct text *p)
{
	p->len = 0;
	path_add(n, p);
	return p->s;
}

const char *tree_path_in(const struct node *n, const char *name, struct text *p)
{
	tree_path(n, p);
	if (p->s[p->len - 1] != '/')
		text_add(p, "/", 1);
	text_puts(p, name);
	return p->s;
}
