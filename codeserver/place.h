/* SPDX-License-Identifier: MIT
 *
 * A place in the arena for an image.
 */
#ifndef HW_PLACE_H
#define HW_PLACE_H

#include <stddef.h>
#include <stdint.h>

/* Whether nothing is mapped in the SIZE bytes from AT on; nothing is either
 * afterwards. */
int place_free(uintptr_t at, size_t size);

/* What is mapped there, in words: the first of it, by its file's name, and how
 * the kernel refused if nothing is. Never empty. */
void place_taken_by(uintptr_t at, size_t size, char *words, size_t max);

#endif
