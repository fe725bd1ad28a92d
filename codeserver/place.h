/* SPDX-License-Identifier: MIT
 *
 * A place in the arena for an image.
 */
#ifndef HW_PLACE_H
#define HW_PLACE_H

#include <stddef.h>
#include <stdint.h>

/* 0: nothing is mapped in the SIZE bytes from AT on, nor is afterwards; else a
 * negative errno. */
int place_try(uintptr_t at, size_t size);

/* What is mapped there, in words: the first of it, by its file's name, and how
 * the kernel refused if nothing is. Never empty. */
void place_taken_by(uintptr_t at, size_t size, char *words, size_t max);

#endif
