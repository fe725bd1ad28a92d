/* SPDX-License-Identifier: MIT
 *
 * Holders over the socket.
 */
#ifndef HW_HOLDERS_METHODS_H
#define HW_HOLDERS_METHODS_H

#include "codeserver/holders.h"
#include "protocol/rpc.h"

hw_rpc_handler method_holders;

/* The old versions of MODULE (NULL: all), HOLDERS_VERSIONS at most. */
size_t holders_old(struct holders_of *of, const char *module);

/* After a look for a purge: tells of what has changed, and counts from now on
 * if something is held. */
void holders_looked(const struct holders_of *of, size_t n);

#endif
