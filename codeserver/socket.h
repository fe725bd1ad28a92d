/* SPDX-License-Identifier: MIT
 *
 * The target's socket and its connections. The code server's thread, but for
 * socket_prepare and socket_unlink.
 */
#ifndef HW_SOCKET_H
#define HW_SOCKET_H

#include <poll.h>
#include <stdbool.h>

#define SOCKET_POLLS 33 /* a listener and its connections */

/* In a thread of the program, before ours starts: where the socket will be,
 * and room for connections. A forked child leaves the parent's as they were,
 * perhaps half changed: its descriptors are not in the child's table.
 * 0, or -1: out of memory. */
int socket_prepare(void);

/* Listens. Failures leave the program without a socket. */
void socket_open(void);

/* What to poll for; how many. */
nfds_t socket_polls(struct pollfd *p);
/* What poll said of them. -1: our descriptors were closed under us; there is
 * no socket any more. */
int socket_ready(const struct pollfd *p);

/* The process ends: the file goes. Any thread; a forked child: nothing. */
void socket_unlink(void);
void socket_disown(void);

#endif
