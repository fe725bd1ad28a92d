/* SPDX-License-Identifier: MIT
 *
 * The methods that a target answers (docs/architecture.md, "A target"). The
 * code server's thread.
 */
#ifndef HW_METHODS_H
#define HW_METHODS_H

#include <stddef.h>

#include "codeserver/guest.h"
#include "codeserver/loading.h"
#include "codeserver/purge.h"
#include "protocol/json.h"
#include "protocol/rpc.h"

extern const struct hw_rpc_method methods_table[];

/* --- shared by methods-*.c ------------------------------------------------ */

const char *member_string(const cJSON *o, const char *name);
/* A whole number; DEFAULT if it is not there. */
long member_number(const cJSON *o, const char *name, long otherwise);

/* The module that "module" names, or NULL: REQ was refused. */
struct hw_mod *module_named(struct hw_request *req, const char *name);
struct hw_mod *module_param(struct hw_request *req, const cJSON *params);

/* An error's data; more may be added before refuse_with, which consumes it. */
cJSON *failure_json(const struct hw_failure *f);
void refuse_with(struct hw_request *req, const struct hw_failure *f,
		 cJSON *data);
void refuse(struct hw_request *req, const struct hw_failure *f);

void add_hash(cJSON *o, const uint8_t hash[HW_HASH_SIZE]);
void add_hex(cJSON *o, const char *name, uintptr_t value);

/* KILLED: ids of processes ended for it, of H's victims; H may be NULL. */
cJSON *fates_json(const struct fates *fates, const struct hunt *h);

/* --- notifications -------------------------------------------------------- */

/* code/purged for each. H: as above. */
void fates_tell(const struct fates *fates, const struct hunt *h);

/* code/loaded for what a load has changed, code/purged for what went. */
void loading_tell(const struct loading *l, int result);

/* --- what is prepared (methods-prepare.c) --------------------------------- */

/* The connection USER is gone, and with it what was prepared on it. */
void prepared_forget(const void *user);
void prepared_forked(void);

/* --- one a method --------------------------------------------------------- */

hw_rpc_handler method_load, method_atomic_load, method_rollback;
hw_rpc_handler method_prepare_loading, method_finish_loading,
    method_cancel_loading;
hw_rpc_handler method_soft_purge, method_purge, method_delete;

#endif
