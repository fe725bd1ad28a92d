/* SPDX-License-Identifier: MIT
 *
 * See kin.h. A process that has lost its parent belongs to init, or to the
 * user's session manager: who started it cannot be told any more. To be the
 * one who adopts such processes (PR_SET_CHILD_SUBREAPER) was rejected: it
 * changes what getppid says in the program, and whoever adopts has to reap.
 * An environment variable as a mark was rejected too: programs that set their
 * title, as servers do, overwrite what /proc shows of it.
 */
#include "watcher/kin.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "watcher/util.h"

struct kin {
	int parent, session, tty;
	char state;
	unsigned long long started;
};

static bool kin_read(pid_t pid, struct kin *k)
{
	char *path = xasprintf("/proc/%d/stat", (int)pid), *stat = NULL;
	const char *p;
	int n = 0;

	/* the name, in brackets, may hold anything */
	if (file_read(path, &stat, NULL, NULL) == 0 && (p = strrchr(stat, ')')))
		n = sscanf(p,
			   ") %c %d %*d %d %d %*d %*u %*u %*u %*u %*u %*u %*u "
			   "%*d %*d %*d %*d %*d %*d %llu",
			   &k->state, &k->parent, &k->session, &k->tty,
			   &k->started);
	free(stat);
	free(path);
	return n == 5;
}

bool kin_descends(pid_t pid, pid_t from)
{
	struct kin k;

	for (; pid > 1; pid = k.parent) {
		if (pid == from)
			return true;
		if (!kin_read(pid, &k))
			return false;
	}
	return false;
}

unsigned long long kin_started(pid_t pid)
{
	struct kin k;

	return kin_read(pid, &k) ? k.started : 0;
}

int64_t kin_started_at(pid_t pid)
{
	unsigned long long ticks = kin_started(pid);
	struct timespec boot, now;

	if (ticks == 0)
		return 0;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec - boot.tv_sec) * 1000ll +
	       (now.tv_nsec - boot.tv_nsec) / 1000000 +
	       (int64_t)(ticks * 1000 / (unsigned long)sysconf(_SC_CLK_TCK));
}

static bool runs(pid_t pid, const struct stat *program)
{
	char *path = xasprintf("/proc/%d/exe", (int)pid);
	struct stat st;
	bool same = stat(path, &st) == 0 && st.st_dev == program->st_dev &&
		    st.st_ino == program->st_ino;

	free(path);
	return same;
}

static bool in_background(pid_t pid, unsigned long long since)
{
	struct kin k;

	return kin_read(pid, &k) && k.state != 'Z' && k.started >= since &&
	       (k.tty == 0 || k.session == getsid(0));
}

int kin_background(const char *program, unsigned long long since, pid_t *pid)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	struct stat st;
	int n = 0;

	if (stat(program, &st) < 0)
		st = (struct stat){0};
	while (d && (e = readdir(d))) {
		pid_t p = (pid_t)strtol(e->d_name, NULL, 10);

		if (p > 0 && runs(p, &st) && in_background(p, since)) {
			*pid = p;
			n++;
		}
	}
	if (d)
		closedir(d);
	return n;
}
