/* SPDX-License-Identifier: MIT
 *
 * Which rules hold where. See watch-rules.h.
 *
 * A root may lie anywhere in a work tree, so the rules of the folders above it
 * are read as well. But someone who asks to have an ignored folder watched
 * (a scratch copy under build/, say) means its files: then that repository
 * has no say, and its locks do not matter either.
 */
#include "watcher/watch-rules.h"

#include "watcher/gitlock.h"
#include "watcher/util.h"

#include <stdlib.h>
#include <string.h>

static struct ignore *repository(struct ignore *any, const char *top)
{
	char *dir = gitlock_dir(top);
	char *common = gitlock_common(dir ? dir : top);
	struct ignore *i = ignore_repository(any, top, common);

	free(common);
	free(dir);
	return i;
}

/* What holds in DIR at or below TOP. NULL: DIR is ignored. */
static struct ignore *rules_down(struct ignore *user, const char *top,
				 const char *dir)
{
	struct ignore *above, *i = NULL;
	char *up;

	if (!strcmp(dir, top)) {
		above = repository(user, top);
	} else {
		up = path_dir(dir);
		above = rules_down(user, top, up);
		free(up);
		if (above && ignore_match(above, dir, true)) {
			ignore_unref(above);
			above = NULL;
		}
	}
	if (above)
		i = ignore_enter(above, dir);
	ignore_unref(above);
	return i;
}

struct ignore *rules_root(struct ignore *user, const char *root, char **top)
{
	struct ignore *i;
	char *up;

	*top = gitlock_top(root);
	if (!*top)
		return ignore_ref(user);
	if (!strcmp(*top, root))
		return repository(user, root);
	up = path_dir(root);
	i = rules_down(user, *top, up);
	free(up);
	if (i && !ignore_match(i, root, true))
		return i;
	ignore_unref(i);
	free(*top);
	*top = NULL;
	return ignore_ref(user);
}

struct ignore *rules_folder(struct ignore *above, const char *dir, bool git,
			    bool rules)
{
	struct ignore *base = git ? repository(above, dir) : ignore_ref(above);
	struct ignore *i;

	if (!rules)
		return base;
	i = ignore_enter(base, dir);
	ignore_unref(base);
	return i;
}
