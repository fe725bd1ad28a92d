/* SPDX-License-Identifier: MIT
 *
 * A key-value server: clients connect to a unix socket and send lines, each of
 * which is answered by one line. The table is kept by a gen_server (kv.c),
 * under a supervisor.
 *
 * A client has an ordinary thread, no process: any thread may call a server. It
 * knows nothing of what a request means, so it has no part in an upgrade but to
 * wait while the server is suspended.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <hotwatch/supervisor.h>

#include "kv.h"

/* --- the supervisor ------------------------------------------------------- */

static int kv_start(void *unused, hw_pid *pid)
{
	struct hw_spawn_options options = {.name = "kv", .link = true};

	(void)unused;
	return hw_gen_server_start(kv, NULL, &options, -1, pid);
}

static int supervise(void *unused, struct hw_supervisor *s)
{
	static const struct hw_child children[] = {
	    {.id = "kv", .start = kv_start},
	};

	(void)unused;
	s->children = children;
	s->nchildren = 1;
	return 0;
}

/* --- clients -------------------------------------------------------------- */

static void answer(FILE *client, const char *line)
{
	struct hw_message *m;

	if (hw_gen_server_call(hw_whereis("kv"), line, strlen(line) + 1, -1,
			       &m) < 0) {
		fprintf(client, "error: %s\n", hw_call_reason());
		return;
	}
	fprintf(client, "%s\n", (const char *)m->data);
	hw_message_free(m);
}

static void *serve(void *arg)
{
	FILE *client = arg;
	char line[LINE];

	while (fgets(line, sizeof(line), client)) {
		line[strcspn(line, "\n")] = '\0';
		answer(client, line);
		fflush(client);
	}
	fclose(client);
	return NULL;
}

static int serve_all(int listener)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		FILE *client = fd < 0 ? NULL : fdopen(fd, "r+");
		pthread_t thread;

		if (!client || pthread_create(&thread, NULL, serve, client)) {
			perror("kv: a client");
			return EXIT_FAILURE;
		}
		pthread_detach(thread);
	}
}

static int listen_at(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || strlen(path) >= sizeof(at.sun_path))
		return -1;
	strcpy(at.sun_path, path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, 64) < 0)
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	int listener;

	signal(SIGPIPE, SIG_IGN);
	if (argc != 2) {
		fprintf(stderr, "usage: kv SOCKET\n");
		return 2;
	}
	if (hw_supervisor_start(supervise, NULL, NULL, NULL) < 0) {
		fprintf(stderr, "kv: %s\n", hw_call_reason());
		return EXIT_FAILURE;
	}
	listener = listen_at(argv[1]);
	if (listener < 0) {
		perror(argv[1]);
		return EXIT_FAILURE;
	}
	return serve_all(listener);
}
