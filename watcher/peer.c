/* SPDX-License-Identifier: MIT
 *
 * See peer.h. The sockets are mode 0600 in a folder of mode 0700; the kernel's
 * word for who connected is checked all the same, because both modes can be
 * changed by a careless hand and loading code is all that these sockets do.
 */
#include "watcher/peer.h"

#include <sys/socket.h>
#include <unistd.h>

bool peer_allowed(const uv_pipe_t *pipe)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)pipe, &fd) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
		return false;
	return who.uid == 0 || who.uid == geteuid();
}
