/* SPDX-License-Identifier: MIT
 *
 * The root and single folders: watched while they exist, awaited while not.
 *
 * A folder does not tell that it was removed: as long as someone has it as
 * its working directory, or maps a file that was in it (a target does that
 * with PROGRAM.hot), IN_DELETE_SELF does not come. So the folders above are
 * watched too, the "rungs" of a ladder from / down to its parent: they tell
 * when a name on the way goes, comes or is renamed. A rung that may not be
 * read is left out.
 *
 * Going down, each rung is armed before the next is tried, so a folder that
 * is made meanwhile is an event, and we come by here again.
 */
#include "watcher/watch-internal.h"

#include <stdlib.h>
#include <string.h>

static struct node *anchor_node(const struct watch *w, const struct anchor *a)
{
	return tree_find(&w->tree, NULL, a->kind, a->path);
}

struct node *watch_root(const struct watch *w)
{
	return tree_find(&w->tree, NULL, NODE_TREE, w->root);
}

static bool rung_arm(struct watch *w, const char *path)
{
	struct node *n = tree_find(&w->tree, NULL, NODE_RUNG, path);

	if (!n)
		n = tree_add(&w->tree, NULL, NODE_RUNG, path);
	if (node_arm(w, n) != ARM_GONE)
		return true;
	node_kill(w, n);
	return false;
}

static void ladder_arm(struct watch *w, const char *path)
{
	char *rung = xstrdup(path);
	bool there = strcmp(path, "/") != 0 && rung_arm(w, "/");

	for (char *s = rung + 1; there && (s = strchr(s, '/')); s++) {
		*s = '\0';
		there = rung_arm(w, rung);
		*s = '/';
	}
	free(rung);
}

static void lost(struct watch *w, const struct anchor *a)
{
	settle_touch(&w->settle, a->path, SETTLE_GONE, uv_hrtime());
	if (a->kind == NODE_TREE)
		watch_note(w, true,
			   "%s is gone; it is watched again once it is back",
			   a->path);
}

static void found(struct watch *w, const struct anchor *a)
{
	if (a->kind != NODE_TREE)
		return;
	watch_lost_events(w);
	watch_note(w, false, "%s is watched again", a->path);
}

/* Brings A in line with what is there. NEW: nothing is to be told of it. */
static bool anchor_arm(struct watch *w, struct anchor *a, bool new)
{
	unsigned flags = new ? 0 : CRAWL_REPORT;
	struct node *n;
	bool had, there;
	int wd;

	if (a->polled)
		return true;
	ladder_arm(w, a->path);
	n = anchor_node(w, a);
	had = n != NULL;
	if (!n)
		n = tree_add(&w->tree, NULL, a->kind, a->path);
	if (a->kind == NODE_TREE && !new)
		flags = 0; /* told as one rescan */
	wd = n->wd;
	there = crawl(w, n, flags);
	if (had && !there)
		lost(w, a);
	if (!new &&there && (!had || wd != n->wd))
		found(w, a);
	return there;
}

struct anchor *anchor_add(struct watch *w, enum node_kind kind,
			  const char *path)
{
	struct anchor *a;

	for (a = w->anchors; a; a = a->next)
		if (a->kind == kind && !strcmp(a->path, path))
			return a;
	a = xcalloc(1, sizeof(*a));
	a->path = xstrdup(path);
	a->kind = kind;
	a->next = w->anchors;
	w->anchors = a;
	a->polled = w->poll || pollpass_needed(path, NULL);
	if (a->polled)
		poll_add(w, path, kind == NODE_TREE);
	else
		anchor_arm(w, a, true);
	return a;
}

/* Whether PATH, which came or went, is on the way to one. */
bool anchor_concerned(struct watch *w, const char *path)
{
	for (struct anchor *a = w->anchors; a; a = a->next)
		if (path_under(a->path, path))
			return true;
	return false;
}

void anchors_check(struct watch *w)
{
	for (struct anchor *a = w->anchors; a; a = a->next)
		anchor_arm(w, a, false);
}

void anchors_free(struct watch *w)
{
	struct anchor *a;

	while ((a = w->anchors)) {
		w->anchors = a->next;
		free(a->path);
		free(a);
	}
}
