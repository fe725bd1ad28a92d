/* SPDX-License-Identifier: MIT
 *
 * Whether the process at the other end of a connected socket may talk to us:
 * it runs as the same user, or as root.
 */
#ifndef WATCHER_PEER_H
#define WATCHER_PEER_H

#include <stdbool.h>
#include <uv.h>

bool peer_allowed(const uv_pipe_t *pipe);

#endif
