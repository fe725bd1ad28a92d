/* SPDX-License-Identifier: MIT
 *
 * See holder-json.h. Addresses are kept inverted until they become text.
 */
#include "codeserver/holder-json.h"

#include <inttypes.h>
#include <stdio.h>

#include "codeserver/process-internal.h"

static const char *const kinds[] = {
    [HOLDER_FRAME] = "frame",
    [HOLDER_POINTER] = "pointer",
    [HOLDER_UNKNOWN] = "unknown",
};

static const char *const wheres[] = {
    [HOLDER_STACK] = "stack",
    [HOLDER_DATA] = "data",
    [HOLDER_HEAP] = "heap",
    [HOLDER_MAPPING] = "mapping",
};

static void add_hex(cJSON *o, const char *name, uintptr_t value)
{
	char s[32];

	snprintf(s, sizeof(s), "%#" PRIxPTR, value);
	cJSON_AddStringToObject(o, name, s);
}

static void add_frame(cJSON *o, const struct holder_frame *f)
{
	add_hex(o, "address", ~f->not_address);
	if (!f->object)
		return;
	add_hex(o, "offset", ~f->not_address - ~f->not_bias);
	cJSON_AddStringToObject(o, "object", f->object);
}

static void add_thread(cJSON *o, const struct holder *h)
{
	char name[64];

	cJSON_AddNumberToObject(o, "tid", h->tid);
	cJSON_AddStringToObject(o, "thread", h->thread);
	if (!h->process)
		return;
	cJSON_AddNumberToObject(o, "process", (double)h->process);
	process_name(h->process, name, sizeof(name));
	if (name[0])
		cJSON_AddStringToObject(o, "process_name", name);
}

static void add_frames(cJSON *o, const struct holder *h)
{
	cJSON *frames;

	if (h->kind == HOLDER_FRAME)
		add_frame(o, &h->at);
	if (h->looping)
		cJSON_AddBoolToObject(o, "looping", true);
	if (!h->nframes)
		return;
	frames = cJSON_AddArrayToObject(o, "frames");
	for (size_t i = 0; i < h->nframes; i++) {
		cJSON *one = cJSON_CreateObject();

		add_frame(one, &h->frames[i]);
		cJSON_AddItemToArray(frames, one);
	}
}

static void add_pointer(cJSON *o, const struct holder *h)
{
	const struct hw_image *i = &h->version->image;

	if (~h->not_word) /* else it is in a register */
		add_hex(o, "at", ~h->not_word);
	cJSON_AddStringToObject(o, "where", wheres[h->where]);
	if (h->object) {
		cJSON_AddStringToObject(o, "object", h->object);
		add_hex(o, "at_offset", ~h->not_word - ~h->not_bias);
	} else if (h->where != HOLDER_STACK) {
		add_hex(o, "region", ~h->not_region);
	}
	add_hex(o, "address", ~h->not_value);
	add_hex(o, "offset", ~h->not_value - i->addr);
	cJSON_AddBoolToObject(o, "code", h->into_code);
}

cJSON *holder_json(const struct holder *h)
{
	cJSON *o = cJSON_CreateObject();
	char id[32];

	snprintf(id, sizeof(id), "%" PRIx64, h->id);
	cJSON_AddStringToObject(o, "id", id);
	cJSON_AddStringToObject(o, "kind", kinds[h->kind]);
	cJSON_AddStringToObject(o, "module", h->mod->name);
	cJSON_AddNumberToObject(o, "version", h->version->number);
	cJSON_AddNumberToObject(o, "since", (double)h->since);
	cJSON_AddStringToObject(o, "message", h->message);
	if (h->tid)
		add_thread(o, h);
	if (h->kind == HOLDER_POINTER)
		add_pointer(o, h);
	else
		add_frames(o, h);
	return o;
}

cJSON *holders_json(const struct holder *list, size_t n)
{
	cJSON *a = cJSON_CreateArray();

	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(a, holder_json(&list[i]));
	return a;
}
