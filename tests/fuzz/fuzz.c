/* SPDX-License-Identifier: MIT
 *
 * Feeds garbage to everything that parses what comes from outside: sockets,
 * files of the project, output of the compiler. One libFuzzer program for all;
 * FUZZ_PARSER in the environment chooses a row of the table. A parser holds if
 * nothing crashes, leaks or hangs under ASan and UBSan; what it says of the
 * garbage is for the unit tests.
 *
 * Parsers of files are given a file in memory (memfd), by its path in /proc.
 */
#include "protocol/rpc.h"
#include "watcher/cc-response.h"
#include "watcher/depfile.h"
#include "watcher/diagnostics.h"
#include "watcher/glob.h"
#include "watcher/manifest.h"
#include "watcher/object.h"
#include "watcher/settings.h"
#include "watcher/types.h"
#include "watcher/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as text, and as a file of that content. */
struct input {
	const uint8_t *data;
	size_t size;
	char *text, path[64];
};

static void echo(struct hw_request *req, const struct cJSON *params, void *user)
{
	(void)params;
	(void)user;
	hw_rpc_reply(req, NULL);
}

static void discard(const void *data, size_t len, void *user)
{
	(void)data;
	(void)len;
	(void)user;
}

static void answered(const struct cJSON *result, const struct cJSON *error,
		     void *arg)
{
	(void)result;
	(void)error;
	(void)arg;
}

static void fuzz_rpc(const struct input *in)
{
	static const struct hw_rpc_method methods[] = {{"echo", echo},
						       {NULL, NULL}};
	struct hw_rpc *r = hw_rpc_new(methods, discard, NULL);
	size_t half = in->size / 2;

	hw_rpc_call(r, "ask", NULL, answered, NULL);
	if (hw_rpc_feed(r, in->data, half) == 0)
		hw_rpc_feed(r, in->data + half, in->size - half);
	hw_rpc_close(r);
	hw_rpc_free(r);
}

static void fuzz_depfile(const struct input *in)
{
	struct strv deps = {0};

	depfile_parse(&deps, in->text, "/dir");
	strv_free(&deps);
}

static void fuzz_diagnostics(const struct input *in)
{
	struct diagnostics d = {0};

	diagnostics_parse(&d, in->text, "/dir");
	diagnostics_free(&d);
}

/* The first line is the pattern, the rest what it is matched with. */
static void fuzz_glob(const struct input *in)
{
	char *text = strchr(in->text, '\n');

	if (text == NULL)
		return;
	*text++ = '\0';
	glob_match(in->text, text);
}

static void fuzz_response(const struct input *in)
{
	char *word = xasprintf("@%s", in->path), *words[] = {word, NULL};
	struct strv out = {0};

	response_expand(&out, words);
	strv_free(&out);
	free(word);
}

static void fuzz_settings(const struct input *in)
{
	struct settings s;
	char *err = NULL;

	settings_init(&s);
	settings_read(&s, in->path, &err);
	settings_free(&s);
	free(err);
}

static void fuzz_manifest(const struct input *in)
{
	struct manifest *m = NULL;
	char *err = NULL;

	if (manifest_read(&m, in->path, &err) == 0)
		manifest_free(m);
	free(err);
}

static void fuzz_object(const struct input *in)
{
	const struct object_symbol *symbols;
	struct object *o = NULL;
	char *err = NULL, hex[33];
	size_t n;

	if (object_open(&o, in->path, NULL, 0, &err) != 0)
		goto out;
	object_record(o);
	if (object_symbols(o, &symbols, &n, &err) == 0)
		object_hash(o, hex, &err);
	object_close(o);
out:
	free(err);
}

static int convert(const struct plan_leaf *leaf, void *arg)
{
	static char old[4096], new[4096];
	char text[200];

	layout_convert(arg, leaf, old, new, text, sizeof(text));
	layout_print_old(arg, leaf, old, text, sizeof(text));
	layout_path(arg, leaf, text, sizeof(text));
	return 0;
}

static void compare(const struct layout *was, const struct layout *is)
{
	struct layout_reached r;
	char name[100];
	struct plan p;

	for (uint32_t i = 0; i < was->nvars; i++) {
		const struct layout_var *a = &was->vars[i];
		const struct layout_var *b =
		    layout_var(is, layout_str(was, a->id));

		layout_var_name(was, a, name, sizeof(name));
		layout_type_name(was, a->type, name, sizeof(name));
		if (!b)
			continue;
		if (layout_plan(was, a, is, b, &p) == 0 && a->size <= 4096 &&
		    b->size <= 4096)
			layout_leaves(&p, convert, &p);
		plan_free(&p);
	}
	layout_reach(was, is, &r);
}

/* A section of types, and what it is with one byte changed. */
static void fuzz_types(const struct input *in)
{
	char *a = xcalloc(1, in->size + 8), *b = xcalloc(1, in->size + 8);
	struct layout was, is;
	uint16_t at = 0;

	memcpy(a, in->data, in->size);
	memcpy(b, in->data, in->size);
	if (in->size > 4) {
		memcpy(&at, in->data + in->size - 3, sizeof(at));
		b[at % in->size] ^= (char)in->data[in->size - 1];
	}
	if (layout_open(&was, a, in->size) == 0 &&
	    layout_open(&is, b, in->size) == 0) {
		compare(&was, &is);
		compare(&is, &was);
	}
	free(a);
	free(b);
}

/* A linked object, whose debug information is read. */
static void fuzz_dwarf(const struct input *in)
{
	static const struct layout_type none[2] = {{.kind = LAYOUT_NONE},
						   {.kind = LAYOUT_NOTHING}};
	const void *const tables[7] = {none, NULL, NULL, NULL, NULL, NULL, ""};
	struct layout_header h = {.ntypes = 2, .nstrings = 1};
	struct text bare = {0}, section = {0};
	struct types_var v = {.name = "x", .id = "x"};
	struct layout uses;

	types_join(&h, tables, &bare);
	if (layout_open(&uses, bare.s, bare.len) == 0)
		types_read(in->path, &v, 1, &uses, &section, NULL);
	text_free(&bare);
	text_free(&section);
}

static const struct {
	const char *name;
	void (*parse)(const struct input *in);
	bool file;
} parsers[] = {
    {"rpc", fuzz_rpc, false},
    {"depfile", fuzz_depfile, false},
    {"diagnostics", fuzz_diagnostics, false},
    {"glob", fuzz_glob, false},
    {"response", fuzz_response, true},
    {"settings", fuzz_settings, true},
    {"manifest", fuzz_manifest, true},
    {"object", fuzz_object, true},
    {"types", fuzz_types, false},
    {"dwarf", fuzz_dwarf, true},
};

static size_t chosen;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("FUZZ_PARSER");

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < ARRAY_SIZE(parsers); i++) {
		if (name == NULL)
			printf("%s\n", parsers[i].name);
		else if (strcmp(name, parsers[i].name) == 0)
			chosen = i;
	}
	if (name == NULL)
		exit(0); /* the table, for tests/fuzz/run */
	return 0;
}

static int memory_file(struct input *in)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, in->data, in->size) != (ssize_t)in->size)
		abort();
	snprintf(in->path, sizeof(in->path), "/proc/self/fd/%d", fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.data = data, .size = size};
	int fd = -1;

	in.text = xstrndup((const char *)data, size);
	if (parsers[chosen].file)
		fd = memory_file(&in);
	parsers[chosen].parse(&in);
	if (fd >= 0)
		close(fd);
	free(in.text);
	return 0;
}
