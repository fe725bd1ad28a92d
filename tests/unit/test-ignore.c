/* SPDX-License-Identifier: MIT
 *
 * .gitignore's rules, held against git itself: each row of the table is asked
 * of git too, and then 150 trees of made-up rules are. Without git only the
 * table is checked, against what it says.
 */
#include "tests/unit/check.h"
#include "tests/unit/scratch.h"
#include "watcher/ignore.h"
#include "watcher/util.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* --- a tree of the test's own -------------------------------------------- */

static char *top; /* removed by tree_end */

static void tree_start(void)
{
	top = scratch_new("ignore-test");
}

static void tree_end(void)
{
	scratch_remove(top);
}

/* Makes NAME; with a slash at its end, a folder. */
static void make(const char *name, const char *content)
{
	char *path = path_join(top, name), *dir = path_dir(path);
	char *err = NULL;

	if (make_dirs(dir, 0777, &err) < 0 ||
	    (!ends_with(name, "/") &&
	     file_write(path, content, strlen(content), &err) < 0))
		CHECK_STR_EQ(err, NULL);
	free(err);
	free(dir);
	free(path);
}

/* Runs git in the tree; its output, or NULL if git could not be run. */
static char *git(const char *const *argv, const char *in)
{
	char *input = xasprintf("%s.in", top), *out = NULL;
	char *output = xasprintf("%s.out", top), *err = NULL;
	posix_spawn_file_actions_t fa;
	pid_t pid;
	int status = -1;

	file_write(input, in, strlen(in), &err);
	free(err);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addchdir_np(&fa, top);
	posix_spawn_file_actions_addopen(&fa, 0, input, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 1, output,
					 O_WRONLY | O_CREAT | O_TRUNC, 0666);
	posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, "git", &fa, NULL, (char **)argv, environ) == 0 &&
	    waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) <= 1)
		file_read(output, &out, NULL, NULL);
	posix_spawn_file_actions_destroy(&fa);
	unlink(input);
	unlink(output);
	free(input);
	free(output);
	return out;
}

static bool git_init(void)
{
	const char *argv[] = {"git", "init", "-q", ".", NULL};
	char *out = git(argv, "");
	bool ok = out != NULL;

	free(out);
	return ok;
}

/* Which of the PATHS (lines) git ignores, as lines. */
static char *git_ignored(const char *paths)
{
	const char *argv[] = {"git",
			      "-c",
			      "core.excludesFile=/dev/null",
			      "-c",
			      "core.quotePath=false",
			      "check-ignore",
			      "--no-index",
			      "--stdin",
			      NULL};

	return git(argv, paths);
}

/* --- asking ours --------------------------------------------------------- */

/* As a crawl does: folder by folder, not into ignored ones. */
static bool ours(struct ignore *user, const char *name)
{
	struct ignore *i = ignore_repository(user, top, top), *next;
	char *path = path_join(top, name), *s = path + strlen(top);
	bool ignored = false;

	for (; s && !ignored; s = strchr(s + 1, '/')) {
		char *end, c;
		bool dir;

		*s = '\0';
		next = ignore_enter(i, path);
		*s = '/';
		ignore_unref(i);
		i = next;
		end = s + 1 + strcspn(s + 1, "/");
		c = *end;
		dir = c == '/';
		*end = '\0';
		if (end > s + 1)
			ignored = ignore_match(i, path, dir);
		*end = c;
	}
	ignore_unref(i);
	free(path);
	return ignored;
}

/* --- the table ----------------------------------------------------------- */

static const struct row {
	const char *rules, *path;
	bool ignored;
} rows[] = {
    /* a name, anywhere */
    {"foo", "foo", true},
    {"foo", "a/foo", true},
    {"foo", "a/foo/b", true},
    {"foo", "foobar", false},
    {"*.o", "a/b/c.o", true},
    {"*.o", "a/b/c.oo", false},
    {"?.c", "x.c", true},
    {"?.c", "xy.c", false},
    /* comments, blanks, spaces, ends of line */
    {"# foo\n\nbar", "bar", true},
    {"#foo", "#foo", false},
    {"\\#foo", "#foo", true},
    {"\\!foo", "!foo", true},
    {"foo  ", "foo", true},
    {"foo\\ ", "foo ", true},
    {"foo\\ ", "foo", false},
    {" foo", " foo", true},
    {"foo\r\nbar\r\n", "foo", true},
    {"\xef\xbb\xbf"
     "foo",
     "foo", true},
    /* anchored */
    {"/foo", "foo", true},
    {"/foo", "a/foo", false},
    {"a/foo", "a/foo", true},
    {"a/foo", "b/a/foo", false},
    {"a/*.c", "a/x.c", true},
    {"a/*.c", "a/b/x.c", false},
    {"a/*/c", "a/b/c", true},
    {"a/*/c", "a/c", false},
    /* folders only */
    {"foo/", "foo/x", true},
    {"foo/", "foo", false},
    {"foo/", "a/foo/x", true},
    {"a/foo/", "a/foo/x", true},
    {"a/foo/", "b/a/foo/x", false},
    /* negation */
    {"*.c\n!x.c", "x.c", false},
    {"*.c\n!x.c", "y.c", true},
    {"!x.c\n*.c", "x.c", true},
    {"foo/\n!foo/x", "foo/x", true},
    {"foo/*\n!foo/x", "foo/x", false},
    {"/*\n!/a/\n/a/*\n!/a/b", "a/b", false},
    {"/*\n!/a/\n/a/*\n!/a/b", "a/c", true},
    /* two stars */
    {"**/foo", "a/b/foo", true},
    {"**/foo", "foo", true},
    {"foo/**", "foo/a/b", true},
    {"foo/**", "a/foo/b", false},
    {"a/**/b", "a/b", true},
    {"a/**/b", "a/x/b", true},
    {"a/**/b", "a/x/y/b", true},
    {"a/**/b", "a/xb", false},
    {"a**b", "axb", true},
    {"x/a**b", "x/a/b", false},
    {"**", "a", true},
    {"a/**/*.c", "a/x.c", true},
    {"**/a/**/b/**", "x/a/y/b/z", true},
    /* brackets */
    {"[ab].c", "a.c", true},
    {"[ab].c", "c.c", false},
    {"[!ab].c", "c.c", true},
    {"[^ab].c", "a.c", false},
    {"[a-c].c", "b.c", true},
    {"[]].c", "].c", true},
    {"[!]].c", "].c", false},
    {"[a-].c", "-.c", true},
    {"[[:digit:]].c", "7.c", true},
    {"[[:digit:]x].c", "x.c", true},
    {"[[:digit:]].c", "x.c", false},
    {"[[:nope:]].c", "n.c", false},
    {"[a", "[a", false},
    {"a[/]b", "a/b", false},
    {"[\\]].c", "].c", true},
    {"\\*.c", "x.c", false},
    {"\\*.c", "*.c", true},
};

static void row_check(const struct row *r, bool have_git)
{
	struct ignore *user = ignore_new(top, NULL);
	char *out;

	make(".gitignore", r->rules);
	make(r->path, "");
	if (!CHECK_INT_EQ(ours(user, r->path), r->ignored))
		printf("# path %s, rules %s\n", r->path, r->rules);
	out = have_git ? git_ignored(r->path) : NULL;
	if (out && !CHECK_INT_EQ(out[0] != '\0', r->ignored))
		printf("# git, path %s, rules %s\n", r->path, r->rules);
	free(out);
	ignore_unref(user);
}

static void table_holds(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tree_start();
		row_check(&rows[i], git_init());
		tree_end();
	}
}

/* --- made-up rules ------------------------------------------------------- */

#define ROUNDS 150
static unsigned dice_state;

static unsigned dice(unsigned n)
{
	dice_state = dice_state * 1103515245u + 12345u;
	return (dice_state >> 16) % n;
}

static void random_rules(struct text *t)
{
	static const char *const parts[] = {"a",    "b",   "ab", "*",     "**",
					    "?",    "/",   "/",  "!",     "*.c",
					    "[ab]", "[!a", "]",  "[a-b]", "\\a",
					    ".c",   " ",   "\\", "/**/",  "a*",
					    "**/",  "/**", "\n", "\n"};

	for (unsigned n = 1 + dice(14); n > 0; n--)
		text_puts(t, parts[dice(ARRAY_SIZE(parts))]);
	text_puts(t, "\n");
}

/* All paths of three levels over five names; a name with a dot is a file. */
static void paths_make(struct text *all)
{
	static const char *const dirs[] = {"a", "b", "ab"};
	static const char *const files[] = {"a.c", "b.c", "aa", "b"};
	struct text t = {0};

	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < 4; j++)
			for (unsigned k = 0; k < 3; k++) {
				t.len = 0;
				if (i < 3)
					text_printf(&t, "%s/", dirs[i]);
				if (i < 3 && j < 3)
					text_printf(&t, "%s/", dirs[j]);
				text_puts(&t, files[k]);
				make(t.s, "");
				text_printf(all, "%s\n", t.s);
			}
	text_free(&t);
}

static void compare(const char *paths, const char *theirs, const char *rules)
{
	struct ignore *user = ignore_new(top, NULL);
	char *copy = xstrdup(paths), *save = NULL, *p;
	char *fenced = xasprintf("\n%s", theirs);

	for (p = strtok_r(copy, "\n", &save); p;
	     p = strtok_r(NULL, "\n", &save)) {
		char *line = xasprintf("\n%s\n", p);
		bool git_says = strstr(fenced, line) != NULL;

		if (!CHECK_INT_EQ(ours(user, p), git_says))
			printf("# path %s, rules:\n%s", p, rules);
		free(line);
	}
	free(fenced);
	free(copy);
	ignore_unref(user);
}

/* Writes rules for two folders; RULES gets them for a message. */
static void rules_make(struct text *rules)
{
	struct text deeper = {0};

	rules->len = 0;
	random_rules(rules);
	make(".gitignore", rules->s);
	text_puts(&deeper, "");
	if (dice(2))
		random_rules(&deeper);
	make("a/.gitignore", deeper.s);
	text_printf(rules, "--- a:\n%s", deeper.s);
	text_free(&deeper);
}

static void random_trees_agree_with_git(void)
{
	struct text paths = {0}, rules = {0};

	tree_start();
	if (!git_init()) {
		tree_end();
		CHECK_SKIP("git is not installed");
	}
	paths_make(&paths);
	for (dice_state = 1; dice_state <= ROUNDS && !check_now.failures;) {
		unsigned seed = dice_state;
		char *theirs;

		rules_make(&rules);
		theirs = git_ignored(paths.s);
		if (CHECK(theirs != NULL))
			compare(paths.s, theirs, rules.s);
		free(theirs);
		dice_state = seed + 1;
	}
	text_free(&paths);
	text_free(&rules);
	tree_end();
}

/* --- where rules come from ----------------------------------------------- */

static void deeper_rules_win(void)
{
	struct ignore *user;

	tree_start();
	make(".gitignore", "*.c\n!keep.h\n*.h\n");
	make("a/.gitignore", "!x.c\nkeep.h\n");
	user = ignore_new(top, NULL);
	CHECK(!ours(user, "a/x.c"));
	CHECK(ours(user, "x.c"));
	CHECK(ours(user, "a/y.c"));
	CHECK(ours(user, "a/keep.h"));
	ignore_unref(user);
	tree_end();
}

static void exclude_file_comes_last(void)
{
	struct ignore *user;

	tree_start();
	make("info/exclude", "*.x\n*.y\n");
	make(".gitignore", "!*.y\n");
	user = ignore_new(top, NULL);
	CHECK(ours(user, "a.x"));
	CHECK(!ours(user, "a.y"));
	ignore_unref(user);
	tree_end();
}

static void users_patterns_win(void)
{
	static const char *const patterns[] = {"!gen.h", "/scratch/", NULL};
	struct ignore *user;

	tree_start();
	make(".gitignore", "gen.h\n!scratch/\n");
	user = ignore_new(top, patterns);
	CHECK(!ours(user, "a/gen.h"));
	CHECK(ours(user, "scratch/x.c"));
	CHECK(!ours(user, "a/scratch/x.c"));
	ignore_unref(user);
	tree_end();
}

static void symlinked_rules_are_not_read(void)
{
	struct ignore *user;
	char *link;

	tree_start();
	make("rules", "*.c\n");
	link = path_join(top, ".gitignore");
	CHECK_INT_EQ(symlink("rules", link), 0);
	user = ignore_new(top, NULL);
	CHECK(!ours(user, "x.c"));
	ignore_unref(user);
	free(link);
	tree_end();
}

static void built_in_names(void)
{
	static const struct {
		const char *name;
		bool dir, ignored;
	} names[] = {
	    {".git", true, true},         {".git", false, true},
	    {"prog.hot", true, true},     {"prog.hot", false, false},
	    {".hotwatch", true, true},    {".hotwatch", false, false},
	    {"4913", false, true},        {"4913", true, false},
	    {"mod.c~", false, true},      {"~", false, false},
	    {".mod.c.swp", false, true},  {".mod.c.swx", false, true},
	    {"mod.swp", false, false},    {".swp", false, false},
	    {".#mod.c", false, true},     {"#mod.c#", false, true},
	    {"#mod.c", false, false},     {"#", false, false},
	    {"a.tmp-17", false, true},    {"a.tmp-", false, false},
	    {"a.tmp-1x", false, false},   {"-1", false, false},
	    {".gitignore", false, false}, {"mod.c", false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!CHECK_INT_EQ(ignore_name(names[i].name, names[i].dir),
				  names[i].ignored))
			CHECK_STR_EQ(names[i].name, NULL);
}

static void long_patterns_take_no_time(void)
{
	struct ignore *user;
	char name[256];

	tree_start();
	make(".gitignore", "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\n"
			   "x/**/a/**/a/**/a/**/a/**/a/**/a/**/b\n");
	memset(name, 'a', 200);
	name[200] = '\0';
	user = ignore_new(top, NULL);
	CHECK(!ours(user, name));
	CHECK(!ours(user, "x/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/c"));
	ignore_unref(user);
	tree_end();
}

static const struct check tests[] = {
    {"each rule means what git says it means", table_holds},
    {"made-up rules mean what git says they mean", random_trees_agree_with_git},
    {"a deeper file's rules win", deeper_rules_win},
    {"info/exclude is asked last", exclude_file_comes_last},
    {"the user's own patterns win", users_patterns_win},
    {"a symlinked .gitignore is not read", symlinked_rules_are_not_read},
    {"names of editors and of ours are built in", built_in_names},
    {"patterns with many stars take no time", long_patterns_take_no_time},
};
CHECK_MAIN(tests)
