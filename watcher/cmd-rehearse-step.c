/* SPDX-License-Identifier: MIT
 *
 * hotwatch rehearse-step: said by the command of a rehearsal, "the next load
 * now". Returns when it is done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "watcher/ask.h"

static int connect_to(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && strlen(path) < sizeof(at.sun_path)) {
		strcpy(at.sun_path, path);
		if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
			return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* What the rehearsal answers: a word or two, and then it hangs up. */
static void answer_read(int fd, char *answer, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len + 1 < size &&
	       ((n = read(fd, answer + len, size - 1 - len)) > 0 ||
		(n < 0 && errno == EINTR)))
		len += n > 0 ? (size_t)n : 0;
	answer[len] = '\0';
}

static int exec_step(struct options *o)
{
	const char *path = getenv("HOTWATCH_REHEARSAL");
	int fd = path ? connect_to(path) : -1;
	struct text t = {0};
	char answer[80];

	if (fd < 0)
		return ask_fail(o, STATUS_UNASKED, "no_rehearsal",
				"there is none; `hotwatch check --rehearse "
				"COMMAND` runs a command in which this works");
	answer_read(fd, answer, sizeof(answer));
	close(fd);
	if (!strcmp(answer, "failed") || !*answer)
		return ask_fail(
		    o, STATUS_REFUSED, "failed",
		    "the load failed, or the program has ended; the "
		    "rehearsal tells why");
	if (o->json)
		text_printf(&t, "{\"step\":\"%s\"}\n", answer);
	else
		text_printf(&t, "%s\n", answer);
	ask_print(&t);
	return STATUS_DONE;
}

const struct command cmd_rehearse_step_entry = {
    .name = "rehearse-step",
    .help = "in a rehearsal's command: the next load, now",
    .about = "Asks the `hotwatch check --rehearse` that runs this for its next "
	     "load,\n"
	     "and waits until it is done: upgraded, downgraded, upgraded "
	     "again; then\n"
	     "it says done.\n\n"
	     "exit status: 0 done; 1 it failed; 3 there is no rehearsal",
    .exec = exec_step,
};
