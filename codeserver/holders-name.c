/* SPDX-License-Identifier: MIT
 *
 * A holder in words: which thread, which file, where in it, one sentence. What
 * an address means in the source is told by the watcher, which has the debug
 * information; here an address becomes a file and an offset in it.
 *
 * The dynamic linker's names are read by memory_peek, for the object they
 * belong to may be closed meanwhile.
 */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/holders-internal.h"
#include "codeserver/maps.h"
#include "codeserver/memory.h"
#include "codeserver/process-internal.h"
#include "codeserver/thread-proc.h"

/* The string at AT, cut to SIZE - 1 bytes; it may end at a mapping's end. */
static void string_peek(uintptr_t at, char *to, size_t size)
{
	size_t n = 0, part;

	while (n < size - 1 && !memchr(to, 0, n)) {
		part = 64 - (at + n) % 64;
		part = part < size - 1 - n ? part : size - 1 - n;
		if (memory_peek(at + n, to + n, part) < 0)
			break;
		n += part;
	}
	to[n] = '\0';
}

/* The malloc'd path of the object that AT lies in, and ~ its load bias; NULL:
 * none. */
static char *object_of(uintptr_t at, uintptr_t *not_bias)
{
	struct dl_find_object o;
	struct link_map map;
	char name[512];

	if (_dl_find_object((void *)at, &o) < 0 ||
	    memory_peek((uintptr_t)o.dlfo_link_map, &map, sizeof(map)) < 0)
		return NULL;
	*not_bias = ~map.l_addr;
	string_peek((uintptr_t)map.l_name, name, sizeof(name));
	return strdup(*name ? name : hw_guest.program->program);
}

static void frame_name(struct holder_frame *f)
{
	f->object = object_of(~f->not_address, &f->not_bias);
}

static void pointer_place(struct holder *h)
{
	const struct map *m;
	uintptr_t at = ~h->not_word;

	if (h->where == HOLDER_STACK)
		return;
	h->object = object_of(at, &h->not_bias);
	m = maps_find(at);
	h->not_region = ~(m ? map_from(m) : at);
	if (h->object)
		h->where = HOLDER_DATA;
	else if (m && m->kind == MAP_KIND_HEAP)
		h->where = HOLDER_HEAP;
}

static const char *last_part(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

static void pointer_message(struct holder *h)
{
	const char *what = h->into_code ? "its code" : "its data";
	const char *object = last_part(h->object);
	size_t size = sizeof(h->message);

	switch (h->where) {
	case HOLDER_STACK:
		snprintf(h->message, size,
			 "%s of thread \"%s\" (%d) points into %s",
			 h->not_word == ~0ul ? "a register" : "the stack",
			 h->thread, (int)h->tid, what);
		return;
	case HOLDER_DATA:
		snprintf(h->message, size, "data of %s points into %s",
			 object ? object : "a library", what);
		return;
	case HOLDER_HEAP:
		snprintf(h->message, size, "a word in the heap points into %s",
			 what);
		return;
	case HOLDER_MAPPING:
		snprintf(h->message, size,
			 "a word in mapped memory points into %s", what);
	}
}

void holder_describe(struct holder *h, const char *why)
{
	size_t size = sizeof(h->message);

	if (h->tid) {
		thread_name(h->tid, h->thread);
		h->process = process_of_tid(h->tid);
	}
	for (size_t i = 0; i < h->nframes; i++)
		frame_name(&h->frames[i]);
	if (h->kind == HOLDER_FRAME) {
		frame_name(&h->at);
		snprintf(h->message, size, "thread \"%s\" (%d) runs in it%s",
			 h->thread, (int)h->tid,
			 h->looping ? " and does not leave" : "");
	} else if (h->kind == HOLDER_UNKNOWN) {
		snprintf(h->message, size,
			 "thread \"%s\" (%d) may be in it: %s", h->thread,
			 (int)h->tid, why);
	} else {
		pointer_place(h);
		pointer_message(h);
	}
}

void holder_clear(struct holder *h)
{
	for (size_t i = 0; i < h->nframes; i++)
		free(h->frames[i].object);
	free(h->frames);
	free(h->at.object);
	free(h->object);
}
