/* SPDX-License-Identifier: MIT
 *
 * The stubs' object and archives, as bytes: what is written can be read by the
 * tools that are not ours.
 */
#include <dlfcn.h>
#include <elf.h>
#include <stdlib.h>
#include <unistd.h>

#include "codeserver/descriptor.h"
#include "tests/unit/check.h"
#include "watcher/archive.h"
#include "watcher/stubs.h"
#include "watcher/util.h"

static struct stubs_func one[] = {{"f", false}, {"a/b:s", false}};
static struct stubs_func two[] = {{"f", false}, {"g\"\\ \xc3\xbc", false}};
static struct stubs_module modules[] = {{"a/b", "/x/a.so", one, 2},
					{"c", "/x/c.so", two, 2}};

static void names_clear(void)
{
	for (size_t i = 0; i < 2; i++)
		one[i].named = two[i].named = false;
}

/* ARG: which module's f is strong, as a bit. */
static bool weak(size_t module, size_t func, void *arg)
{
	return func == 0 && !(*(unsigned *)arg & 1u << module);
}

static void the_strong_definition_has_the_name(void)
{
	static const struct {
		unsigned strong;
		bool first;
	} cases[] = {{0, true}, {1, true}, {2, false}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned strong = cases[i].strong;

		names_clear();
		stubs_name(modules, 2, weak, &strong);
		CHECK_INT_EQ(one[0].named, cases[i].first);
		CHECK_INT_EQ(two[0].named, !cases[i].first);
		CHECK(one[1].named && two[1].named);
	}
}

/* Links the object and loads it: the dynamic linker is the judge. */
static void the_object_links_and_jumps_through_its_table(void)
{
	char dir[] = "/tmp/hw-stubs-XXXXXX";
	struct stubs s = {modules, 2, 100, "/m.json", "/", "/p"};
	const struct hw_program *p;
	unsigned strong = 1;
	void *data, *lib;
	uint64_t placed[4] = {0}; /* a thread-local's control object */
	void *(*copy)(void *control);
	size_t len;
	char *o, *so, *command, *tls;

	names_clear();
	stubs_name(modules, 2, weak, &strong);
	data = stubs_object(&s, &len);
	CHECK(mkdtemp(dir) != NULL);
	o = path_join(dir, "s.o");
	so = path_join(dir, "s.so");
	CHECK_INT_EQ(file_write(o, data, len, NULL), 0);
	command = xasprintf("ld.lld-19 -shared -z undefs --eh-frame-hdr "
			    "--fatal-warnings --defsym=hw.module.c=4096 "
			    "--defsym=hw.module.a/b=4096 "
			    "--defsym=hw_emutls_get_address=4096 %s -o %s",
			    o, so);
	CHECK_INT_EQ(system(command), 0);
	lib = dlopen(so, RTLD_NOW | RTLD_LOCAL);
	if (!CHECK(lib != NULL)) {
		printf("# %s\n", dlerror());
		goto out;
	}
	p = dlsym(lib, "hw_program");
	if (!CHECK(p != NULL))
		goto out;
	CHECK(!memcmp(p->magic, HW_MAGIC, 8));
	CHECK_INT_EQ(p->nfuncs, 4);
	CHECK_INT_EQ(p->nmodules, 2);
	CHECK_STR_EQ(p->manifest, "/m.json");
	CHECK_STR_EQ(p->modules[1].file, "/x/c.so");
	CHECK_INT_EQ(p->modules[1].first, 2);
	CHECK(*p->table == p->first_table);
	CHECK(dlsym(lib, "f") == p->stubs);
	CHECK(dlsym(lib, two[1].id) == (const char *)p->stubs + 48);
	tls = (char *)__builtin_thread_pointer() + p->tls_offset();
	CHECK_INT_EQ(p->tls_size, 100);
	CHECK_INT_EQ((uintptr_t)tls % HW_TLS_ALIGN, 0);
	CHECK_INT_EQ(tls[0] | tls[99], 0);
	placed[2] = (uint64_t)p->tls_offset();
	copy = (void *(*)(void *))(uintptr_t)p->emutls;
	CHECK(copy(placed) == tls);
	p->first_table[1] = (void *)(uintptr_t)getpid;
	if (CHECK(dlsym(lib, "a/b:s") != NULL))
		CHECK_INT_EQ(((int (*)(void))dlsym(lib, "a/b:s"))(), getpid());
out:
	unlink(o);
	unlink(so);
	rmdir(dir);
	free(data);
	free(o);
	free(so);
	free(command);
}

static void members_are_copied_from_archive_to_archive(void)
{
	static const char ar[] =
	    "!<arch>\n"
	    "//                                              20        `\n"
	    "a_very_long_name.o/\n"
	    "/0              0           0     0     644     3         `\n"
	    "abc\n"
	    "short.o/        0           0     0     644     2         `\n"
	    "de";
	char path[] = "/tmp/hw-archive-XXXXXX", *copy, *data = NULL;
	struct archive *a = NULL;
	int fd = mkstemp(path);
	size_t len = 0;

	CHECK(fd >= 0 && close(fd) == 0);
	copy = xasprintf("%s.a", path);
	CHECK_INT_EQ(file_write(path, ar, sizeof(ar) - 1, NULL), 0);
	if (CHECK_INT_EQ(archive_open(&a, path, NULL), 0) &&
	    CHECK_INT_EQ(a->n, 2)) {
		long offsets[] = {a->members[0].offset};

		CHECK_STR_EQ(a->members[0].name, "a_very_long_name.o");
		CHECK_STR_EQ(a->members[1].name, "short.o");
		CHECK_INT_EQ(archive_write(a, offsets, 1, copy, NULL), 0);
	}
	archive_close(a);
	CHECK_INT_EQ(archive_member(path, "short.o", 0, &data, &len, NULL), 0);
	CHECK_STR_EQ(data, "de");
	free(data);
	data = NULL;
	if (CHECK_INT_EQ(archive_open(&a, copy, NULL), 0) &&
	    CHECK_INT_EQ(a->n, 1)) {
		long at = a->members[0].offset;

		CHECK_INT_EQ(archive_member(copy, "?", at, &data, &len, NULL),
			     0);
		CHECK_STR_EQ(data, "abc");
	}
	archive_close(a);
	free(data);
	unlink(path);
	unlink(copy);
	free(copy);
}

static void a_cut_archive_is_refused(void)
{
	static const char ar[] =
	    "!<arch>\n"
	    "a.o/            0           0     0     644     30        `\n"
	    "abc";
	char path[] = "/tmp/hw-archive-XXXXXX", *err = NULL;
	int fd = mkstemp(path);
	struct archive *a;

	CHECK(fd >= 0 && close(fd) == 0);
	CHECK_INT_EQ(file_write(path, ar, sizeof(ar) - 1, NULL), 0);
	CHECK_INT_EQ(archive_open(&a, path, &err), -1);
	CHECK_STR_HAS(err, "cut off");
	free(err);
	unlink(path);
}

static const struct check tests[] = {
    {"the strong definition has the name", the_strong_definition_has_the_name},
    {"the stubs' object links and jumps through its table",
     the_object_links_and_jumps_through_its_table},
    {"members are copied from archive to archive",
     members_are_copied_from_archive_to_archive},
    {"a cut archive is refused", a_cut_archive_is_refused},
};
CHECK_MAIN(tests)
