/* SPDX-License-Identifier: MIT
 *
 * The folders that are watched: which path has which watch descriptor.
 *
 * A node is one reason to watch one folder. The kernel gives one descriptor
 * an inode, so several nodes may have the same: a folder of the tree that is
 * also wanted by itself, a bind mount, or for a moment the old and the new
 * place of a folder that is being renamed. An event goes to all of them.
 *
 * Nodes that are killed stay readable until tree_bury, so that whoever is in
 * the middle of a batch of events may hold on to them. No system calls here.
 */
#ifndef WATCHER_WATCH_TREE_H
#define WATCHER_WATCH_TREE_H

#include "watcher/ignore.h"
#include "watcher/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum node_kind {
	NODE_TREE,   /* the root and all folders below it */
	NODE_EXTRA,  /* a folder asked for by itself */
	NODE_RUNG,   /* above one of those: tells when it goes or comes */
	NODE_GIT,    /* a git folder: tells when git is at work */
	NODE_COOKIE, /* where the cookies of watch_sync are made */
	NODE_KINDS
};

struct node {
	struct node *parent, *child, *next, **link; /* the tree's shape */
	struct node *by_wd, *by_name;               /* hash chains */
	struct node *work;                          /* a crawl's list */
	struct ignore *ignore; /* what holds in this folder; owned */
	int wd;                /* -1: not watched (yet, any more) */
	uint32_t hash;
	uint8_t kind;
	bool dead;
	bool seen;   /* by the crawl under way */
	bool failed; /* the kernel refused; tried again later */
	char name[]; /* in its parent; without a parent the whole path */
};

struct tree {
	struct node **by_wd, **by_name;
	size_t nbuckets, n;
	size_t watched; /* of the kinds TREE and EXTRA */
	size_t failed;
	struct node *tops;  /* nodes without a parent */
	struct node *grave; /* the killed, linked by next */
};

void tree_free(struct tree *t);
void tree_bury(struct tree *t);

struct node *tree_add(struct tree *t, struct node *parent, enum node_kind kind,
		      const char *name);

/* Kills N and all below. Before each one leaves, UNWATCH is told the
 * descriptor that no other node has. */
typedef void tree_unwatch(int wd, void *arg);
void tree_kill(struct tree *t, struct node *n, tree_unwatch *unwatch,
	       void *arg);

/* Sets N's descriptor. Returns its old one if no other node has it, or -1. */
int tree_set_wd(struct tree *t, struct node *n, int wd);
void tree_set_failed(struct tree *t, struct node *n, bool failed);

/* The next node after PREV (NULL: the first) that has WD. */
struct node *tree_by_wd(const struct tree *t, int wd, const struct node *prev);
/* PARENT's child NAME; with no PARENT, the top of KIND whose path is NAME. */
struct node *tree_find(const struct tree *t, const struct node *parent,
		       enum node_kind kind, const char *name);
/* The node at PATH below ROOT, or ROOT. */
struct node *tree_at(const struct tree *t, struct node *root, const char *path);
/* Walks N and all below it, parents first: NULL at the end. */
struct node *tree_walk(const struct node *top, struct node *n);

/* N's path, into P, which is emptied first; and of NAME in N. */
const char *tree_path(const struct node *n, struct text *p);
const char *tree_path_in(const struct node *n, const char *name,
			 struct text *p);

#endif
