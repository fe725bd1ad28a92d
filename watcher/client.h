/* SPDX-License-Identifier: MIT
 *
 * A client of one socket, a watcher's or a target's: asks and waits for the
 * answer, and hands over notifications that come meanwhile.
 *
 * It blocks, with a limit if one is wanted, and needs no event loop; who has
 * other things to wait for polls client_fd and calls client_read. One thread.
 * The notification callback must not call any of these.
 */
#ifndef WATCHER_CLIENT_H
#define WATCHER_CLIENT_H

#include <stddef.h>

struct cJSON;
struct client;

/* METHOD is "watch/event" or "code/loaded". PARAMS is the library's. */
typedef void client_notified(const char *method, const struct cJSON *params,
			     void *arg);

enum {
	CLIENT_REFUSED = -1, /* the other side said no */
	CLIENT_CLOSED = -2,  /* it went away, or did not answer in time */
};

/* Why a call failed; zeroed before use, client_error_free'd after. */
struct client_error {
	char *reason;       /* one word: "unsafe", "closed", "deadline" ... */
	char *message;      /* for a person */
	struct cJSON *data; /* all that the other side said of it, or NULL */
};
void client_error_free(struct client_error *e);

/*
 * LIMIT_MS: how long a call may take, -1 for ever. NOTIFIED may be NULL. 0,
 * or CLIENT_CLOSED and *err (may be NULL): nobody listens there.
 */
int client_open(struct client **c, const char *socket, int limit_ms,
		client_notified *notified, void *arg, char **err);
void client_close(struct client *c); /* NULL is fine */

/* PARAMS is consumed, may be NULL. *result is the caller's. */
int client_call(struct client *c, const char *method, struct cJSON *params,
		struct cJSON **result, struct client_error *e);

/* LIMIT_MS for the calls from now on. */
void client_limit(struct client *c, int limit_ms);

int client_peer(const struct client *c); /* its pid; 0: not known */
int client_fd(const struct client *c);
int client_read(struct client *c); /* takes what is there: 0, CLIENT_CLOSED */

#endif
