/* SPDX-License-Identifier: MIT
 *
 * The real editors and git, each run in a watched tree while the loop runs.
 * What must hold: whoever reads a file each time it is told has the disk's
 * content in the end, never reads a half of it, and hears of nothing else.
 * A tool that is not installed is skipped.
 */
#include "tests/unit/watch-fixture.h"

#define FILES 200

static char *content;    /* of mod.c, when last told; "" while missing */
static unsigned partial; /* times that it was told without its end mark */

static void read_it(void)
{
	if (told_count("mod.c") == 0)
		return;
	free(content);
	content = NULL;
	if (file_read(at("mod.c"), &content, NULL, NULL) < 0)
		content = xstrdup("");
	partial += strstr(content, "/* end */") == NULL;
}

/* --- running a tool ------------------------------------------------------ */

static int64_t exit_status;
static bool ended;

static void on_exit_of_tool(uv_process_t *p, int64_t status, int signal)
{
	exit_status = signal ? -signal : status;
	ended = true;
	uv_close((uv_handle_t *)p, NULL);
}

static bool has_ended(void)
{
	return ended;
}

static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin",
					  "TERM=dumb",
					  "LC_ALL=C",
					  "GIT_CONFIG_NOSYSTEM=1",
					  "GIT_CONFIG_GLOBAL=/dev/null",
					  "GIT_AUTHOR_NAME=a",
					  "GIT_AUTHOR_EMAIL=a@example.org",
					  "GIT_COMMITTER_NAME=a",
					  "GIT_COMMITTER_EMAIL=a@example.org",
					  "GIT_EDITOR=true",
					  NULL,
					  NULL};

/* Runs ARGV in the tree; false if it is not installed. */
static bool run(const char *const *argv)
{
	uv_process_options_t o = {.file = argv[0],
				  .args = (char **)argv,
				  .cwd = fx.root,
				  .exit_cb = on_exit_of_tool};
	uv_process_t p;
	const char *env[ARRAY_SIZE(environment)];
	char *home = xasprintf("HOME=%s", fx.dir);
	int r;

	memcpy(env, environment, sizeof(env));
	env[ARRAY_SIZE(env) - 2] = home;
	o.env = (char **)env;
	ended = false;
	r = uv_spawn(&fx.loop, &p, &o);
	free(home);
	if (r < 0) {
		uv_close((uv_handle_t *)&p, NULL);
		uv_run(&fx.loop, UV_RUN_NOWAIT);
		return false;
	}
	fx_until(has_ended);
	uv_run(&fx.loop, UV_RUN_NOWAIT);
	CHECK_INT_EQ(exit_status, 0);
	return true;
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

/* --- editors ------------------------------------------------------------- */

static void start_with_file(void)
{
	fx_prepare();
	write_file("mod.c", "int f = 1;\n/* end */\n");
	content = xstrdup("");
	partial = 0;
	fx_open(NULL);
	fx.hook = read_it;
}

/* OTHERS: the tool makes temporary files whose names nobody can know. */
static void end_with(const char *want, bool ran, bool others)
{
	char *told;

	if (ran) {
		fx_sync();
		CHECK_STR_EQ(content, want);
		CHECK_INT_EQ(partial, 0);
		told = take_told();
		if (!others)
			CHECK_STR_EQ(told, "mod.c");
		free(told);
	}
	free(content);
	fx_end();
	if (!ran)
		CHECK_SKIP("not installed");
}

#define EDITED "int f = 2;\n/* end */\n"

/* One save each: a reader may meet the next one in the middle. */
static void vim_renames(void)
{
	start_with_file();
	end_with(EDITED,
		 RUN("vim", "-u", "NONE", "-N", "-es", "-c",
		     "set backupcopy=no", "-c", "%s/1/2/", "-c", "wq", "mod.c"),
		 false);
}

static void vim_keeps_a_backup(void)
{
	start_with_file();
	end_with(EDITED,
		 RUN("vim", "-u", "NONE", "-N", "-es", "-c",
		     "set backupcopy=no backup", "-c", "%s/1/2/", "-c", "wq",
		     "mod.c"),
		 false);
}

static void vim_in_place(void)
{
	start_with_file();
	end_with(EDITED,
		 RUN("vim", "-u", "NONE", "-N", "-es", "-c",
		     "set backupcopy=yes", "-c", "%s/1/2/", "-c", "wq",
		     "mod.c"),
		 false);
}

#define LISP(from, to)                                                  \
	"(progn (goto-char (point-min)) (while (search-forward \"" from \
	"\" nil t) (replace-match \"" to "\")) (save-buffer))"

static void emacs_in_place(void)
{
	start_with_file();
	end_with(EDITED,
		 RUN("emacs", "-Q", "--batch", "mod.c", "--eval",
		     LISP("1", "2")),
		 false);
}

/* Two saves: each is a rename, so no reader ever meets a half. */
static void emacs_precious(void)
{
	start_with_file();
	end_with(EDITED,
		 RUN("emacs", "-Q", "--batch", "mod.c", "--eval",
		     "(setq file-precious-flag t)", "--eval", LISP("1", "3"),
		     "--eval", LISP("3", "2")),
		 true);
}

static void sed_in_place(void)
{
	fx_start();
	write_file("mod.c", "int f = 1;\n/* end */\n");
	fx_sync();
	free(take_told());
	content = xstrdup("");
	partial = 0;
	fx.hook = read_it;
	if (CHECK(RUN("sed", "-i", "s/1/2/", "mod.c")))
		fx_sync();
	CHECK_STR_EQ(content, EDITED);
	CHECK_INT_EQ(partial, 0);
	CHECK(told_count("mod.c") > 0);
	free(content);
	fx_end();
}

/* --- git ----------------------------------------------------------------- */

static void write_files(const char *text)
{
	char name[32];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "d%d/f%d.c", i % 10, i);
		write_file(name, text);
	}
}

/* A repository with FILES files that differ between main and other. */
static bool repository(void)
{
	fx_prepare();
	if (!RUN("git", "init", "-q", "-b", "main"))
		return false;
	write_files("main\n");
	write_file("base.c", "1\n");
	RUN("git", "add", ".");
	RUN("git", "commit", "-q", "-m", "1");
	RUN("git", "checkout", "-q", "-b", "other");
	write_files("other\n");
	RUN("git", "commit", "-q", "-a", "-m", "2");
	RUN("git", "checkout", "-q", "main");
	return fx_open(NULL);
}

static bool all_differ(void)
{
	char name[32];
	size_t n = 0;

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "d%d/f%d.c", i % 10, i);
		n += told_count(name) > 0;
	}
	return CHECK_INT_EQ(n, FILES);
}

#define NEEDS_GIT()                                         \
	do {                                                \
		if (!repository()) {                        \
			fx_end();                           \
			CHECK_SKIP("git is not installed"); \
		}                                           \
	} while (0)

static void a_checkout_is_one_batch(void)
{
	NEEDS_GIT();
	RUN("git", "checkout", "-q", "other");
	fx_sync();
	all_differ();
	CHECK_INT_EQ(fx.batches, 1);
	CHECK_INT_EQ(fx.largest, FILES);
	free(take_told());
	RUN("git", "checkout", "-q", "main");
	fx_sync();
	all_differ();
	CHECK_INT_EQ(fx.batches, 1);
	fx_end();
}

static void a_rebase_ends_in_all_files(void)
{
	NEEDS_GIT();
	write_file("base.c", "2\n");
	RUN("git", "commit", "-q", "-a", "-m", "3");
	RUN("git", "checkout", "-q", "other");
	fx_sync();
	free(take_told());
	RUN("git", "rebase", "-q", "main");
	fx_sync();
	CHECK(told_count("base.c") > 0);
	CHECK(!watch_git_busy(fx.w));
	fx_end();
}

static void a_stash_is_told(void)
{
	NEEDS_GIT();
	write_file("base.c", "2\n");
	fx_sync();
	free(take_told());
	RUN("git", "stash", "-q");
	expect_told("base.c");
	RUN("git", "stash", "pop", "-q");
	expect_told("base.c");
	fx_end();
}

static void a_linked_work_tree_is_one_batch(void)
{
	char *root;

	NEEDS_GIT();
	watch_close(fx.w);
	RUN("git", "worktree", "add", "-q", "../linked", "-b", "third");
	root = path_join(fx.dir, "linked");
	free(fx.root);
	fx.root = root;
	fx_open(NULL);
	RUN("git", "checkout", "-q", "other");
	fx_sync();
	all_differ();
	CHECK_INT_EQ(fx.batches, 1);
	fx_end();
}

static const struct check tests[] = {
    {"vim, which renames", vim_renames},
    {"vim, which keeps a backup", vim_keeps_a_backup},
    {"vim, in place", vim_in_place},
    {"Emacs, in place", emacs_in_place},
    {"Emacs with file-precious-flag", emacs_precious},
    {"sed -i", sed_in_place},
    {"a git checkout of 200 files is one batch", a_checkout_is_one_batch},
    {"a git rebase ends in all files", a_rebase_ends_in_all_files},
    {"a git stash is told", a_stash_is_told},
    {"a checkout in a linked work tree is one batch",
     a_linked_work_tree_is_one_batch},
};
CHECK_MAIN(tests)
