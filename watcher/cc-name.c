/* SPDX-License-Identifier: MIT
 *
 * What the modules are called: their source's path from the project's root,
 * without ".c". The root is the nearest folder above all the sources that has
 * a hotwatch.json, else a .git, else the sources' common folder.
 *
 * Sources are taken with the real path of their folder, as the root is: a
 * build in a folder that was reached by a symbolic link gives the same names.
 * The file itself may be a link; its own name is the one the user knows.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/cc-program.h"
#include "watcher/paths.h"
#include "watcher/strmap.h"

static char *source_real(const char *source)
{
	char *dir = path_dir(source), *real = path_real(dir);
	char *path = path_join(real, path_base(source));

	free(dir);
	free(real);
	return path;
}

static char *common_folder(const struct program *p)
{
	char *common = NULL;

	for (size_t i = 0; i < p->nunits; i++) {
		if (!p->units[i].hot)
			continue;
		if (!common)
			common = path_dir(p->units[i].m.source);
		while (!path_under(p->units[i].m.source, common)) {
			char *up = path_dir(common);

			free(common);
			common = up;
		}
	}
	return common;
}

/* '@' in a symbol's name would be the linker's: a version follows it. */
static char *name_from(const char *source, const char *root)
{
	const char *rel = source + strlen(root);
	size_t n;
	char *name;

	rel += *rel == '/';
	n = strlen(rel) - (ends_with(rel, ".c") ? 2 : 0);
	name = xstrndup(rel, n);
	for (char *s = name; *s; s++)
		if (*s == '@')
			*s = '~';
	return name;
}

/* One source may be compiled twice into a program, with other flags. */
static char *name_unique(struct strmap *taken, char *name)
{
	uintptr_t n = (uintptr_t)strmap_get(taken, name) + 1;
	char *unique;

	strmap_put(taken, name, (void *)n);
	if (n == 1)
		return name;
	unique = xasprintf("%s~%zu", name, (size_t)n);
	free(name);
	return name_unique(taken, unique);
}

void cc_name(struct program *p)
{
	struct strmap taken = {0};
	char *common;

	for (size_t i = 0; i < p->nunits; i++) {
		struct manifest_module *m = &p->units[i].m;

		if (p->units[i].hot)
			m->source = source_real(m->source);
	}
	common = common_folder(p);
	p->root = path_project(common);
	if (!p->root)
		p->root = common;
	for (size_t i = 0; i < p->nunits; i++) {
		struct unit *u = &p->units[i];

		if (u->hot)
			u->m.name = name_unique(&taken, name_from(u->m.source,
								  p->root));
	}
	strmap_free(&taken);
}
