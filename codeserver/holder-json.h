/* SPDX-License-Identifier: MIT
 *
 * A holder as the socket tells of it.
 */
#ifndef HW_HOLDER_JSON_H
#define HW_HOLDER_JSON_H

#include "codeserver/holders.h"
#include "protocol/json.h"

cJSON *holder_json(const struct holder *h);
cJSON *holders_json(const struct holder *list, size_t n);

#endif
