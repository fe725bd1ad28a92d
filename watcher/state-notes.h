/* SPDX-License-Identifier: MIT
 *
 * What became of variables in a load, as a target answers it, for people.
 */
#ifndef WATCHER_STATE_NOTES_H
#define WATCHER_STATE_NOTES_H

struct cJSON;

/*
 * An array of {kind, file?, line?, message}, the conflicts first, of what one
 * module's load says (docs/architecture.md, "loaded"), added to NOTES, which is
 * made if it is NULL and there is anything to say. Returns it.
 */
struct cJSON *state_notes(struct cJSON *notes, const struct cJSON *loaded);

#endif
