/* SPDX-License-Identifier: MIT
 *
 * Finding targets: their sockets, RUNTIME/targets/PID.sock, as they come and
 * go. Loop thread only.
 */
#ifndef WATCHER_TARGETS_H
#define WATCHER_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct targets;

struct targets_callbacks {
	/* A socket to connect to. The owner answers with targets_result,
	 * later. */
	void (*found)(const char *path, int pid, void *arg);
	/* One that was to be tried again has gone: targets_pending is less. */
	void (*gone)(void *arg);
};

/* Makes the folder, looks at what is there (in a turn of the loop) and watches
 * it. 0, or -1 and *err. */
int targets_open(struct targets **t, uv_loop_t *loop, const char *runtime,
		 const struct targets_callbacks *callbacks, void *arg,
		 char **err);
void targets_close(struct targets *t);

/* Looks again now, for sockets whose event has not come yet. */
void targets_scan(struct targets *t);

enum targets_outcome {
	TARGETS_FOREIGN, /* another project's: leave it until it is new */
	TARGETS_REFUSED, /* nobody listens: stale, or not listening yet */
	TARGETS_LOST     /* was connected: see whether it is still there */
};
void targets_result(struct targets *t, const char *path,
		    enum targets_outcome outcome);

/* Sockets that will be tried again shortly. */
size_t targets_pending(const struct targets *t);

#endif
