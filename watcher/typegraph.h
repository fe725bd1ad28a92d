/* SPDX-License-Identifier: MIT
 *
 * The types of one object's debug information as a graph, for typehash.c.
 * Belongs to one thread; must not outlive the Dwarf it was asked about.
 */
#ifndef WATCHER_TYPEGRAPH_H
#define WATCHER_TYPEGRAPH_H

#include <elfutils/libdw.h>
#include <stdint.h>

struct typegraph;

struct typegraph *typegraph_new(void);
void typegraph_free(struct typegraph *g);

/* Deep hash of the type that DIE's DW_AT_type names; never 0. */
uint64_t typegraph_hash(struct typegraph *g, Dwarf_Die *die);

/* Mixing, for what is built upon such hashes. */
uint64_t typegraph_mix(uint64_t h, uint64_t n);
/* Of the set of the N hashes in V, which gets sorted. */
uint64_t typegraph_mix_set(uint64_t h, uint64_t *v, size_t n);

#endif
