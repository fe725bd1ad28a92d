/* SPDX-License-Identifier: MIT
 *
 * What the files of hotwatch/code.h share. The program's threads.
 */
#ifndef HW_CODE_INTERNAL_H
#define HW_CODE_INTERNAL_H

#include "codeserver/guest.h"
#include "codeserver/include/hotwatch/code.h"

#define API __attribute__((visibility("default")))

/* The HW_CODE_ number of a failure; it is this thread's last error now. */
int code_failed(const struct hw_failure *f);
/* The same of a word and a sentence. */
int code_error(const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Whether this thread's loads lead back, from now on; what it was. */
bool code_direction(bool down);
/* Not a hot-built program, or no thread could be made. */
int code_no_server(void);
/* The number of a failure's word; 0: reason is NULL. */
int code_number(const char *reason);

#endif
