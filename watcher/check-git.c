/* SPDX-License-Identifier: MIT
 *
 * Two commits compared: which modules read a file that differs, and trees to
 * compile them in (check-build.c does that).
 *
 * How a module is compiled is known from the hot build that lies in the
 * working tree; its files are those that build read. A side that is a commit
 * is written to a folder of its own with an index of its own, so neither the
 * working tree nor the repository is touched, and nothing is left to prune.
 * (git worktree would leave its mark in the repository.) What the build made,
 * config.h say, is in no commit: it is taken from the working tree.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watcher/cc.h"
#include "watcher/check-build.h"
#include "watcher/manifest.h"
#include "watcher/strmap.h"
#include "watcher/tools.h"

struct git {
	char *program;                  /* git's path */
	char *top;                      /* of the repository */
	const char *scratch;            /* for files that git writes */
	char *base, *head;              /* head NULL: the working tree */
	struct strmap changed, tracked; /* absolute paths */
	struct check_kept *kept;        /* or NULL */
};

/* --- git ------------------------------------------------------------------ */

/* Runs git in the top folder with WORDS (NULL-terminated); what it prints. */
static int git_run(const struct git *g, const char *const *words, char **out,
		   size_t *len, char **err)
{
	char *file = path_join(g->scratch, "git.out");
	struct cc_pipes to = {.out = file, .dir = g->top};
	struct strv argv = {0};
	int r;

	strv_add(&argv, g->program);
	strv_addv(&argv, words);
	r = cc_run(argv.v, &to, err);
	if (r > 0)
		r = fail(err, "git %s failed (see above)", words[0]);
	if (r == 0)
		r = file_read(file, out, len, err);
	strv_free(&argv);
	free(file);
	return r;
}

static int git_line(const struct git *g, const char *const *words, char **line,
		    char **err)
{
	size_t len;

	if (git_run(g, words, line, &len, err) < 0)
		return -1;
	(*line)[strcspn(*line, "\n")] = '\0';
	return 0;
}

/* Names that git prints, each ended by a NUL, as absolute paths in M. */
static int git_names(const struct git *g, const char *const *words,
		     struct strmap *m, char **err)
{
	char *out;
	size_t len;

	if (git_run(g, words, &out, &len, err) < 0)
		return -1;
	for (char *s = out; s < out + len; s += strlen(s) + 1) {
		char *path = path_join(g->top, s);

		strmap_put(m, path, m);
		free(path);
	}
	free(out);
	return 0;
}

static int commit_of(const struct git *g, const char *name, char **commit,
		     char **err)
{
	char *wanted = xasprintf("%s^{commit}", name);
	const char *words[] = {"rev-parse", "--verify", "--end-of-options",
			       wanted, NULL};
	int r = git_line(g, words, commit, err);

	free(wanted);
	return r;
}

/* "BASE..HEAD", either side empty for HEAD; "BASE": HEAD stays NULL. */
static int range_read(struct git *g, const char *range, char **err)
{
	const char *dots = strstr(range, "..");
	char *base =
	    xstrndup(range, dots ? (size_t)(dots - range) : strlen(range));
	int r = commit_of(g, *base ? base : "HEAD", &g->base, err);

	if (r == 0 && dots)
		r = commit_of(g, dots[2] ? dots + 2 : "HEAD", &g->head, err);
	free(base);
	return r;
}

static int git_open(struct git *g, const char *range, char **err)
{
	static const char *const top[] = {"rev-parse", "--show-toplevel", NULL};
	static const char *const files[] = {"ls-files", "-z", NULL};
	const char *diff[] = {"diff", "--name-only", "--no-renames", "-z", NULL,
			      NULL,   NULL};
	char *line;

	g->program = tool_find("git");
	if (!g->program)
		return fail(err, "git was not found; install it");
	if (git_line(g, top, &line, err) < 0)
		return -1;
	g->top = line;
	if (range_read(g, range, err) < 0)
		return -1;
	diff[4] = g->base;
	diff[5] = g->head;
	return git_names(g, diff, &g->changed, err) < 0
		   ? -1
		   : git_names(g, files, &g->tracked, err);
}

static void git_close(struct git *g)
{
	strmap_free(&g->changed);
	strmap_free(&g->tracked);
	free(g->program);
	free(g->top);
	free(g->base);
	free(g->head);
}

/* --- trees ---------------------------------------------------------------- */

/* All files of COMMIT into the folder TREE. */
static int tree_write(const struct git *g, const char *commit, const char *tree,
		      char **err)
{
	char *index = xasprintf("GIT_INDEX_FILE=%s.index", tree);
	char *prefix = xasprintf("--prefix=%s/", tree);
	char *env = tool_find("env");
	struct cc_pipes to = {.dir = g->top};
	char *const read[] = {env,         index,          g->program,
			      "read-tree", (char *)commit, NULL};
	char *const write[] = {env,  index, g->program, "checkout-index",
			       "-a", "-q",  prefix,     NULL};
	int r = env ? cc_run(read, &to, err) : fail(err, "no env was found");

	if (r == 0)
		r = cc_run(write, &to, err);
	if (r > 0)
		r = fail(err, "git could not write the files of %s (see above)",
			 commit);
	free(env);
	free(prefix);
	free(index);
	return r;
}

/* What the build made itself, and M reads, into TREE. */
static void tree_generated(const struct git *g, const char *tree,
			   const struct manifest_module *m)
{
	for (char **d = m->deps; d && *d; d++) {
		char *to, *dir;

		if (!path_under(*d, g->top) || strmap_get(&g->tracked, *d))
			continue;
		to = xasprintf("%s%s", tree, *d + strlen(g->top));
		dir = path_dir(to);
		if (make_dirs(dir, 0700, NULL) == 0 && symlink(*d, to) < 0)
			(void)0; /* two modules read it */
		free(dir);
		free(to);
	}
}

/* The side's folder, in the place of the repository's top; malloc'd. */
static int tree_make(const struct git *g, const char *commit, const char *name,
		     char **tree, char **err)
{
	*tree = commit ? path_join(g->scratch, name) : xstrdup(g->top);
	return commit ? tree_write(g, commit, *tree, err) : 0;
}

/* --- programs ------------------------------------------------------------- */

static struct strv *found; /* nftw has no argument of ours */

static int visit(const char *path, const struct stat *st, int type,
		 struct FTW *at)
{
	(void)st;
	if (type == FTW_D && !strcmp(path + at->base, ".git"))
		return FTW_SKIP_SUBTREE;
	if (type == FTW_F && ends_with(path, ".hot/manifest.json"))
		strv_add(found, path);
	return FTW_CONTINUE;
}

static int manifests_find(const struct git *g, const char *program,
			  struct strv *paths, char **err)
{
	if (program) {
		strv_add_own(paths,
			     ends_with(program, ".hot")
				 ? path_join(program, "manifest.json")
				 : xasprintf("%s.hot/manifest.json", program));
		return 0;
	}
	found = paths;
	nftw(g->top, visit, 16, FTW_PHYS | FTW_ACTIONRETVAL);
	return paths->n ? 0
			: fail(err,
			       "%s: no program was built hot there; build it "
			       "with hotwatch cc, as it is to be compared",
			       g->top);
}

/* --- one program ---------------------------------------------------------- */

static bool reads_changed(const struct git *g, const struct manifest_module *m)
{
	if (strmap_get(&g->changed, m->source))
		return true;
	for (char **d = m->deps; d && *d; d++)
		if (strmap_get(&g->changed, *d))
			return true;
	return false;
}

static int program_compare(const struct git *g, const char *path,
			   const char *const trees[2], struct check_result *r,
			   char **err)
{
	struct check_build b = {.top = g->top,
				.trees = {trees[0], trees[1]},
				.scratch = g->scratch,
				.kept = g->kept};
	int e = manifest_read(&b.manifest, path, err);

	if (e < 0)
		return -1;
	b.wanted = xcalloc(b.manifest->nmodules + 1, sizeof(*b.wanted));
	for (size_t i = 0; i < b.manifest->nmodules; i++) {
		const struct manifest_module *m = &b.manifest->modules[i];

		b.wanted[i] = reads_changed(g, m);
		if (!b.wanted[i])
			continue;
		tree_generated(g, trees[0], m);
		if (g->head)
			tree_generated(g, trees[1], m);
	}
	e = check_build_compare(&b, r, err);
	free(b.wanted);
	manifest_free(b.manifest);
	return e;
}

static int programs_compare(const struct git *g, const char *program,
			    struct check_result *r, char **err)
{
	char *old = NULL, *new = NULL;
	struct strv paths = {0};
	int e = manifests_find(g, program, &paths, err);

	if (e == 0)
		e = tree_make(g, g->base, "old", &old, err);
	if (e == 0)
		e = tree_make(g, g->head, "new", &new, err);
	if (e == 0 && g->kept && paths.n > 1)
		e = fail(err,
			 "there are %zu programs in %s; name the one that the "
			 "release is for",
			 paths.n, g->top);
	for (size_t i = 0; e == 0 && i < paths.n; i++) {
		const char *const trees[2] = {old, new};

		e = program_compare(g, paths.v[i], trees, r, err);
	}
	strv_free(&paths);
	free(old);
	free(new);
	return e;
}

int check_git(const char *range, const char *program, const char *scratch,
	      struct check_kept *kept, struct check_result *r, char **err)
{
	struct git g = {.scratch = scratch, .kept = kept};
	int e = git_open(&g, range, err);

	if (e == 0)
		e = programs_compare(&g, program, r, err);
	if (e == 0)
		r->root = xstrdup(g.top);
	if (e == 0)
		r->old_root = path_join(scratch, "old");
	if (e == 0 && kept) {
		kept->from = xstrndup(g.base, 12);
		kept->to =
		    g.head ? xstrndup(g.head, 12) : xstrdup("working tree");
	}
	git_close(&g);
	return e;
}
