/* SPDX-License-Identifier: MIT
 *
 * The methods that a target answers (docs/architecture.md, "A target").
 */
#ifndef HW_METHODS_H
#define HW_METHODS_H

#include "protocol/json.h"
#include "protocol/rpc.h"

extern const struct hw_rpc_method methods_table[];

#endif
