/* SPDX-License-Identifier: MIT
 *
 * Which git folders matter to the tree, and which of them are busy.
 *
 * One for the repository the root lies in, and one for each repository or
 * submodule in the tree. The git folder itself is watched, without what is
 * below it, so that the end of an operation is noticed at once. While one is
 * busy its files are also looked at twice a second: the folder may be one
 * that cannot be watched, and nothing may be held for ever by mistake.
 *
 * After the end everything waits for one more quiet time: `git pull` and
 * `git rebase` let go of the lock and take it again.
 */
#include "watcher/watch-internal.h"

#include "watcher/gitlock.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY (500 * MS)
#define TELL_AFTER (2000 * MS)

static void gitlock_drop(struct watch *w, struct gitlock **p)
{
	struct gitlock *g = *p;
	struct node *n = tree_find(&w->tree, NULL, NODE_GIT, g->dir);

	*p = g->next;
	if (n)
		node_kill(w, n);
	free(g->top);
	free(g->dir);
	free(g);
}

static void gitlock_arm(struct watch *w, struct gitlock *g)
{
	struct node *n = tree_find(&w->tree, NULL, NODE_GIT, g->dir);

	if (w->poll || pollpass_needed(g->dir, NULL))
		return;
	if (!n)
		n = tree_add(&w->tree, NULL, NODE_GIT, g->dir);
	if (node_arm(w, n) == ARM_GONE)
		node_kill(w, n);
}

void git_update(struct watch *w, const char *top)
{
	struct gitlock **p = &w->gitlocks, *g;
	char *dir = gitlock_dir(top);

	while (*p && strcmp((*p)->top, top) != 0)
		p = &(*p)->next;
	if (*p && (!dir || strcmp((*p)->dir, dir) != 0))
		gitlock_drop(w, p);
	if (dir && (!*p || strcmp((*p)->top, top) != 0)) {
		g = xcalloc(1, sizeof(*g));
		g->top = xstrdup(top);
		g->dir = xstrdup(dir);
		g->next = w->gitlocks;
		w->gitlocks = g;
		p = &w->gitlocks;
	}
	if (dir)
		gitlock_arm(w, *p);
	free(dir);
	w->check_git = true;
}

static void tell_held(struct watch *w, const struct gitlock *g)
{
	w->git_told = true;
	watch_note(w, false,
		   "changes in %s wait until git is done (%s/%s is there)",
		   g->top, g->dir, g->held);
}

/* An operation may be over before we first look; it is one batch all the
 * same, so its events count as well. */
static void git_settled(struct watch *w, bool busy, uint64_t now)
{
	if (busy && !w->git_busy)
		w->git_since = now;
	if (!busy && (w->git_busy || w->git_event)) {
		w->release_at = now + w->settle.quiet;
		if (w->git_told)
			watch_note(w, false, "git is done");
		w->git_told = false;
	}
	w->git_busy = busy;
	w->git_event = false;
	w->git_look_at = now + LOOK_EVERY;
}

void git_refresh(struct watch *w, uint64_t now)
{
	const struct gitlock *who = NULL;

	w->check_git = false;
	for (struct gitlock *g = w->gitlocks; g; g = g->next) {
		g->held = gitlock_held(g->dir);
		if (g->held)
			who = g;
	}
	git_settled(w, who != NULL, now);
	if (who && !w->git_told && now - w->git_since >= TELL_AFTER)
		tell_held(w, who);
}

void git_free(struct watch *w)
{
	while (w->gitlocks)
		gitlock_drop(w, &w->gitlocks);
}

bool watch_git_busy(const struct watch *w)
{
	return w->git_busy;
}
