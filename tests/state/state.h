/* SPDX-License-Identifier: MIT
 *
 * What the cases of tests/state share (table.py). Each is one module of one
 * program: NAME/old.c is what it starts with, NAME/new.c what it is reloaded
 * with, NAME/third.c, if there is one, what comes after that; touch runs before
 * the first reload, show after each. other-old.c and other-new.c are a second
 * module, loaded with the first as one set. A case that says `worker` is run by
 * eight threads, which worker tells apart.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern __thread int worker; /* 1 to 8 */

void touch(void);
void show(void);
