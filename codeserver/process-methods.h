/* SPDX-License-Identifier: MIT
 *
 * Processes on the socket: process/list; process/exited is sent from here.
 */
#ifndef HW_PROCESS_METHODS_H
#define HW_PROCESS_METHODS_H

#include "protocol/json.h"
#include "protocol/rpc.h"

void process_list(struct hw_request *req, const cJSON *params, void *user);

#endif
