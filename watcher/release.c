/* SPDX-License-Identifier: MIT
 *
 * The words of a release's instructions. They are Erlang's (appup(4)); what C
 * cannot do is listed with the reason, so that somebody who comes from there is
 * told, and not only that a word is not known.
 */
#include "watcher/release.h"

#include <stdlib.h>
#include <string.h>

const struct release_word release_words[] = {
    {"load_module", RELEASE_LOAD_MODULE, true, " pre_purge post_purge extra "},
    {"update", RELEASE_UPDATE, true,
     " with change processes extra timeout_ms pre_purge post_purge "},
    {"delete_module", RELEASE_DELETE_MODULE, true, " post_purge "},
    {"suspend", RELEASE_SUSPEND, false, " timeout_ms "},
    {"resume", RELEASE_RESUME, false, " timeout_ms "},
    {"code_change", RELEASE_CODE_CHANGE, true, " processes extra timeout_ms "},
    {"soft_purge", RELEASE_SOFT_PURGE, true, " "},
    {"purge", RELEASE_PURGE, true, " timeout_ms "},
    {"point_of_no_return", RELEASE_NO_RETURN, false, " "},
};
const size_t release_nwords = ARRAY_SIZE(release_words);

const char *const release_purge_words[] = {
    [RELEASE_LINGER] = "linger",
    [RELEASE_PURGE_SOFT] = "soft_purge",
    [RELEASE_PURGE_BRUTAL] = "brutal_purge",
};

static const struct {
	const char *name, *why;
} refused[] = {
    {"add_module", "a running program cannot take a translation unit that it "
		   "was not linked with; restart it"},
    {"apply", "code is called by no name here; do it in the module's "
	      "HOT_CODE_CHANGE or HOT_ON_LOAD"},
    {"load_object_code", "all objects are prepared before the first "
			 "instruction"},
    {"load", "write load_module"},
    {"remove", "write delete_module"},
    {"start", "supervisors start processes; write update"},
    {"stop", "supervisors stop processes; write update"},
    {"add_application", "there are no applications; write load_module"},
    {"remove_application", "there are no applications; write delete_module"},
    {"restart_application", "there are no applications; restart the program"},
    {"restart_emulator", "a program restarts as it was started"},
    {"restart_new_emulator", "a program restarts as it was started"},
    {"sync_nodes", "every instruction ends in all targets before the next "
		   "begins"},
};

const char *release_why_not(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (!strcmp(refused[i].name, name))
			return refused[i].why;
	return NULL;
}

static void steps_free(struct release_steps *s)
{
	for (size_t i = 0; i < s->n; i++) {
		freev(s->v[i].modules);
		freev(s->v[i].with);
		freev(s->v[i].processes);
		free(s->v[i].extra);
	}
	free(s->v);
}

void release_free(struct release *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->nmodules; i++) {
		free(r->modules[i].name);
		free(r->modules[i].from);
		free(r->modules[i].to);
	}
	free(r->modules);
	steps_free(&r->up);
	steps_free(&r->down);
	free(r->path);
	free(r->objects);
	free(r->program);
	free(r->from);
	free(r->to);
	free(r);
}

const struct release_module *release_module(const struct release *r,
					    const char *name)
{
	for (size_t i = 0; i < r->nmodules; i++)
		if (!strcmp(r->modules[i].name, name))
			return &r->modules[i];
	return NULL;
}

const char *release_wanted(const struct release_module *m, bool down)
{
	return down ? m->from : m->to;
}

bool release_again(const struct release_module *m)
{
	return m->to && !strcmp(m->from, m->to);
}

const char *release_had(const struct release_module *m, bool down)
{
	return down ? m->to : m->from;
}

char *release_object(const struct release *r, const char *module,
		     const char *hash)
{
	return xasprintf("%s/%s-%s.o", r->objects, path_base(module), hash);
}

char *release_folder(const char *path)
{
	size_t n = strlen(path);

	if (ends_with(path, ".json"))
		n -= strlen(".json");
	return xasprintf("%.*s.objects", (int)n, path);
}
