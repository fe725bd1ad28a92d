/* SPDX-License-Identifier: MIT
 *
 * Depfiles, and the graph from files to their users.
 */
#include "tests/unit/check.h"
#include "watcher/depfile.h"
#include "watcher/depgraph.h"
#include "watcher/util.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- depfiles ------------------------------------------------------------ */

static void check_deps(const char *text, const char *want)
{
	struct strv deps = {0};
	struct text got = {0};

	depfile_parse(&deps, text, "/d");
	for (size_t i = 0; i < deps.n; i++)
		text_printf(&got, "%s|", deps.v[i]);
	CHECK_STR_EQ(got.s ? got.s : "", want);
	strv_free(&deps);
	text_free(&got);
}

static void plain(void)
{
	check_deps("a.o: a.c b.h /q/c.h\n", "/d/a.c|/d/b.h|/q/c.h|");
	check_deps("a.o: a.c \\\n  b.h \\\n  ../c.h\n", "/d/a.c|/d/b.h|/c.h|");
	check_deps("a.o: a.c \\\r\n  b.h\r\n", "/d/a.c|/d/b.h|");
	check_deps("a.o:\\\n a.c", "/d/a.c|");
	check_deps("a.o:\n", "");
	check_deps("", "");
}

static void escapes(void)
{
	check_deps("a.o: my\\ file.c x\\#y.h c$$d.h\n",
		   "/d/my file.c|/d/x#y.h|/d/c$d.h|");
	check_deps("a.o: back\\\\\\ slash.h a\\b.h\n",
		   "/d/back\\ slash.h|/d/a\\b.h|");
	check_deps("my\\ dir/a.o: a.c\n", "/d/a.c|");
	check_deps("x:y.o: a.c\n", "/d/a.c|");
}

static void phony_rules(void)
{
	check_deps("a.o: a.c b.h\n\nb.h:\n\nc.h:\n", "/d/a.c|/d/b.h|");
}

static void repeats(void)
{
	check_deps("a.o: a.c b.h ./b.h x/../b.h\n", "/d/a.c|/d/b.h|");
}

/* clang's own escaping, read back. */
static void clang_agrees(void)
{
	static const char name[] = "o d#d$  name.h";
	struct strv deps = {0};
	char *cwd = getcwd(NULL, 0), *want, *err = NULL;
	char dir[] = "hw-dep-XXXXXX";

	CHECK(mkdtemp(dir) != NULL);
	CHECK_INT_EQ(chdir(dir), 0);
	CHECK_INT_EQ(file_write(name, "", 0, NULL), 0);
	CHECK_INT_EQ(file_write("a.c", "#include \"o d#d$  name.h\"\n", 26,
				NULL),
		     0);
	CHECK_INT_EQ(system("clang-19 -MD -MF a.d -c a.c -o a.o"), 0);
	want = xasprintf("%s/%s/%s", cwd, dir, name);
	free(cwd);
	cwd = getcwd(NULL, 0);
	if (depfile_read(&deps, "a.d", cwd, &err) < 0)
		CHECK_STR_EQ(err, NULL);
	CHECK_INT_EQ(deps.n, 2);
	CHECK_STR_EQ(deps.n > 1 ? deps.v[1] : NULL, want);
	strv_free(&deps);
	CHECK_INT_EQ(system("rm -f ./*; cd .. && rmdir hw-dep-??????"), 0);
	CHECK_INT_EQ(chdir(".."), 0);
	free(want);
	free(cwd);
	free(err);
}

/* --- the graph ----------------------------------------------------------- */

static struct {
	char *dir;
	struct depgraph *g;
	struct depuser u, v;
	char users[8]; /* who was named, in order of the alphabet */
} t;

static char *in_dir(const char *name)
{
	return path_join(t.dir, name);
}

static void put(const char *name, const char *content)
{
	char *path = in_dir(name);

	CHECK_INT_EQ(file_write(path, content, strlen(content), NULL), 0);
	free(path);
}

static int changed(const char *name)
{
	char *path = in_dir(name);
	int c = depgraph_check(t.g, path);

	free(path);
	return c;
}

static bool uses(struct depuser *u, const char *a, const char *b, int64_t since)
{
	char *paths[] = {in_dir(a), b ? in_dir(b) : NULL, NULL};
	bool late = depgraph_set(t.g, u, paths, since);

	free(paths[0]);
	free(paths[1]);
	return late;
}

static void name_user(void *owner, void *arg)
{
	(void)arg;
	strcat(t.users, owner);
}

static const char *users_of(const char *name)
{
	char *path = in_dir(name);

	t.users[0] = '\0';
	depgraph_users(t.g, path, name_user, NULL);
	free(path);
	if (t.users[0] > t.users[1] && t.users[1]) {
		char c = t.users[0];

		t.users[0] = t.users[1];
		t.users[1] = c;
	}
	return t.users;
}

static void begin(void)
{
	char name[] = "hw-graph-XXXXXX", *cwd = getcwd(NULL, 0);

	CHECK(mkdtemp(name) != NULL);
	memset(&t, 0, sizeof(t));
	t.dir = path_join(cwd, name);
	t.g = depgraph_new();
	t.u.owner = "u";
	t.v.owner = "v";
	put("a.c", "a");
	put("b.c", "b");
	put("h.h", "h");
	free(cwd);
}

static void end(void)
{
	char *command = xasprintf("rm -rf '%s'", t.dir);

	depgraph_clear(t.g, &t.u);
	depgraph_clear(t.g, &t.v);
	depgraph_free(t.g);
	CHECK_INT_EQ(system(command), 0);
	free(command);
	free(t.dir);
}

static void header_names_its_users(void)
{
	begin();
	uses(&t.u, "a.c", "h.h", 0);
	uses(&t.v, "b.c", "h.h", 0);
	CHECK_STR_EQ(users_of("h.h"), "uv");
	CHECK_STR_EQ(users_of("a.c"), "u");
	CHECK_STR_EQ(users_of("x.c"), "");
	uses(&t.u, "a.c", NULL, 0);
	CHECK_STR_EQ(users_of("h.h"), "v");
	end();
}

static void content_counts(void)
{
	begin();
	uses(&t.u, "a.c", "h.h", 0);
	put("h.h", "h");
	CHECK_INT_EQ(changed("h.h"), DEPGRAPH_SAME);
	put("h.h", "H");
	CHECK_INT_EQ(changed("h.h"), DEPGRAPH_CHANGED);
	CHECK_INT_EQ(changed("h.h"), DEPGRAPH_SAME);
	CHECK_INT_EQ(changed("b.c"), DEPGRAPH_UNKNOWN);
	end();
}

static void absence_is_not_a_change(void)
{
	char *path;

	begin();
	uses(&t.u, "a.c", "h.h", 0);
	path = in_dir("h.h");
	unlink(path);
	CHECK_INT_EQ(changed("h.h"), DEPGRAPH_ABSENT);
	put("h.h", "h");
	CHECK_INT_EQ(changed("h.h"), DEPGRAPH_SAME);
	unlink(path);
	CHECK_INT_EQ(changed("h.h"), DEPGRAPH_ABSENT);
	depgraph_accept_absent(t.g, path);
	CHECK(depgraph_inputs(&t.u) == 0);
	put("h.h", "h");
	CHECK_INT_EQ(changed("h.h"), DEPGRAPH_CHANGED);
	free(path);
	end();
}

static void inputs_follow_content(void)
{
	uint64_t first, second;

	begin();
	uses(&t.u, "a.c", "h.h", 0);
	first = depgraph_inputs(&t.u);
	put("h.h", "other");
	changed("h.h");
	second = depgraph_inputs(&t.u);
	CHECK(first != second);
	put("h.h", "h");
	changed("h.h");
	CHECK_INT_EQ(depgraph_inputs(&t.u), first);
	end();
}

static size_t written(void)
{
	struct strv paths = {0};
	size_t n;

	depgraph_written(&t.u, &paths);
	n = paths.n;
	strv_free(&paths);
	return n;
}

/* What was compiled meanwhile may be the other content: contents cannot tell,
 * the stamp can, whether the file was looked at in between or not. */
static void there_and_back_is_told(void)
{
	uint64_t before;

	begin();
	uses(&t.u, "a.c", "h.h", 0);
	before = depgraph_stamp(&t.u);
	CHECK_INT_EQ(written(), 0);
	put("h.h", "H");
	put("h.h", "h");
	CHECK_INT_EQ(written(), 1);
	CHECK_INT_EQ(changed("h.h"), DEPGRAPH_SAME);
	CHECK_INT_EQ(written(), 0);
	CHECK(depgraph_stamp(&t.u) != before);
	end();
}

/* A link and what it points to are one file under two names. */
static void links_are_followed(void)
{
	char *to, *link;

	begin();
	to = in_dir("h.h");
	link = in_dir("link.h");
	CHECK_INT_EQ(symlink(to, link), 0);
	uses(&t.u, "a.c", "link.h", 0);
	CHECK_STR_EQ(users_of("h.h"), "u");
	CHECK_STR_EQ(users_of("link.h"), "u");
	put("h.h", "by its real name");
	CHECK_INT_EQ(changed("h.h"), DEPGRAPH_CHANGED);
	CHECK_INT_EQ(changed("link.h"), DEPGRAPH_SAME);
	free(to);
	free(link);
	end();
}

/* A file that was not known and is as new as the compile was perhaps read in
 * another state. */
static void late_files_are_noticed(void)
{
	begin();
	CHECK(!uses(&t.u, "a.c", "h.h", INT64_MAX - 1));
	CHECK(uses(&t.v, "b.c", "h.h", 1));
	CHECK(!uses(&t.v, "b.c", "h.h", 1));
	end();
}

static const struct check tests[] = {
    {"a rule's prerequisites, on one line or many", plain},
    {"make's escapes are undone", escapes},
    {"rules without prerequisites are passed over", phony_rules},
    {"one file by two spellings is one", repeats},
    {"what clang writes is read back", clang_agrees},
    {"a header names its users", header_names_its_users},
    {"content counts, not time", content_counts},
    {"absence is not a change until it is accepted", absence_is_not_a_change},
    {"inputs are a function of content", inputs_follow_content},
    {"a file written there and back is told", there_and_back_is_told},
    {"a symbolic link and its target are one", links_are_followed},
    {"a file changed during the compile is noticed", late_files_are_noticed},
};
CHECK_MAIN(tests)
