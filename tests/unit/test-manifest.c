/* SPDX-License-Identifier: MIT
 *
 * The manifest: what is written is read again, what is damaged is refused.
 */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "watcher/manifest.h"
#include "watcher/util.h"

static char dir[] = "/tmp/hw-manifest-XXXXXX";
static char *path;

static void folder_make(void)
{
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	CHECK(mkdtemp(dir) != NULL);
	path = path_join(dir, "manifest.json");
}

static void folder_remove(void)
{
	unlink(path);
	rmdir(dir);
	free(path);
}

static char *command[] = {"clang", "-DX=\"a b\"", "-c", "gr\xc3\xbc\xc3\x9f.c",
			  NULL};
static char *env[] = {"CPATH=/x=y", "SOURCE_DATE_EPOCH=", NULL};
static char *deps[] = {"/p/a b.c", "/p/h.h", NULL};
static char *none[] = {NULL};

static struct manifest sample(struct manifest_module *modules)
{
	modules[0] =
	    (struct manifest_module){.name = "src/server",
				     .source = "/p/a b.c",
				     .object = "/p/a.o",
				     .archive = "/p/lib.a",
				     .hash = "0123456789abcdef0123456789abcdef",
				     .file = path_join(dir, "obj/a-1.so"),
				     .base = 0x550000400000,
				     .size = 1234567,
				     .dir = "/p",
				     .command = command,
				     .env = env,
				     .depfile = "/p/.hotwatch/a.o.d",
				     .deps = deps};
	modules[1] = modules[0];
	modules[1].name = "test/server";
	modules[1].archive = modules[1].depfile = NULL;
	modules[1].env = none;
	modules[2] = modules[1];
	modules[2].name = "main";
	return (struct manifest){.path = path,
				 .hot = dir,
				 .program = "/p/prog",
				 .root = "/p",
				 .dir = "/p",
				 .link = command,
				 .libs = none,
				 .stubs = path_join(dir, "obj/stubs-1.so"),
				 .next_base = 0x550004000000,
				 .modules = modules,
				 .nmodules = 3};
}

static void list_eq(char *const *got, char *const *want)
{
	size_t n = lenv(want);

	if (!CHECK_INT_EQ(lenv(got), n))
		return;
	for (size_t i = 0; i < n; i++)
		CHECK_STR_EQ(got[i], want[i]);
}

static void module_eq(const struct manifest_module *got,
		      const struct manifest_module *want)
{
	CHECK_STR_EQ(got->name, want->name);
	CHECK_STR_EQ(got->source, want->source);
	CHECK_STR_EQ(got->object, want->object);
	CHECK_STR_EQ(got->archive, want->archive);
	CHECK_STR_EQ(got->hash, want->hash);
	CHECK_STR_EQ(got->file, want->file);
	CHECK_INT_EQ(got->base, want->base);
	CHECK_INT_EQ(got->size, want->size);
	CHECK_STR_EQ(got->dir, want->dir);
	list_eq(got->command, want->command);
	list_eq(got->env, want->env);
	CHECK_STR_EQ(got->depfile, want->depfile);
	list_eq(got->deps, want->deps);
}

static void sample_free(struct manifest *m)
{
	free(m->stubs);
	free(m->modules[0].file);
}

static void what_is_written_is_read(void)
{
	struct manifest_module modules[3];
	struct manifest m, *got = NULL;
	char *err = NULL;

	folder_make();
	m = sample(modules);
	CHECK_INT_EQ(manifest_write(&m, &err), 0);
	if (CHECK_INT_EQ(manifest_read(&got, path, &err), 0)) {
		CHECK_STR_EQ(got->path, path);
		CHECK_STR_EQ(got->hot, dir);
		CHECK_STR_EQ(got->program, m.program);
		CHECK_STR_EQ(got->root, m.root);
		CHECK_STR_EQ(got->stubs, m.stubs);
		CHECK_INT_EQ(got->next_base, m.next_base);
		list_eq(got->link, m.link);
		list_eq(got->libs, m.libs);
		for (size_t i = 0; CHECK_INT_EQ(got->nmodules, 3) && i < 3; i++)
			module_eq(&got->modules[i], &modules[i]);
	} else {
		printf("# %s\n", err);
	}
	manifest_free(got);
	sample_free(&m);
	folder_remove();
}

static void a_folder_that_was_moved_is_read(void)
{
	struct manifest_module modules[3];
	struct manifest m, *got = NULL;
	char *moved, *file;

	folder_make();
	m = sample(modules);
	CHECK_INT_EQ(manifest_write(&m, NULL), 0);
	moved = xasprintf("%s-moved", dir);
	CHECK_INT_EQ(rename(dir, moved), 0);
	free(path);
	path = path_join(moved, "manifest.json");
	file = path_join(moved, "obj/a-1.so");
	if (CHECK_INT_EQ(manifest_read(&got, path, NULL), 0))
		CHECK_STR_EQ(got->modules[0].file, file);
	manifest_free(got);
	sample_free(&m);
	unlink(path);
	rmdir(moved);
	free(moved);
	free(file);
	free(path);
}

static void names_are_found_whole_or_by_a_unique_last_part(void)
{
	struct manifest_module modules[3];
	struct manifest m;
	int ambiguous;

	folder_make();
	m = sample(modules);
	CHECK(manifest_find(&m, "src/server", &ambiguous) == &modules[0]);
	CHECK_INT_EQ(ambiguous, 0);
	CHECK(manifest_find(&m, "server", &ambiguous) == NULL);
	CHECK_INT_EQ(ambiguous, 1);
	CHECK(manifest_find(&m, "erver", &ambiguous) == NULL);
	CHECK_INT_EQ(ambiguous, 0);
	CHECK(manifest_find(&m, "", &ambiguous) == NULL);
	CHECK_INT_EQ(ambiguous, 0);
	CHECK(manifest_find(&m, "main", &ambiguous) == &modules[2]);
	sample_free(&m);
	folder_remove();
}

static void damage_is_refused_with_the_path_and_the_member(void)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
	    {"", "not a manifest"},
	    {"{\"hotwatch\":1", "not a manifest"},
	    {"[1]", "not a manifest"},
	    {"{\"hotwatch\":2}", "another hotwatch"},
	    {"{\"hotwatch\":1}", "\"program\""},
	    {"{\"hotwatch\":1,\"program\":7}", "\"program\""},
	    {"{\"hotwatch\":1,\"program\":\"/p\",\"root\":\"/\",\"dir\":\"/\","
	     "\"stubs\":\"s\",\"next_base\":\"0x1g\"}",
	     "\"next_base\""},
	    {"{\"hotwatch\":1,\"program\":\"/p\",\"root\":\"/\",\"dir\":\"/\","
	     "\"stubs\":\"s\",\"next_base\":\"0x1\"}",
	     "\"modules\""},
	    {"{\"hotwatch\":1,\"program\":\"/p\",\"root\":\"/\",\"dir\":\"/\","
	     "\"stubs\":\"s\",\"next_base\":\"0x1\",\"modules\":[{}]}",
	     "\"name\""},
	    {"{\"hotwatch\":1,\"program\":\"/p\",\"root\":\"/\",\"dir\":\"/\","
	     "\"stubs\":\"s\",\"next_base\":\"0x1\",\"modules\":[3]}",
	     "\"name\""},
	};

	folder_make();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct manifest *m = NULL;
		char *err = NULL;

		file_write(path, cases[i].text, strlen(cases[i].text), NULL);
		CHECK_INT_EQ(manifest_read(&m, path, &err), -1);
		CHECK_STR_HAS(err, path);
		CHECK_STR_HAS(err, cases[i].message);
		free(err);
	}
	folder_remove();
}

static void writing_leaves_no_other_file(void)
{
	struct manifest_module modules[3];
	struct manifest m;
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	folder_make();
	m = sample(modules);
	CHECK_INT_EQ(manifest_write(&m, NULL), 0);
	CHECK_INT_EQ(manifest_write(&m, NULL), 0);
	d = opendir(dir);
	while (CHECK(d != NULL) && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	CHECK_INT_EQ(n, 1);
	sample_free(&m);
	folder_remove();
}

static void a_missing_file_is_an_error_that_names_it(void)
{
	struct manifest *m = NULL;
	char *err = NULL;

	CHECK_INT_EQ(manifest_read(&m, "/nonexistent/m.json", &err), -1);
	CHECK_STR_HAS(err, "/nonexistent/m.json");
	free(err);
}

static const struct check tests[] = {
    {"what is written is read", what_is_written_is_read},
    {"a folder that was moved is read", a_folder_that_was_moved_is_read},
    {"names are found whole or by a unique last part",
     names_are_found_whole_or_by_a_unique_last_part},
    {"damage is refused with the path and the member",
     damage_is_refused_with_the_path_and_the_member},
    {"writing leaves no other file", writing_leaves_no_other_file},
    {"a missing file is an error that names it",
     a_missing_file_is_an_error_that_names_it},
};
CHECK_MAIN(tests)
