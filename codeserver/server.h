/* SPDX-License-Identifier: MIT
 *
 * The code server's thread and socket.
 */
#ifndef HW_SERVER_H
#define HW_SERVER_H

/* Starts the thread; the socket is there some instants later. Failures leave
 * the program without a code server, and alive. */
void server_start(void);

/* In a forked child: forgets the parent's thread and connections, starts. */
void server_forked(void);

/* At the process's end: removes the socket's file. Any thread. */
void server_exit(void);

/* A notification to every connection. The code server's thread. PARAMS is
 * consumed. */
struct cJSON;
void server_notify(const char *method, struct cJSON *params);

#endif
