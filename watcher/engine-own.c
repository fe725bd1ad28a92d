/* SPDX-License-Identifier: MIT
 *
 * The project's own build command (`build` in hotwatch.json), for what is in no
 * compile's dependencies: a grammar that sources are generated from, a
 * makefile, a list of sources. Such a file's save runs the command, in a shell
 * at the root. What it makes anew is seen as any other save, and new modules by
 * the manifest that `hotwatch cc` writes, so nothing is asked of the command
 * but that it does what a person would do by hand.
 *
 * A build writes files too, which are in no compile's dependencies either. They
 * must not begin the next one, so what is heard of while one runs, and until
 * the watch has told all that it did, counts as its own. But a file whose save
 * has begun a build before is a person's: saved meanwhile, it begins another
 * one. Objects, archives and programs never do, and what .gitignore or `ignore`
 * names is not told at all.
 *
 * The loop's thread.
 */
#include "watcher/engine-internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "watcher/proc.h"

#define TOLD_LINES 12 /* of what a failed build said, at most */

extern char **environ;

struct own {
	struct engine *e;
	struct proc *proc; /* while it runs */
	bool busy;         /* until its own files have been told */
	bool again;
	uint64_t began;
	char *command;        /* as it runs: the settings may change */
	char *path;           /* whose save began it */
	struct strmap inputs; /* paths whose saves began a build */
};

static void own_start(struct own *o);

/* --- one build ------------------------------------------------------------ */

/* The last lines, a notice each. */
static void tell_tail(struct engine *e, const char *said)
{
	const char *from = said + strlen(said);

	for (int n = 0; from > said; from--)
		if (from[-1] == '\n' && from[0] && ++n == TOLD_LINES)
			break;
	for (size_t len; *from; from += len + !!from[len]) {
		len = strcspn(from, "\n");
		if (len)
			engine_notice(e, EVENT_NOTICE, "%.*s", (int)len, from);
	}
}

static void tell(const struct own *o, const struct proc_result *r)
{
	double ms = (double)(uv_hrtime() - o->began) / 1e6;

	if (r->ok) {
		engine_notice(o->e, EVENT_NOTICE,
			      "build: `%s` for %s in %.0f ms", o->command,
			      path_base(o->path), ms);
		return;
	}
	engine_notice(o->e, EVENT_NOTICE, "build: `%s` for %s %s %d",
		      o->command, path_base(o->path),
		      r->signal ? "was ended by signal" : "failed with status",
		      r->signal ? r->signal : r->status);
	tell_tail(o->e, r->output);
}

static void own_settled(int status, void *arg)
{
	struct own *o = arg;
	struct engine *e = o->e;

	(void)status;
	o->busy = false;
	if (o->again && !e->closing && e->settings.build)
		own_start(o);
	engine_pump(e);
}

static void own_ended(const struct proc_result *r, void *arg)
{
	struct own *o = arg;

	o->proc = NULL;
	if (o->e->closing) {
		engine_handle_closed(o->e);
		return;
	}
	o->e->handles--;
	tell(o, r);
	if (watch_sync(o->e->watch, own_settled, o) < 0)
		own_settled(0, o);
}

static void own_start(struct own *o)
{
	char *argv[] = {"/bin/sh", "-c", NULL, NULL};

	free(o->command);
	argv[2] = o->command = xstrdup(o->e->settings.build);
	o->again = false;
	o->busy = true;
	o->began = uv_hrtime();
	o->e->handles++;
	o->proc =
	    proc_run(o->e->loop, argv, environ, o->e->root, -1, own_ended, o);
}

/* --- what begins one ------------------------------------------------------ */

/* An object, an archive or a program: made, not written. */
static bool is_product(const char *path)
{
	char head[8] = "";
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(head, 1, sizeof(head), f) : 0;

	if (f)
		fclose(f);
	return (n >= 4 && !memcmp(head, "\177ELF", 4)) ||
	       (n == 8 && !memcmp(head, "!<arch>\n", 8)) ||
	       (n == 8 && !memcmp(head, "!<thin>\n", 8));
}

/* Ours: its manifest is watched, so the other files are told as well. */
static bool in_hot_folder(const char *path)
{
	const char *hot = strstr(path, ".hot/");

	return hot && !strchr(hot + strlen(".hot/"), '/');
}

void own_changed(struct engine *e, const char *path)
{
	struct own *o = e->own;
	struct stat st;

	if (!e->settings.build || !path_under(path, e->root) ||
	    in_hot_folder(path + strlen(e->root)) || lstat(path, &st) < 0 ||
	    !S_ISREG(st.st_mode) || !st.st_size || is_product(path))
		return; /* an empty one is just being written */
	if (o->busy) {
		o->again |= strmap_get(&o->inputs, path) != NULL;
		return;
	}
	free(o->path);
	o->path = xstrdup(path);
	strmap_put(&o->inputs, path, o);
	own_start(o);
}

bool own_busy(const struct engine *e)
{
	return e->own->busy;
}

/* --- with the engine ------------------------------------------------------ */

struct own *own_new(struct engine *e)
{
	struct own *o = xcalloc(1, sizeof(*o));

	o->e = e;
	return o;
}

void own_close(struct own *o)
{
	if (o->proc)
		proc_kill(o->proc);
}

void own_free(struct own *o)
{
	strmap_free(&o->inputs);
	free(o->command);
	free(o->path);
	free(o);
}
