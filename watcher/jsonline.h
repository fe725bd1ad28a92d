/* SPDX-License-Identifier: MIT
 *
 * In which line of a JSON text something stands, for messages about files that
 * people write. cJSON keeps no positions, so the text is walked once more; it
 * must have been parsed before, and is taken to be good. Any thread.
 */
#ifndef WATCHER_JSONLINE_H
#define WATCHER_JSONLINE_H

/* Where the value at AT (the text, or what one of these returned) has the
 * member NAME (its name), or its Nth element or member; AT if it has none. */
const char *json_member_at(const char *at, const char *name);
const char *json_nth_at(const char *at, int n);

/* The line of AT in TEXT; the first is 1. */
unsigned json_line(const char *text, const char *at);

#endif
