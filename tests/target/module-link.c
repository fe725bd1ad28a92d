/* SPDX-License-Identifier: MIT
 *
 * module-link OBJECT MODULE BASE DIR CODESERVER: what the watcher does to a
 * compiled object before it asks a target to load it, alone: rewritten, linked
 * for BASE and sealed into DIR. Prints the file. Tests of the code server make
 * their versions with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watcher/object.h"
#include "watcher/util.h"

static int run(char **argv)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

int main(int argc, char **argv)
{
	const char *libs[] = {"/lib/x86_64-linux-gnu/libc.so.6"};
	char *err = NULL, *rewritten, *out, *file = NULL, **link = NULL;
	struct object *o = NULL;
	struct modlink l;
	uint64_t size;
	int r;

	if (argc != 6)
		return 2;
	rewritten = xasprintf("%s/rewritten.%d.o", argv[4], (int)getpid());
	out = xasprintf("%s/linked.%d", argv[4], (int)getpid());
	l = (struct modlink){.linker = "ld.lld-19",
			     .object = rewritten,
			     .codeserver = argv[5],
			     .libs = libs,
			     .nlibs = 1,
			     .base = strtoull(argv[3], NULL, 0),
			     .out = out};
	if (object_open(&o, argv[1], NULL, 0, &err) == 0 &&
	    object_rewrite(o, argv[2], argv[1], true, rewritten, NULL, NULL,
			   &err) == 0 &&
	    run(link = modlink_argv(&l)) == 0 &&
	    modlink_seal(out, argv[4], "module", &file, &size, &err) == 0)
		puts(file);
	else
		fprintf(stderr, "module-link: %s\n", err ? err : "link failed");
	unlink(rewritten);
	object_close(o);
	if (link)
		argv_free(link);
	free(rewritten);
	free(out);
	free(err);
	r = file ? 0 : 1;
	free(file);
	return r;
}
