/* SPDX-License-Identifier: MIT
 *
 * A few lines of C as a sealed module in memory, its section of types opened,
 * and the initial bytes of its variables.
 */
#ifndef TESTS_LAYOUT_FIXTURE_H
#define TESTS_LAYOUT_FIXTURE_H

#include <elf.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codeserver/descriptor.h"
#include "codeserver/layout.h"
#include "tests/unit/check.h"
#include "tests/unit/scratch.h"
#include "watcher/object.h"
#include "watcher/util.h"

extern char **environ;

struct sample {
	char *data; /* the file */
	size_t len;
	const struct hw_module *desc;
	uint64_t desc_addr;
	const void *section; /* .hw.types */
	size_t section_size;
	struct layout layout;
};

static inline bool sample_run(char *const *argv)
{
	pid_t pid;
	int status;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		return false;
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static inline void sample_find(struct sample *s)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)s->data;
	const Elf64_Shdr *sh = (const void *)(s->data + e->e_shoff);
	const char *names = s->data + sh[e->e_shstrndx].sh_offset;

	for (int i = 1; i < e->e_shnum; i++) {
		const char *name = names + sh[i].sh_name;

		if (!strcmp(name, ".hw.module")) {
			s->desc = (const void *)(s->data + sh[i].sh_offset);
			s->desc_addr = sh[i].sh_addr;
		}
		if (!strcmp(name, LAYOUT_SECTION)) {
			s->section = s->data + sh[i].sh_offset;
			s->section_size = sh[i].sh_size;
		}
	}
}

static inline void sample_link(struct sample *s, struct object *o,
			       const char *dir, char **err)
{
	char *rw = path_join(dir, "rw.o"), *out = path_join(dir, "out");
	struct modlink l = {.linker = "ld",
			    .object = rw,
			    .codeserver = "/dev/null",
			    .base = HW_ARENA_BASE + 0x100000,
			    .out = out};
	char **argv = modlink_argv(&l), *file = NULL;
	uint64_t size;

	if (object_rewrite(o, "m", "/p/m.c", true, rw, NULL, NULL, err) == 0 &&
	    CHECK(sample_run(argv)) &&
	    modlink_seal(out, dir, "m", &file, &size, err) == 0 &&
	    CHECK_INT_EQ(file_read(file, &s->data, &s->len, NULL), 0))
		sample_find(s);
	argv_free(argv);
	free(file);
	free(rw);
	free(out);
}

/* SOURCE at the level OPT ("-O2"), as a hot build compiles it. */
static inline struct sample sample_build(const char *source, const char *opt)
{
	char *dir = scratch_new("hw-layout"), *err = NULL;
	char *c = path_join(dir, "m.c"), *obj = path_join(dir, "m.o");
	const char *argv[] = {"clang-19",
			      "-fPIC",
			      "-fno-semantic-interposition",
			      "-ffunction-sections",
			      "-fdata-sections",
			      "-fkeep-persistent-storage-variables",
			      "-femulated-tls",
			      "-g",
			      "-w",
			      opt,
			      "-c",
			      c,
			      "-o",
			      obj,
			      NULL};
	struct sample s = {0};
	struct object *o = NULL;

	CHECK_INT_EQ(file_write(c, source, strlen(source), NULL), 0);
	if (!CHECK(sample_run((char *const *)argv)))
		check_print("source", source);
	if (object_open(&o, obj, NULL, 0, &err) == 0)
		sample_link(&s, o, dir, &err);
	CHECK_STR_EQ(err, NULL);
	CHECK_INT_EQ(layout_open(&s.layout, s.section, s.section_size), 0);
	object_close(o);
	free(err);
	free(c);
	free(obj);
	scratch_remove(dir);
	return s;
}

static inline void sample_free(struct sample *s)
{
	free(s->data);
	*s = (struct sample){0};
}

/* The address that variable ID was linked for, 0: there is none. */
static inline uint64_t sample_address(const struct sample *s, const char *id)
{
	const char *d = (const char *)s->desc;
	const struct hw_var *v = (const void *)(d + s->desc->vars);

	for (uint32_t i = 0; i < s->desc->nvars; i++)
		if (!strcmp(d + v[i].name, id))
			return s->desc_addr +
			       (uint64_t)((const char *)&v[i].addr - d) +
			       (uint64_t)(int64_t)v[i].addr;
	return 0;
}

/* The initial content of variable ID, SIZE bytes; malloc'd. */
static inline char *sample_image(const struct sample *s, const char *id,
				 size_t size)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)s->data;
	const Elf64_Phdr *ph = (const void *)(s->data + e->e_phoff);
	uint64_t at = sample_address(s, id), from;
	char *image = xcalloc(1, size + 1);

	for (int i = 0; at && i < e->e_phnum; i++) {
		from = at - ph[i].p_vaddr;
		if (ph[i].p_type == PT_LOAD && from < ph[i].p_filesz)
			memcpy(image, s->data + ph[i].p_offset + from,
			       size < ph[i].p_filesz - from
				   ? size
				   : ph[i].p_filesz - from);
	}
	return image;
}

#endif
