/* SPDX-License-Identifier: MIT
 *
 * sys/suspend and its kin on the socket. The code server's thread.
 */
#ifndef HW_SYS_METHODS_H
#define HW_SYS_METHODS_H

#include "protocol/rpc.h"

hw_rpc_handler method_sys_suspend, method_sys_resume, method_sys_change_code,
    method_sys_get_state, method_sys_replace_state, method_sys_statistics;

#endif
