/* SPDX-License-Identifier: MIT
 *
 * hotwatch doctor, the machine: kernel, C library, compiler, linker, and what
 * a sandbox may forbid.
 */
#include <errno.h>
#include <gnu/libc-version.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "watcher/cc.h"
#include "watcher/doctor.h"
#include "watcher/paths.h"

#define INSTANCES_FEW 16 /* inotify instances */
#define WATCHES_FEW 8192 /* watched folders, all programs together */
#define SOCKET_NAME 40   /* the longest name below the runtime folder */
#define NUMBER_OF(file) number_in("/proc/sys/fs/inotify/" file)

static void look_kernel(const struct patient *p, struct finding *f)
{
	struct utsname u;

	(void)p;
	uname(&u);
	if (strcmp(u.sysname, "Linux") != 0 || strcmp(u.machine, "x86_64") != 0)
		finding_set(f, VERDICT_FAIL, "use a Linux/x86-64 machine",
			    "%s/%s is not supported", u.sysname, u.machine);
	else
		finding_set(f, VERDICT_OK, NULL, "%s %s %s", u.sysname,
			    u.release, u.machine);
}

static void look_libc(const struct patient *p, struct finding *f)
{
	(void)p;
	finding_set(f, VERDICT_OK, NULL, "glibc %s", gnu_get_libc_version());
}

/* Whether CLANG takes the flag without which state would be lost. */
static bool takes_flag(char *clang)
{
	static char flag[] = "-fkeep-persistent-storage-variables";
	char *argv[] = {clang,       flag, "-fsyntax-only", "-x", "c",
			"/dev/null", NULL};
	char *err = NULL;
	int status =
	    cc_run(argv,
		   &(struct cc_pipes){.out = "/dev/null", .err = "/dev/null"},
		   &err);

	free(err);
	return status == 0;
}

static void tools_free(struct cc_tools *t)
{
	free(t->clang);
	free(t->lld);
	free(t->linker);
	free(t->include);
	free(t->codeserver);
}

static void look_compiler(const struct patient *p, struct finding *f)
{
	char *include = path_include(NULL), *err = NULL;
	struct cc_tools tools = {0};

	(void)p;
	if (!include)
		return; /* look_files tells; no compiler would do */
	free(include);
	if (cc_tools_find(&tools, &err) < 0)
		finding_set(f, VERDICT_FAIL,
			    "install clang-19, or set HOTWATCH_CLANG", "%s",
			    err);
	else if (!takes_flag(tools.clang))
		finding_set(f, VERDICT_FAIL,
			    "install clang-19, or set HOTWATCH_CLANG",
			    "%s does not take "
			    "-fkeep-persistent-storage-variables",
			    tools.clang);
	else
		finding_set(f, VERDICT_OK, NULL, "%s", tools.clang);
	tools_free(&tools);
	free(err);
}

static void look_linker(const struct patient *p, struct finding *f)
{
	struct cc_tools tools = {0};
	char *err = NULL;

	(void)p;
	if (cc_tools_find(&tools, NULL) < 0)
		; /* told already */
	else if (cc_tools_link(&tools, &err) < 0)
		finding_set(f, VERDICT_FAIL, "install lld of clang's version",
			    "%s", err);
	else
		finding_set(f, VERDICT_OK, NULL, "%s; modules: %s", tools.lld,
			    tools.linker);
	tools_free(&tools);
	free(err);
}

static void look_files(const struct patient *p, struct finding *f)
{
	char *err = NULL, *library = path_codeserver(&err);
	char *include = library ? path_include(&err) : NULL;

	(void)p;
	if (!include)
		finding_set(f, VERDICT_FAIL, "install hotwatch whole", "%s",
			    err);
	else
		finding_set(f, VERDICT_OK, NULL, "%s", library);
	free(library);
	free(include);
	free(err);
}

static void look_runtime(const struct patient *p, struct finding *f)
{
	size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path);
	char *dir = NULL, *err = NULL;

	(void)p;
	if (runtime_dir(&dir, &err) < 0)
		finding_set(f, VERDICT_FAIL,
			    "give XDG_RUNTIME_DIR or TMPDIR a folder of yours",
			    "%s", err);
	else if (strlen(dir) + SOCKET_NAME >= most)
		finding_set(f, VERDICT_FAIL,
			    "set XDG_RUNTIME_DIR to a shorter path",
			    "%s is too long: a socket's path has at most %zu "
			    "bytes",
			    dir, most - 1);
	else
		finding_set(f, VERDICT_OK, NULL, "%s", dir);
	free(dir);
	free(err);
}

/* What the code server does in its thread; here in a process of one thread,
 * where it changes nothing. */
static void look_sandbox(const struct patient *p, struct finding *f)
{
	char from = 1, to = 0;
	struct iovec here = {&to, 1}, there = {&from, 1};
	const char *refused = NULL;

	(void)p;
	if (unshare(CLONE_FILES) < 0)
		refused = "unshare(CLONE_FILES)";
	else if (process_vm_readv(getpid(), &here, 1, &there, 1, 0) != 1)
		refused = "process_vm_readv";
	if (refused)
		finding_set(f, VERDICT_FAIL,
			    "allow it in the container's seccomp profile",
			    "%s is not allowed: %s", refused, strerror(errno));
	else
		finding_set(f, VERDICT_OK, NULL,
			    "unshare and process_vm_readv are allowed");
}

static long number_in(const char *path)
{
	char *s = NULL;
	long n = file_read(path, &s, NULL, NULL) == 0 ? atol(s) : -1;

	free(s);
	return n;
}

static void look_inotify(const struct patient *p, struct finding *f)
{
	long watches = NUMBER_OF("max_user_watches");
	long instances = NUMBER_OF("max_user_instances");

	(void)p;
	if (watches < 0)
		finding_set(f, VERDICT_WARN, NULL,
			    "no limits are to be seen; sources are polled if "
			    "inotify does not work");
	else if (instances < INSTANCES_FEW)
		finding_set(f, VERDICT_WARN,
			    "sysctl fs.inotify.max_user_instances=128",
			    "only %ld watchers a user", instances);
	else if (watches < WATCHES_FEW)
		finding_set(f, VERDICT_WARN,
			    "sysctl fs.inotify.max_user_watches=524288",
			    "only %ld folders a user can be watched", watches);
	else
		finding_set(f, VERDICT_OK, NULL,
			    "%ld folders, %ld watchers a user", watches,
			    instances);
}

const struct examination doctor_machine[] = {
    {"kernel", look_kernel},
    {"C library", look_libc},
    {"compiler", look_compiler},
    {"linker", look_linker},
    {"hotwatch", look_files},
    {"runtime folder", look_runtime},
    {"sandbox", look_sandbox},
    {"inotify", look_inotify},
    {NULL, NULL},
};
