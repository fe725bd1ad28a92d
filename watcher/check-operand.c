/* SPDX-License-Identifier: MIT
 *
 * What the command line names as a side: see check.h. Objects are linked as
 * the watcher would link them, because only then they tell of their types;
 * that takes some 10 ms. Both sides of a pair of objects go by one name, or
 * their static functions and variables would be of different modules.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watcher/cc.h"
#include "watcher/check.h"
#include "watcher/jsonget.h"
#include "watcher/manifest.h"
#include "watcher/object.h"
#include "watcher/paths.h"
#include "watcher/tools.h"
#include "watcher/util.h"

/* What the strings of a side belong to. */
struct check_owned {
	struct manifest *manifest;
	struct check_module one;
	char *name, *file;
};

/* --- a program ------------------------------------------------------------ */

static void manifest_side(struct check_operand *o, struct manifest *m)
{
	o->owned->manifest = m;
	o->root = xstrdup(m->root);
	o->side.whole = true;
	o->side.n = m->nmodules;
	o->side.modules = xcalloc(m->nmodules + 1, sizeof(*o->side.modules));
	for (size_t i = 0; i < m->nmodules; i++)
		o->side.modules[i] = (struct check_module){
		    .name = m->modules[i].name,
		    .file = m->modules[i].file,
		    .command = m->modules[i].command,
		    .object = m->modules[i].archive ? m->modules[i].archive
						    : m->modules[i].object,
		    .deps = m->modules[i].deps,
		};
}

static int program_open(struct check_operand *o, const char *hot, char **err)
{
	char *path = path_join(hot, "manifest.json");
	struct manifest *m;
	int r = manifest_read(&m, path, err);

	if (r == 0)
		manifest_side(o, m);
	free(path);
	return r;
}

/* --- an object ------------------------------------------------------------ */

static int object_link(const char *rewritten, const char *scratch, char **file,
		       const char *name, char **err)
{
	char *clang = tool_find("clang-19"), *out, **argv;
	char *linker = tool_module_linker(clang ? clang : "clang");
	struct modlink l = {.linker = linker,
			    .object = rewritten,
			    .codeserver = path_codeserver(err),
			    .base = 0x550000400000ull};
	uint64_t size;
	int r = -1;

	l.out = out = xasprintf("%s.so", rewritten);
	if (!linker) {
		fail(err, "no linker was found; install binutils or lld");
	} else if (l.codeserver) {
		argv = modlink_argv(&l);
		r = cc_run(argv, NULL, err);
		argv_free(argv);
		if (r > 0)
			r = fail(err, "the linker failed (see above)");
	}
	if (r == 0)
		r = modlink_seal(out, scratch, path_base(name), file, &size,
				 err);
	unlink(out);
	free(out);
	free((char *)l.codeserver);
	free(linker);
	free(clang);
	return r;
}

/* The module's name, of the source that the record tells. */
static char *module_name(const char *record)
{
	cJSON *o = cJSON_Parse(record);
	const char *source = json_str(o, "source");
	char *root = path_project(json_str(o, "dir"));
	const char *from = source;
	char *name;

	if (root && path_under(source, root))
		from = source + strlen(root) + 1;
	else
		from = path_base(source);
	name = xstrndup(from, strlen(from) - (ends_with(from, ".c") ? 2 : 0));
	free(root);
	cJSON_Delete(o);
	return name;
}

static int object_rewritten(struct object *object, const char *name,
			    const char *source, const char *scratch,
			    const char *temporary, char **file, char **err)
{
	char *rewritten = path_join(scratch, temporary), **funcs = NULL;
	size_t n;
	int r = object_rewrite(object, name, source, false, rewritten, &funcs,
			       &n, err);

	if (r == 0) {
		freev(funcs);
		r = object_link(rewritten, scratch, file, name, err);
	}
	unlink(rewritten);
	free(rewritten);
	return r;
}

int check_link(const char *path, const char *name, const char *source,
	       const char *scratch, const char *temporary, char **file,
	       char **err)
{
	struct object *object;
	int r = object_open(&object, path, NULL, 0, err);

	if (r < 0)
		return -1;
	r = object_rewritten(object, name, source, scratch, temporary, file,
			     err);
	object_close(object);
	return r;
}

static int object_side(struct check_operand *o, struct object *object,
		       const char *name, const char *scratch, char **err)
{
	const char *record = object_record(object);
	cJSON *parsed;
	int r;

	if (!record)
		return fail(err, "not compiled by hotwatch cc");
	o->owned->name = name ? xstrdup(name) : module_name(record);
	parsed = cJSON_Parse(record);
	r = object_rewritten(object, o->owned->name, json_str(parsed, "source"),
			     scratch, "rewritten.o", &o->owned->file, err);
	cJSON_Delete(parsed);
	return r;
}

static void one_module(struct check_operand *o)
{
	o->owned->one = (struct check_module){.name = o->owned->name,
					      .file = o->owned->file};
	o->side.modules = xcalloc(1, sizeof(*o->side.modules));
	o->side.modules[0] = o->owned->one;
	o->side.n = 1;
}

static int object_operand(struct check_operand *o, const char *path,
			  const char *name, const char *scratch, char **err)
{
	struct object *object;
	char *why = NULL;
	int r = object_open(&object, path, NULL, 0, err);

	if (r < 0)
		return -1;
	r = object_side(o, object, name, scratch, &why);
	object_close(object);
	if (r < 0)
		fail(err, "%s: %s", path, why ? why : "cannot be linked");
	else
		one_module(o);
	free(why);
	return r;
}

/* --- any ------------------------------------------------------------------ */

static int operand_read(struct check_operand *o, const char *path,
			const char *name, const char *scratch, char **err)
{
	struct stat st;
	char *hot;
	int r;

	if (stat(path, &st) < 0)
		return fail(err, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return program_open(o, path, err);
	if (ends_with(path, ".o"))
		return object_operand(o, path, name, scratch, err);
	if (ends_with(path, ".so")) {
		o->owned->name = xstrdup(name ? name : "module");
		o->owned->file = xstrdup(path);
		one_module(o);
		return 0;
	}
	hot = xasprintf("%s.hot", path);
	r = file_exists(hot)
		? program_open(o, hot, err)
		: fail(err,
		       "%s: neither an object, nor a program with %s.hot "
		       "beside it; build it with hotwatch cc",
		       path, path_base(path));
	free(hot);
	return r;
}

int check_operand_open(struct check_operand *o, const char *path,
		       const char *name, const char *scratch, char **err)
{
	*o = (struct check_operand){.owned = xcalloc(1, sizeof(*o->owned))};
	return operand_read(o, path, name, scratch, err);
}

void check_operand_free(struct check_operand *o)
{
	if (!o->owned)
		return;
	manifest_free(o->owned->manifest);
	free(o->owned->name);
	free(o->owned->file);
	free(o->owned);
	free(o->side.modules);
	free(o->root);
	*o = (struct check_operand){0};
}
