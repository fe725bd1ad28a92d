/* SPDX-License-Identifier: MIT
 *
 * hotwatch doctor, the project: its settings, its hot build, its watcher and
 * its processes.
 */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "watcher/binary.h"
#include "watcher/cc.h"
#include "watcher/client.h"
#include "watcher/doctor.h"
#include "watcher/jsonget.h"
#include "watcher/manifest.h"
#include "watcher/pollpass.h"
#include "watcher/project.h"
#include "watcher/settings.h"

static void look_root(const struct patient *p, struct finding *f)
{
	if (p->root)
		finding_set(f, VERDICT_OK, NULL, "%s", p->root);
	else
		finding_set(f, VERDICT_WARN,
			    "go to the project's folder, or name a program",
			    "no project here: no hotwatch.json, .git or hot "
			    "build");
}

static void look_settings(const struct patient *p, struct finding *f)
{
	char *path, *err = NULL;
	struct settings s;

	if (!p->root)
		return;
	path = path_join(p->root, "hotwatch.json");
	settings_init(&s);
	if (settings_read(&s, path, &err) < 0)
		finding_set(f, VERDICT_FAIL, "mend the settings", "%s", err);
	else if (file_exists(path))
		finding_set(f, VERDICT_OK, NULL, "%s", path);
	settings_free(&s);
	free(path);
	free(err);
}

static void look_file_system(const struct patient *p, struct finding *f)
{
	const char *kind = NULL;

	if (!p->root)
		return;
	if (pollpass_needed(p->root, &kind))
		finding_set(f, VERDICT_WARN,
			    "keep the sources on a local disk for speed",
			    "%s does not tell of changes; the sources are "
			    "looked at again and again instead",
			    kind);
	else
		finding_set(f, VERDICT_OK, NULL, "tells of changes");
}

/* What a hot build leaves should not be committed. */
static void look_ignored(const struct patient *p, struct finding *f)
{
	char *argv[] = {
	    "/usr/bin/env",   "git", "-C", NULL, "check-ignore", "-q", "--",
	    "x.hot/obj/x.so", NULL};
	char *git, *err = NULL;
	int status;

	if (!p->root)
		return;
	git = path_join(p->root, ".git");
	if (file_exists(git)) {
		argv[3] = p->root;
		status = cc_run(argv,
				&(struct cc_pipes){.out = "/dev/null",
						   .err = "/dev/null"},
				&err);
		if (status == 1)
			finding_set(f, VERDICT_WARN,
				    "add *.hot/ and .hotwatch/ to .gitignore",
				    "git does not ignore what a hot build "
				    "leaves");
		else if (status == 0)
			finding_set(f, VERDICT_OK, NULL,
				    "*.hot is ignored by git");
	}
	free(git);
	free(err);
}

/* --- the hot build ------------------------------------------------------- */

/* A program that has a hot build in the folder DIR, malloc'd, or NULL. */
static char *program_in(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char *path = NULL;

	while (d && !path && (e = readdir(d)))
		if (ends_with(e->d_name, ".hot"))
			path = xasprintf("%s/%.*s", dir,
					 (int)strlen(e->d_name) - 4, e->d_name);
	if (d)
		closedir(d);
	return path;
}

/* The first file of the build that is not there, or NULL. */
static const char *missing_file(const struct manifest *m)
{
	if (!file_exists(m->stubs))
		return m->stubs;
	for (size_t i = 0; i < m->nmodules; i++) {
		const struct manifest_module *u = &m->modules[i];

		if (!file_exists(u->file))
			return u->file;
		if (u->depfile && !file_exists(u->depfile))
			return u->depfile;
	}
	return NULL;
}

static size_t count_sources_gone(const struct manifest *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->nmodules; i++)
		n += !file_exists(m->modules[i].source);
	return n;
}

static void look_manifest(const char *program, struct finding *f)
{
	char *path = xasprintf("%s.hot/manifest.json", program), *err = NULL;
	struct manifest *m = NULL;
	const char *missing;

	if (manifest_read(&m, path, &err) < 0)
		finding_set(f, VERDICT_FAIL, "build it again", "%s", err);
	else if ((missing = missing_file(m)))
		finding_set(f, VERDICT_FAIL, "make clean, and build it again",
			    "%s: %s is missing", program, missing);
	else if (count_sources_gone(m))
		finding_set(f, VERDICT_WARN, "build it again",
			    "%s: %zu of its sources are gone", program,
			    count_sources_gone(m));
	else
		finding_set(f, VERDICT_OK, NULL, "%s: %zu module%s", program,
			    m->nmodules, m->nmodules == 1 ? "" : "s");
	manifest_free(m);
	free(path);
	free(err);
}

static void look_build(const struct patient *p, struct finding *f)
{
	char *program = p->program ? xstrdup(p->program) : program_in(".");
	char *root = NULL, *err = NULL;

	if (!program)
		return;
	if (!file_exists(program))
		finding_set(f, VERDICT_FAIL, "build it", "%s: no such file",
			    program);
	else if (binary_kind(program, &root, &err) == BINARY_HOT)
		look_manifest(program, f);
	else
		finding_set(f, VERDICT_FAIL,
			    "build it with make CC=\"hotwatch cc\"", "%s",
			    err ? err : "a script, not a program");
	free(program);
	free(root);
	free(err);
}

/* --- what runs ----------------------------------------------------------- */

static void look_watcher(const struct patient *p, struct finding *f)
{
	struct client_error e = {0};
	struct client *c = NULL;
	cJSON *hello = NULL;

	if (!p->root)
		return;
	if (project_connect(p->root, &c, NULL, NULL, NULL) < 0)
		finding_set(f, VERDICT_OK,
			    "`hotwatch run` or `hotwatch watch` starts one",
			    "none runs");
	else if (client_call(c, "watch/hello", NULL, &hello, &e) < 0)
		finding_set(f, VERDICT_FAIL, "end it and start it again",
			    "it does not answer: %s", e.message);
	else
		finding_set(f, VERDICT_OK, NULL, "pid %d",
			    json_int(hello, "pid", 0));
	cJSON_Delete(hello);
	client_error_free(&e);
	client_close(c);
}

static const cJSON *first_unreloadable(const struct patient *p)
{
	const cJSON *t;

	cJSON_ArrayForEach(t, p->targets)
	{
		if (json_at(t, "reloadable") && !json_true(t, "reloadable"))
			return t;
	}
	return NULL;
}

static void look_targets(const struct patient *p, struct finding *f)
{
	const cJSON *bad = first_unreloadable(p);
	int n = cJSON_GetArraySize(p->targets);

	if (p->silent > 0)
		finding_set(f, VERDICT_FAIL,
			    "look whether they are stopped (ps), go on or end "
			    "them",
			    "%d process%s did not answer", p->silent,
			    p->silent == 1 ? "" : "es");
	else if (bad)
		finding_set(f, VERDICT_FAIL, "mend that, and start it again",
			    "pid %d cannot be loaded into: %s",
			    json_int(bad, "pid", 0), json_str(bad, "reason"));
	else if (n == 0)
		finding_set(f, VERDICT_OK,
			    "start one with `hotwatch run PROGRAM`",
			    "no hot-built program runs");
	else
		finding_set(f, VERDICT_OK, NULL,
			    "%d process%s can be loaded into", n,
			    n == 1 ? "" : "es");
}

const struct examination doctor_project[] = {
    {"project", look_root},
    {"settings", look_settings},
    {"file system", look_file_system},
    {"git", look_ignored},
    {"build", look_build},
    {"watcher", look_watcher},
    {"processes", look_targets},
    {NULL, NULL},
};
