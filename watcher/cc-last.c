/* SPDX-License-Identifier: MIT
 *
 * The memory of a program's last hot link, so that a make after an edit links
 * one module, not all. An object with the same bytes gives the same module, if
 * all else is the same too: that is the key, over what is not in the object.
 *
 * Bytes, not the content hash: after an edit of a comment the code is the same
 * but the lines that a debugger shows are not. Not times either: an object
 * may be older than the one it replaces (ccache, git).
 *
 * It stands in PROGRAM.hot/link.state, beside the manifest: a first line with
 * the key, then "SUM NAME" for each module. A file that is damaged or gone
 * costs a full link, no more.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "codeserver/descriptor.h"
#include "watcher/cc-program.h"

static void add_file(struct text *t, const char *path)
{
	struct stat st = {0};

	if (stat(path, &st) < 0)
		st.st_size = -1;
	text_printf(t, "%s %lld %lld.%09ld\n", path, (long long)st.st_size,
		    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* This program's own file stands for how it rewrites. */
static char *key_make(const struct program *p)
{
	struct text t = {0};
	char *key;

	text_printf(&t, "%s %d\n", HOTWATCH_VERSION, HW_ABI);
	add_file(&t, "/proc/self/exe");
	add_file(&t, p->cc->tools.lld);
	add_file(&t, p->cc->tools.linker);
	text_printf(&t, "%s\n", p->cc->tools.codeserver);
	for (size_t i = 0; i < p->libs.n; i++)
		add_file(&t, p->libs.v[i]);
	key = xasprintf("%016" PRIx64, fnv1a64(t.s, t.len));
	text_free(&t);
	return key;
}

static char *state_path(const struct program *p)
{
	return path_join(p->hot, "link.state");
}

/* "SUM NAME" */
static void line_read(struct program *p, const char *line)
{
	char sum[17];
	int at;

	if (sscanf(line, "%16[0-9a-f] %n", sum, &at) != 1)
		return;
	for (size_t i = 0; i < p->old->nmodules; i++) {
		struct manifest_module *m = &p->old->modules[i];

		if (!strcmp(m->name, line + at) && file_exists(m->file))
			strmap_put(&p->last, sum, m);
	}
}

void cc_last_read(struct program *p)
{
	char *manifest = path_join(p->hot, "manifest.json");
	char *path = state_path(p), *text = NULL, *rest, *line;

	p->key = key_make(p);
	if (manifest_read(&p->old, manifest, NULL) < 0)
		p->old = NULL;
	if (p->old && file_read(path, &text, NULL, NULL) == 0) {
		rest = text;
		line = strsep(&rest, "\n");
		if (!strcmp(line, p->key))
			while ((line = strsep(&rest, "\n")) != NULL)
				line_read(p, line);
	}
	free(text);
	free(path);
	free(manifest);
}

int cc_last_write(const struct program *p, char **err)
{
	char *path = state_path(p);
	struct text t = {0};
	int r;

	text_printf(&t, "%s\n", p->key);
	for (size_t i = 0; i < p->nunits; i++)
		if (p->units[i].hot)
			text_printf(&t, "%016" PRIx64 " %s\n", p->units[i].sum,
				    p->units[i].m.name);
	r = file_write(path, t.s, t.len, err);
	text_free(&t);
	free(path);
	return r;
}
